// @ts-check
import { coverOf, Density, ramp, shareOfCount } from '../density.js';
import { drawTrace } from '../draw.js';
import { Cells, lanes, shareOfValue } from '../under.js';

/**
 * What many segments look like in one picture: three ways, all filled segment by segment. Painting and scanning are
 * generators, to be run in slices (`slices.js`); they yield the share that is done.
 *
 * @typedef {import('../columns.js').Columns} Columns
 * @typedef {import('../dataset.js').Calibration} Calibration
 * @typedef {import('../window.js').Window} Window
 *
 * @typedef {object} Frame     What a picture is made for.
 * @property {number} width    Device pixels.
 * @property {number} height
 * @property {number} scale    Device pixels per CSS pixel.
 * @property {number} count    Segments.
 * @property {Calibration} calibration
 *
 * @typedef {object} Look
 * @property {boolean} log     Colours of counts on a logarithmic scale.
 * @property {(name: string) => string} css
 * @property {string} trace    Colour of the channel.
 *
 * @typedef {object} Layer
 * @property {(range: {min: number, max: number}) => void} begin   Empty, for values (in units) from `min` to `max`.
 * @property {(lane: number, columns: Columns, window: Window, before: Columns | null) => void} put
 *   One segment, in place of what stood there for it `before`.
 * @property {(context: CanvasRenderingContext2D, look: Look) => Generator<number, void>} paint
 */

const ROWS = 32; // that are painted in one go

/** How many segments cover each pixel. @implements {Layer} */
export class DensityLayer {
  /** The largest count there is. */ most = 0;
  /** @type {Density} */ #density;
  #range = { min: 0, max: 1 };

  /** @param {Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.#density = new Density(frame.width, frame.height);
  }

  /** @param {{min: number, max: number}} range */
  begin(range) {
    this.#range = range;
    this.#density = new Density(this.frame.width, this.frame.height);
  }

  /** @param {number} _lane @param {Columns} columns @param {Window} window @param {Columns | null} before */
  put(_lane, columns, window, before) {
    const { height, calibration: { gain, offset } } = this.frame;
    const { min, max } = this.#range;
    const scale = height / (max - min);
    const vertical = (/** @type {number} */ code) => (max - (code * gain - offset)) * scale;
    if (before) this.#density.add(coverOf(before, window, vertical, height), -1);
    this.#density.add(coverOf(columns, window, vertical, height));
  }

  /** @param {CanvasRenderingContext2D} context @param {Look} look @returns {Generator<number, void>} */
  *paint(context, { log, css }) {
    const { width, height } = this.frame;
    const density = this.#density;
    let most = 0;
    yield* scanned(density, (_y, counts) => {
      for (let x = 0; x < width; x++) if (counts[x] > most) most = counts[x];
    }, 0);
    const shades = ramp(['--density-few', '--density-some', '--density-most'].map((name) => rgb(context, css(name))));
    const table = Uint32Array.from({ length: most + 1 }, (_, count) => (count === 0 ? 0 : shades[Math.round(255 * shareOfCount(count, most, log))]));
    const picture = new ImageData(width, height);
    const words = new Uint32Array(picture.data.buffer);
    yield* scanned(density, (y, counts) => {
      for (let x = 0; x < width; x++) words[y * width + x] = table[counts[x]];
    }, 0.5);
    this.most = most;
    context.putImageData(picture, 0, 0);
  }

  /** @param {number} x @param {number} y   Device pixels. @returns {number} How many segments cover it. */
  countAt(x, y) {
    return this.#density.at(x, y);
  }
}

/** @param {Density} density @param {(y: number, counts: Int32Array) => void} see @param {number} done @returns {Generator<number, void>} */
function* scanned(density, see, done) {
  const place = { y: 0, counts: new Int32Array(density.width) };
  while (!density.scan(see, place, ROWS)) yield done + place.y / density.height / 2;
}

/** One line for each segment, one under another. @implements {Layer} */
export class LineLayer {
  #range = { min: 0, max: 1 };
  /** @type {Map<number, {columns: Columns, window: Window}>} */ #lanes = new Map();

  /** @param {Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.places = lanes(frame.count, frame.height, frame.scale);
  }

  /** @param {{min: number, max: number}} range */
  begin(range) {
    this.#range = range;
    this.#lanes.clear();
  }

  /** @param {number} lane @param {Columns} columns @param {Window} window */
  put(lane, columns, window) {
    this.#lanes.set(lane, { columns, window });
  }

