// @ts-check
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

  /** The arithmetic, fetched when one first measures. @type {typeof import('./measure.js') | null} */ #tools = null;

  /** @param {import('./dataset.js').ImageDataset} dataset @param {() => void} changed */
  constructor(dataset, changed) {
    this.dataset = dataset;
    this.changed = changed;
  }

  /** @param {Measure['kind']} kind */
  begin(kind) {
    if (!this.#tools) void import('./measure.js').then((tools) => {
      this.#tools = tools;
      this.changed();
    });
    this.mode = this.mode === kind ? null : kind;
  }

  /** @param {Measure['kind']} kind @param {Pane} pane @param {{h: number, v: number}} from @param {{h: number, v: number}} to */
  set(kind, pane, from, to) {
    this.measure = snapped({ kind, plane: pane.plane, from, to }, this.dataset);
    this.evaluate(pane);
  }

  /** Take the values that are here now. @param {Pane} pane */
  evaluate(pane) {
    if (!this.#tools || !this.measure || this.measure.plane !== pane.plane) return;
    this.result = this.#tools.evaluate(this.measure, this.dataset, pane);
    this.lines = this.#tools.describeMeasure(this.measure, this.result, this.dataset);
  }

  /** @returns {boolean} Whether there was something to forget. */
  forget() {
    const had = this.mode !== null || this.measure !== null;
    this.mode = this.measure = this.result = null;
    this.lines = [];
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
