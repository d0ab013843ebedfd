// @ts-check
/**
 * Many segments one under another: lanes, and where these get too thin for lines, colours. Pure.
 *
 * @typedef {import('./columns.js').Columns} Columns
 */

/** A lane thinner than this (CSS pixels) shows colours instead of a line. */
export const LINE_ROOM = 6;

/**
 * @param {number} count   Lanes. @param {number} height   Device pixels. @param {number} scale   Device pixels per CSS pixel.
 * @returns {{lined: boolean, rows: number, top(lane: number): number, rowOf(lane: number): number}}
 *   `rows` of colour: as many as lanes, at most as many as pixels; `top` is the upper edge of a lane in device pixels.
 */
export function lanes(count, height, scale) {
  const rows = Math.min(count, Math.max(1, height));
  return {
    lined: height / count >= LINE_ROOM * scale,
    rows,
    top: (lane) => Math.round((lane * height) / count),
    rowOf: (lane) => Math.min(rows - 1, Math.floor((lane * rows) / count)),
  };
}

/** Smallest and largest code of each cell of a picture: a column of one or, where there are more lanes than pixels, several lanes. */
export class Cells {
  /** @param {number} width @param {number} rows */
  constructor(width, rows) {
    this.width = width;
    this.rows = rows;
    this.lo = new Float64Array(width * rows).fill(Infinity);
    this.hi = new Float64Array(width * rows).fill(-Infinity);
  }

  /** Take over the only row of another picture, which is empty afterwards. @param {number} row @param {Cells} other */
  take(row, other) {
    this.lo.set(other.lo, row * this.width);
    this.hi.set(other.hi, row * this.width);
    other.lo.fill(Infinity);
    other.hi.fill(-Infinity);
  }

  /** @param {number} row @param {Columns} columns @param {import('./window.js').Window} window */
  add(row, { lo, hi, runs, width }, { a, b }) {
    const at = row * this.width;
    for (let x = 0; x < width; x++) {
      if (lo[x] < this.lo[at + x]) this.lo[at + x] = lo[x];
      if (hi[x] > this.hi[at + x]) this.hi[at + x] = hi[x];
    }
    if (runs.length > 0) this.#hold(at, runs, width, a, b);
  }

  /**
   * Between samples that are further apart than columns, each column has the colour of the nearest sample.
   *
   * @param {number} at @param {Columns['runs']} runs @param {number} width @param {number} a @param {number} b
   */
  #hold(at, runs, width, a, b) {
    const step = width / (b - a);
    for (const { first, count, data, at: place } of runs) {
      for (let i = 0; i < count; i++) {
        const code = data[place + i];
        const from = Math.max(0, Math.round((first + i - 0.5 - a) * step));
        const to = Math.min(width, Math.round((first + i + 0.5 - a) * step));
        for (let x = from; x < to; x++) {
          if (code < this.lo[at + x]) this.lo[at + x] = code;
          if (code > this.hi[at + x]) this.hi[at + x] = code;
        }
      }
    }
  }

  /** @returns {number} The middle of what is usual: half of the cells lie below it; 0 while there are none. */
  middle() {
    const step = Math.max(1, Math.floor(this.lo.length / 4001));
    const some = [];
    for (let i = 0; i < this.lo.length; i += step) {
      const value = (this.lo[i] + this.hi[i]) / 2;
      if (Number.isFinite(value)) some.push(value);
    }
    some.sort((p, q) => p - q);
    return some.length ? some[Math.floor(some.length / 2)] : 0;
  }

  /**
   * The code that a cell shows: the one that is furthest from the middle, so that no lone extreme is averaged away.
   *
   * @param {number} index @param {number} middle @returns {number} NaN for a cell without a number.
   */
  shown(index, middle) {
    const low = this.lo[index];
    const high = this.hi[index];
    if (!(low <= high)) return NaN;
    return high - middle >= middle - low ? high : low;
  }
}

/**
 * The place of a value on a scale of colours with the middle in its middle: 0 to 1, both sides equally steep.
 *
 * @param {number} value @param {number} middle @param {number} reach   The largest distance from the middle. @returns {number}
 */
export function shareOfValue(value, middle, reach) {
  if (!(reach > 0)) return 0.5;
  return Math.max(0, Math.min(1, 0.5 + (value - middle) / (2 * reach)));
}
