// @ts-check
import { eachBar } from './columns.js';

/**
 * How many of many traces cover each pixel. Pure.
 *
 * A trace covers, in each column, the pixels from its smallest to its largest value there, and as many more as it takes to
 * reach the column before, as it is drawn: no gaps. Counts are exact; traces can be taken out again.
 *
 * @typedef {import('./columns.js').Columns} Columns
 * @typedef {import('./window.js').Window} Window
 */

/** The pixels that one trace covers: rows top[x] to bottom[x], both included, of column x; none where bottom is smaller. */
export class Cover {
  /** @param {number} width */
  constructor(width) {
    this.top = new Int32Array(width);
    this.bottom = new Int32Array(width).fill(-1);
  }
}

/**
 * @param {Columns} columns @param {Window} window
 * @param {(code: number) => number} vertical   Pixels from the top. @param {number} height
 * @returns {Cover}
 */
export function coverOf(columns, window, vertical, height) {
  const cover = new Cover(columns.width);
  eachBar(columns, vertical, (x, top, bottom) => widen(cover, x, top, bottom, height));
  if (columns.runs.length > 0) coverLines(cover, columns, window, vertical, height);
  return cover;
}

/** @param {Cover} cover @param {Columns} columns @param {Window} window @param {(code: number) => number} vertical @param {number} height */
function coverLines(cover, { runs, width }, { a, b }, vertical, height) {
  const step = width / (b - a); // pixels from sample to sample
  let before = NaN; // the sample before: where it is, and how high
  let y0 = NaN;
  for (const { first, count, data, at } of [...runs].sort((p, q) => p.first - q.first)) {
    for (let i = 0; i < count; i++) {
      const y1 = vertical(data[at + i]);
      const x1 = (first + i - a) * step;
      if (before === first + i - 1 && !Number.isNaN(y0)) coverLine(cover, x1 - step, y0, x1, y1, height);
      if (x1 >= 0 && x1 < width) widen(cover, Math.floor(x1), y1, y1, height); // a lone sample is seen, too
      before = first + i;
      y0 = y1;
    }
  }
}

/** @param {Cover} cover @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 @param {number} height */
function coverLine(cover, x0, y0, x1, y1, height) {
  const slope = (y1 - y0) / (x1 - x0);
  const last = Math.min(cover.top.length - 1, Math.ceil(x1) - 1);
  for (let x = Math.max(0, Math.floor(x0)); x <= last; x++) {
    const p = y0 + slope * (Math.max(x, x0) - x0);
    const q = y0 + slope * (Math.min(x + 1, x1) - x0);
    widen(cover, x, p < q ? p : q, p < q ? q : p, height);
  }
}

/** @param {Cover} cover @param {number} x @param {number} top @param {number} bottom   Pixels, with fractions. @param {number} height */
function widen({ top: tops, bottom: bottoms }, x, top, bottom, height) {
  if (!(bottom >= 0 && top < height)) return; // above or below the picture, or no number
  const first = top > 0 ? Math.floor(top) : 0;
  const last = bottom < height ? Math.floor(bottom) : height - 1;
  if (bottoms[x] < tops[x]) {
    tops[x] = first;
    bottoms[x] = last;
  } else {
    if (first < tops[x]) tops[x] = first;
    if (last > bottoms[x]) bottoms[x] = last;
  }
}

/** Counts of covers, for each pixel. */
export class Density {
  /** Where counts change from one row to the next; one row more than the picture has. @type {Int32Array} */ #steps;

  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.#steps = new Int32Array(width * (height + 1));
  }

  /** @param {Cover} cover @param {1 | -1} [times]   -1 takes a cover out again. */
  add({ top, bottom }, times = 1) {
    const { width } = this;
    const steps = this.#steps;
    for (let x = 0; x < width; x++) {
      if (bottom[x] < top[x]) continue;
      steps[top[x] * width + x] += times;
      steps[(bottom[x] + 1) * width + x] -= times;
    }
  }

  /**
   * The counts row by row, from the top: `see` gets those of one row, valid until the next.
   *
   * @param {(y: number, counts: Int32Array) => void} see
   * @param {{y: number, counts: Int32Array}} [place]   Where to go on, and there the place is kept.
   * @param {number} [rows]   How many.
   * @returns {boolean} Whether that was all.
   */
  scan(see, place = { y: 0, counts: new Int32Array(this.width) }, rows = this.height) {
    const { width, height } = this;
    const { counts } = place;
    for (const end = Math.min(height, place.y + rows); place.y < end; place.y++) {
      const at = place.y * width;
      for (let x = 0; x < width; x++) counts[x] += this.#steps[at + x];
      see(place.y, counts);
    }
    return place.y === height;
  }

  /** @param {number} x @param {number} y @returns {number} How many cover one pixel. */
  at(x, y) {
    let count = 0;
    for (let row = 0; row <= y && row < this.height; row++) count += this.#steps[row * this.width + x];
    return count;
  }
}

/**
 * How far a count is from the first colour (1) to the last (`most`): 0 to 1. Nothing at all has no colour.
 *
 * @param {number} count   At least 1. @param {number} most @param {boolean} log @returns {number}
 */
export function shareOfCount(count, most, log) {
  if (most <= 1) return 0;
  return log ? Math.log(count) / Math.log(most) : (count - 1) / (most - 1);
}

/**
 * Colours between a few, 256 of them, as the words of a picture (red in the lowest byte).
 *
 * @param {readonly (readonly [number, number, number])[]} stops   Evenly spaced. @returns {Uint32Array}
 */
export function ramp(stops) {
  const out = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const left = Math.min(stops.length - 2, Math.floor(at));
    const [r, g, b] = [0, 1, 2].map((k) => Math.round(stops[left][k] + (at - left) * (stops[left + 1][k] - stops[left][k])));
    out[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return out;
}
