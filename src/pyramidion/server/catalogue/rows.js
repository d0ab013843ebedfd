// @ts-check
import { h, shownText } from './dom.js';

/** @typedef {import('./feed.js').Entry} Entry */

const FIRST = 60;
const MORE = 120;
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** The rows of the list: as many as were scrolled to, each made once. */
export class Rows {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.list = h('ul', { class: 'entries' });
    /** @type {Map<string, {entry: Entry, row: HTMLLIElement}>} */ this.made = new Map();
    /** Pictures of the rows that the page came with: they are loading. @type {Map<string, HTMLImageElement>} */
    this.pictures = new Map();
    for (const image of place.querySelectorAll('img')) this.pictures.set(image.getAttribute('src') ?? '', image);
    /** @type {Entry[]} */ this.entries = [];
    this.shown = FIRST;
  }

  /** @returns {boolean} */
  get hasMore() {
    return this.shown < this.entries.length;
  }

  /** @param {Entry[]} entries  All that are to be seen, in order. @param {boolean} anew  From the first rows on. */
  draw(entries, anew) {
    this.entries = entries;
    if (anew) this.shown = FIRST;
    if (this.list.parentNode !== this.place || this.place.children.length !== 1) this.place.replaceChildren(this.list);
    const focused = this.focusedName();
    /** @type {Map<string, {entry: Entry, row: HTMLLIElement}>} */ const kept = new Map();
    let next = this.list.firstElementChild;
    for (const entry of entries.slice(0, this.shown)) {
      const known = this.made.get(entry.name);
      const row = known && isSame(known.entry, entry) ? known.row : makeRow(entry, this.pictures.get(entry.thumbnail));
      kept.set(entry.name, { entry, row });
      if (row === next) next = next.nextElementSibling;
      else this.list.insertBefore(row, next);
    }
    while (next) {
      const after = next.nextElementSibling;
      next.remove();
      next = after;
    }
    this.made = kept;
    this.pictures.clear();
    if (focused && !this.list.contains(document.activeElement)) this.focusNear(focused);
  }

  /** Show none. */
  clear() {
    this.entries = [];
    this.made.clear();
    this.list.replaceChildren();
  }

  /** Show further rows. */
  more() {
    this.shown += MORE;
    this.draw(this.entries, false);
  }

  /** Show at least the row of this name. @param {string} name @returns {boolean} Whether it is in the list. */
  reveal(name) {
    const at = this.entries.findIndex((entry) => entry.name === name);
    if (at < 0) return false;
    if (at >= this.shown) {
      this.shown = at + MORE;
      this.draw(this.entries, false);
    }
    this.link(name)?.focus();
    return true;
  }

  /** @param {number} step  Rows down, or up if negative. @returns {boolean} Whether there was one. */
  move(step) {
    const at = this.entries.findIndex((entry) => entry.name === this.focusedName());
    const to = this.entries[at + step];
    return at >= 0 && to !== undefined && this.reveal(to.name);
  }

  /** @param {'first' | 'last'} which @returns {boolean} */
  end(which) {
    const drawn = this.entries.slice(0, this.shown);
    const to = which === 'first' ? drawn[0] : drawn[drawn.length - 1];
    return to !== undefined && this.reveal(to.name);
  }

  /** @returns {string} Name of the dataset whose row has the focus, or ''. */
  focusedName() {
    const row = document.activeElement?.closest('.entry');
    return row instanceof HTMLElement && this.list.contains(row) ? row.dataset.name ?? '' : '';
  }

  /** The row with the focus was replaced, or is gone. @param {string} name */
  focusNear(name) {
    const same = this.link(name);
    if (same) same.focus({ preventScroll: true });
    else this.place.focus({ preventScroll: true });
  }

  /** @param {string} name @returns {HTMLElement | null} */
  link(name) {
    return this.made.get(name)?.row.querySelector('a') ?? null;
  }
}

/** @param {Entry} a @param {Entry} b @returns {boolean} */
function isSame(a, b) {
  return a === b || (a.text === b.text && a.changed === b.changed && a.viewer === b.viewer && a.state === b.state);
}

/** @param {Entry} entry @param {HTMLImageElement} [loading] @returns {HTMLLIElement} */
function makeRow(entry, loading) {
  const name = entry.folder ? entry.name.slice(entry.folder.length + 1) : entry.name;
  const where = entry.folder ? h('span', { class: 'where' }, `${shownText(entry.folder.split('/').join(' / '))} / `) : null;
  const facts = h('p', { class: 'facts' });
  for (const fact of entry.facts) facts.append(h('span', {}, shownText(fact)), ' ');
  const badge = entry.badge ? h('span', { class: entry.state === 'unfinished' ? 'badge quiet' : 'badge' }, entry.badge) : null;
  return h(
    'li', { class: `entry ${entry.kind}`, 'data-name': entry.name },
    picture(entry, loading),
    h('div', { class: 'words' }, h('a', { href: entry.viewer }, where, h('strong', {}, shownText(name))), badge, facts),
    h('span', { class: 'size' }, entry.size),
    date(entry.changed),
  );
}

/** @param {Entry} entry @param {HTMLImageElement} [loading] @returns {HTMLElement} A neutral sign where there is no picture. */
function picture(entry, loading) {
  const frame = h('span', { class: 'picture', 'aria-hidden': 'true' });
  if (!entry.thumbnail) {
    frame.classList.add('none');
    return frame;
  }
  const image = loading ?? h('img', { alt: '', loading: 'lazy', decoding: 'async', width: 128, height: 72, src: entry.thumbnail });
  const giveUp = () => {
    image.remove();
    frame.classList.add('none');
  };
  image.addEventListener('error', giveUp, { once: true });
  frame.append(image);
  if (image.complete && image.naturalWidth === 0 && loading) giveUp(); // it failed before anyone listened
  return frame;
}

/** @param {number | null} seconds @returns {HTMLElement} */
function date(seconds) {
  const moment = new Date((seconds ?? NaN) * 1000);
  if (Number.isNaN(moment.getTime())) return h('span', { class: 'changed' });
  return h('time', { class: 'changed', datetime: moment.toISOString(), title: 'Changed' }, DAY.format(moment), h('span', { class: 'clock' }, ` ${CLOCK.format(moment)}`));
}
