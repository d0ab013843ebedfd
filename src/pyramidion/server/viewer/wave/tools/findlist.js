// @ts-check
import { h } from '../../frame/dom.js';

/**
 * What was found as a list of buttons, which grows while the search goes on.
 *
 * @typedef {import('../search.js').Hit} Hit
 * @typedef {{time: string, detail: string, segment: string}} Words   Of a hit; `segment` is empty where it goes without saying.
 */

/** Lines that are added in one frame. */
const LINES = 100;

export class FindList {
  /** @type {readonly Hit[]} */ #hits = [];
  #key = '';
  /** @type {Hit | null} */ #current = null;
  #frame = 0;

  /** @param {(hit: Hit) => Words} words @param {(hit: Hit) => void} choose */
  constructor(words, choose) {
    this.words = words;
    this.choose = choose;
    this.element = h('ol', { class: 'find-list', 'aria-label': 'Found' });
    this.element.addEventListener('keydown', (event) => this.#arrow(event));
  }

  /** @param {string} key   Of the search: another one begins a new list. @param {readonly Hit[]} hits @param {Hit | null} current */
  show(key, hits, current) {
    if (key !== this.#key || hits.length < this.element.childElementCount) this.element.replaceChildren();
    this.#key = key;
    this.#hits = hits;
    this.#current = current;
    this.#frame ||= requestAnimationFrame(() => this.#grow());
  }

  /** All lines are there. */
  get settled() {
    return this.#frame === 0;
  }

  #grow() {
    const from = this.element.childElementCount;
    this.element.append(...this.#hits.slice(from, from + LINES).map((hit) => this.#line(hit)));
    const whole = this.element.childElementCount >= this.#hits.length;
    this.#frame = whole ? 0 : requestAnimationFrame(() => this.#grow());
    if (whole) this.#showCurrent();
  }

  /** @param {Hit} hit */
  #line(hit) {
    const { time, detail, segment } = this.words(hit);
    return h('li', {}, h(
      'button', { type: 'button', class: 'find-hit', onclick: () => this.choose(hit) },
      h('span', { class: 'find-time' }, time), h('span', { class: 'find-detail' }, detail),
      segment && h('span', { class: 'find-segment' }, segment),
    ));
  }

  #showCurrent() {
    const index = this.#current ? this.#hits.indexOf(this.#current) : -1;
    const line = this.element.children[index]?.querySelector('button') ?? null;
    const before = this.element.querySelector('[aria-current]');
    if (before === line) return;
    before?.removeAttribute('aria-current');
    line?.setAttribute('aria-current', 'true');
    line?.scrollIntoView({ block: 'nearest' });
  }

  /** Up and down go from line to line. @param {KeyboardEvent} event */
  #arrow(event) {
    const by = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    const line = document.activeElement?.closest('li');
    if (!by || !line) return;
    event.preventDefault();
    event.stopPropagation();
    const next = by > 0 ? line.nextElementSibling : line.previousElementSibling;
    next?.querySelector('button')?.focus();
  }
}