  /** @param {CanvasRenderingContext2D} context @param {Look} look @returns {Generator<number, void>} */
  *paint(context, { css, trace }) {
    const { width, height, scale, count, calibration: { gain, offset } } = this.frame;
    const { min, max } = this.#range;
    const line = Math.max(1, Math.round(scale));
    context.clearRect(0, 0, width, height);
    for (let lane = 0; lane < count; lane++) {
      const top = this.places.top(lane);
      const high = this.places.top(lane + 1) - top;
      context.fillStyle = css('--grid');
      if (lane > 0) context.fillRect(0, top, width, line);
      const found = this.#lanes.get(lane);
      if (!found) continue;
      const unit = (high - 2 * line) / (max - min);
      const vertical = (/** @type {number} */ code) => Math.max(top, Math.min(top + high, top + line + (max - (code * gain - offset)) * unit));
      drawTrace(context, found.columns, found.window, vertical, { trace, scale });
      yield lane / count;
    }
  }
}

/** A row of colours for each segment, one under another; several segments a row where there are more than pixels. @implements {Layer} */
export class ColourLayer {
  /** What the colours mean, in codes: the middle and the largest distance from it. */ middle = 0;
  reach = 0;
  /** @type {Cells} */ #cells;
  /** A row that is shown once all of its segments are here; they come in order. @type {Cells} */ #next;
  /** Segments of each row that have not come a second time. @type {Int32Array} */ #missing;

  /** @param {Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.places = lanes(frame.count, frame.height, frame.scale);
    this.#cells = new Cells(frame.width, this.places.rows);
    this.#next = new Cells(frame.width, 1);
    this.#missing = new Int32Array(this.places.rows);
  }

  begin() {
    const { width, count } = this.frame;
    this.#cells = new Cells(width, this.places.rows);
    this.#next = new Cells(width, 1);
    this.#missing.fill(0);
    for (let lane = 0; lane < count; lane++) this.#missing[this.places.rowOf(lane)] += 1;
  }

  /** @param {number} lane @param {Columns} columns @param {Window} window @param {Columns | null} before */
  put(lane, columns, window, before) {
    const row = this.places.rowOf(lane);
    if (!before) {
      this.#cells.add(row, columns, window);
      return;
    }
    this.#next.add(0, columns, window);
    this.#missing[row] -= 1;
    if (this.#missing[row] === 0) this.#cells.take(row, this.#next);
  }

  /** @param {CanvasRenderingContext2D} context @param {Look} look @returns {Generator<number, void>} */
  *paint(context, { css }) {
    const { width, height } = this.frame;
    const { rows } = this.places;
    const cells = this.#cells;
    const middle = cells.middle();
    let reach = 0;
    for (let row = 0; row < rows; row++) {
      for (let i = row * width; i < (row + 1) * width; i++) {
        const distance = Math.abs(cells.shown(i, middle) - middle);
        if (distance > reach && distance < Infinity) reach = distance; // false for NaN
      }
      if (row % ROWS === 0) yield row / rows / 2;
    }
    const sign = this.frame.calibration.gain < 0 ? -1 : 1;
    const colours = ramp(['--value-low', '--value-middle', '--value-high'].map((name) => rgb(context, css(name))));
    const picture = new ImageData(width, height);
    const words = new Uint32Array(picture.data.buffer);
    for (let row = 0; row < rows; row++) {
      const line = new Uint32Array(width);
      for (let x = 0; x < width; x++) {
        const code = cells.shown(row * width + x, middle);
        line[x] = Number.isNaN(code) ? 0 : colours[Math.round(255 * shareOfValue(middle + sign * (code - middle), middle, reach))];
      }
      const end = Math.round(((row + 1) * height) / rows);
      for (let y = Math.round((row * height) / rows); y < end; y++) words.set(line, y * width);
      if (row % ROWS === 0) yield 0.5 + row / rows / 2;
    }
    Object.assign(this, { middle, reach });
    context.putImageData(picture, 0, 0);
  }
}

/** @param {CanvasRenderingContext2D} context @param {string} colour   As CSS has it. @returns {[number, number, number]} */
function rgb(context, colour) {
  context.fillStyle = colour;
  const digits = /^#(..)(..)(..)$/.exec(String(context.fillStyle)); // the canvas writes opaque colours this way
  return digits ? [parseInt(digits[1], 16), parseInt(digits[2], 16), parseInt(digits[3], 16)] : [128, 128, 128];
}
