// @ts-check
import { h, setText } from '../frame/dom.js';
import { loadStyle } from '../frame/style.js';
import { COLORMAPS } from './colormaps.js';
import { BINS, countValues } from './histogram.js';

/**
 * The range of a channel: histogram with two handles, its ends as numbers, automatic ranges, and the colour map.
 *
 * @typedef {import('./types.js').Coloured} Coloured
 */

const REST = 120; // ms without a change

/** @param {Coloured} panel @param {string} reset   What the way back to the first range is called. @returns {Promise<RangeCard>} */
export async function openRangeCard(panel, reset) {
  await loadStyle(new URL('./rangecard.css', import.meta.url).href);
  return new RangeCard(panel, reset);
}

export class RangeCard {
  /** Called when words and fields are brought up to date. */
  shows = () => {};

  /** @type {import('./histogram.js').Counts | null} */ #shown = null;
  #timer = 0;
  /** What words and fields were written for. */ #placed = '';
  /** A handle is being dragged: the scale under it must stay. */ #held = false;

  /** @param {Coloured} panel @param {string} reset */
  constructor(panel, reset) {
    this.panel = panel;
    this.look = panel.look;
    this.canvas = h('canvas', { class: 'histogram', width: 2 * BINS, height: 72, 'aria-hidden': 'true' });
    this.handles = /** @type {const} */ (['low', 'high']).map((end) => this.#handle(end));
    this.fields = [this.#field('Darkest'), this.#field('Brightest')];
    this.maps = h('select', { 'aria-label': 'Colour map', onchange: () => panel.setMap(this.maps.value) },
      h('option', { value: 'own' }, 'Colours of the channels'), ...COLORMAPS.map(({ id, label }) => h('option', { value: id }, label)));
    this.name = h('h3');
    this.auto = h('button', { type: 'button', class: 'plain', title: 'C', onclick: () => panel.contrast.auto() }, 'Auto');
    this.element = h(
      'div', { class: 'range-card' },
      this.name,
      h('div', { class: 'spread' }, this.canvas, ...this.handles),
      h('div', { class: 'ends' }, ...this.fields.map(({ element }) => element)),
      h('div', { class: 'pair' }, this.auto, h('button', { type: 'button', class: 'plain', title: 'Shift+C', onclick: () => panel.contrast.reset() }, reset)),
      h('label', { class: 'tool-row' }, 'Colours', this.maps),
    );
  }

  get #channel() {
    return this.look.channels[this.look.chosen];
  }

  /** What words and fields depend on. */
  get #now() {
    return `${this.look.version} ${this.look.chosen} ${this.panel.contrast.following}`;
  }

  /** @param {string} name */
  #field(name) {
    const input = h('input', { type: 'number', step: 'any', 'aria-label': `${name} value`, onchange: () => this.#typed() });
    return { input, element: h('label', {}, name, input) };
  }

  #typed() {
    const [low, high] = this.fields.map(({ input }) => Number(input.value));
    if (high > low) this.panel.setChannel(this.look.chosen, { range: [low, high] });
    else this.update();
  }

  /** @param {'low' | 'high'} end @returns {HTMLElement} */
  #handle(end) {
    const element = h('div', { class: `handle handle-${end}`, 'aria-hidden': 'true' });
    element.addEventListener('pointerdown', (event) => {
      element.setPointerCapture(event.pointerId);
      this.#held = true;
    });
    element.addEventListener('pointermove', (event) => {
      const { range } = this.#channel;
      if (!element.hasPointerCapture(event.pointerId) || !this.#shown || !range) return;
      const box = this.canvas.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
      const value = Number((this.#shown.low + share * (this.#shown.high - this.#shown.low)).toPrecision(6));
      const [low, high] = range;
      if (end === 'low' ? value < high : value > low) this.panel.setChannel(this.look.chosen, { range: end === 'low' ? [value, high] : [low, value] });
    });
    element.addEventListener('lostpointercapture', () => {
      this.#held = false;
      this.update();
    });
    return element;
  }

  /** The picture or the look has changed: count again, once it rests. */
  later() {
    if (!this.element.isConnected) return;
    // With every frame of a movement: nothing is written that stays as it is.
    if (this.#placed !== this.#now) this.#place();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.update(), REST);
  }

  /** Show everything as it is now. */
  update() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.#held) this.#shown = countValues(this.panel) ?? this.#shown;
    this.#place();
    this.#draw();
  }

  /** Words, fields and handles. */
  #place() {
    this.#placed = this.#now;
    const { visible, map, mapped } = this.look;
    const { label, range } = this.#channel;
    setText(this.name, label);
    const { following } = this.panel.contrast;
    if (following !== undefined) this.auto.setAttribute('aria-pressed', String(following));
    this.maps.value = mapped || visible.length < 2 ? map : 'own';
    this.maps.disabled = visible.length > 1;
    this.maps.title = visible.length > 1 ? 'A colour map is for one channel: hide the others' : '';
    this.fields.forEach(({ input }, i) => {
      if (document.activeElement !== input) input.value = range ? String(Number(range[i].toPrecision(7))) : '';
    });
    this.#placeHandles(range);
    this.shows();
  }

  /** @param {import('./channels.js').Range | null} range */
  #placeHandles(range) {
    const shown = this.#shown;
    for (const handle of this.handles) handle.hidden = !range || !shown;
    if (!range || !shown) return;
    this.handles.forEach((handle, i) => {
      handle.style.left = `${(Math.max(0, Math.min(1, (range[i] - shown.low) / (shown.high - shown.low))) * 100).toFixed(2)}%`;
    });
  }

  #draw() {
    const context = this.canvas.getContext('2d');
    const { range } = this.#channel;
    if (!context || !this.#shown || !range) return;
    const { low, high: last, counts } = this.#shown;
    const { width, height } = this.canvas;
    const css = getComputedStyle(this.element);
    const most = Math.sqrt(1.2 * tall(counts));
    const shade = this.look.shades.find(({ index }) => index === this.look.chosen)?.shade;
    const bar = 10; // the colours below the counts
    context.clearRect(0, 0, width, height);
    for (let i = 0; i < BINS; i++) {
      const value = low + ((i + 0.5) / BINS) * (last - low);
      const share = (value - range[0]) / (range[1] - range[0]);
      const inside = share >= 0 && share <= 1;
      const high = Math.min(1, Math.sqrt(counts[i]) / most) * (height - bar - 4);
      context.fillStyle = css.getPropertyValue(inside ? '--accent' : '--dim');
      context.globalAlpha = inside ? 0.85 : 0.45;
      context.fillRect(2 * i, height - bar - 2 - high, 2, high);
      context.globalAlpha = 1;
      const [r, g, b] = shade ? colourAt(shade, share) : [0, 0, 0];
      context.fillStyle = `rgb(${r} ${g} ${b})`;
      context.fillRect(2 * i, height - bar, 2, bar);
    }
  }
}

/** @param {Float64Array} counts @returns {number} A count that few exceed: one large peak (a dark background) must not flatten the rest. */
function tall(counts) {
  const filled = [...counts].filter((count) => count > 0).sort((a, b) => a - b);
  return filled[Math.floor(0.97 * (filled.length - 1))] ?? 1;
}

/** @param {import('./colour.js').Shade} shade @param {number} share  Below 0 and above 1 outside the range. @returns {number[]} */
function colourAt({ colours, under, over }, share) {
  if (share < 0 && under) return under;
  if (share > 1 && over) return over;
  const i = 3 * Math.round(255 * Math.max(0, Math.min(1, share)));
  return [...colours.subarray(i, i + 3)];
}
