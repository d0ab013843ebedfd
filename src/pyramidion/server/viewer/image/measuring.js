// @ts-check
import { Late } from '../frame/late.js';

/**
 * Measuring in the picture: what is being measured, and what came out.
 *
 * @typedef {import('./measure.js').Measure} Measure
 * @typedef {import('./measure.js').Measured} Measured
 * @typedef {import('./pane.js').Pane} Pane
 * @typedef {import('./gestures.js').Spot} Spot
 */
export class Measuring {
  /** What the next drag measures. @type {Measure['kind'] | null} */ mode = null;
  /** @type {Measure | null} */ measure = null;
  /** @type {Measured | null} */ result = null;
  /** @type {string[]} */ lines = [];
  /** The same as a table. @type {[string, string][]} */ rows = [];

  /** What came out already, by channel, level and slice. @type {Map<string, import('./measure.js').Sums>} */ #sums = new Map();
  /** The finest level drawn since it was marked: zooming out makes no measurement worse. */ #finest = Infinity;

  /** @param {import('./dataset.js').ImageDataset} dataset @param {import('../fetch/scheduler.js').Interest} interest @param {() => void} changed */
  constructor(dataset, interest, changed) {
    this.dataset = dataset;
    this.interest = interest;
    /** The arithmetic. */
    this.tools = new Late(() => import('./measure.js'), changed);
  }

  /** @param {Measure['kind']} kind */
  begin(kind) {
    this.mode = this.mode === kind ? null : kind;
    this.tools.get();
  }

  /** @param {Measure['kind']} kind @param {Pane} pane @param {{h: number, v: number}} from @param {{h: number, v: number}} to */
  set(kind, pane, from, to) {
    this.measure = snapped({ kind, plane: pane.plane, from, to }, this.dataset);
    this.#finest = Infinity;
    this.#sums.clear();
    this.evaluate(pane);
  }

  /** Ask for the values, also of what is not on the screen. @param {Pane | undefined} pane  The one measured in, if it is shown. @param {import('./tiles.js').Slice} slice */
  want(pane, slice) {
    const tools = this.measure && this.tools.get();
    this.interest.set(pane && this.measure && tools ? tools.wantsOf(this.measure, pane, slice, this.#finest) : []);
  }

  /** Take the values that are here now. @param {Pane} pane */
  evaluate(pane) {
    if (!this.measure || this.measure.plane !== pane.plane) return;
    this.#finest = Math.min(this.#finest, pane.level);
    const tools = this.tools.get();
    if (!tools) return;
    this.result = tools.evaluate(this.measure, this.dataset, pane, this.#finest, this.#sums);
    this.lines = tools.describeMeasure(this.measure, this.result, this.dataset);
    this.rows = tools.measureRows(this.measure, this.result, this.dataset);
  }

  /** @returns {boolean} Whether there was something to forget. */
  forget() {
    const had = this.mode !== null || this.measure !== null;
    this.mode = this.measure = this.result = null;
    this.interest.set([]);
    this.lines = [];
    this.rows = [];
    return had;
  }
}

/**
 * A rectangle holds whole pixels: those that it touches.
 *
 * @param {Measure} measure @param {import('./dataset.js').ImageDataset} dataset @returns {Measure}
 */
function snapped({ kind, plane, from, to }, dataset) {
  const low = (/** @type {'h' | 'v'} */ side) => Math.max(0, Math.floor(Math.min(from[side], to[side])));
  const high = (/** @type {'h' | 'v'} */ side) => Math.min(dataset.shape[plane[side]], Math.max(low(side) + 1, Math.ceil(Math.max(from[side], to[side]))));
  if (kind === 'line') return { kind, plane, from, to };
  return { kind, plane, from: { h: low('h'), v: low('v') }, to: { h: high('h'), v: high('v') } };
}
