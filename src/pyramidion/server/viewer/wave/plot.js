// @ts-check
import { h } from '../frame/dom.js';
import { Surface } from '../frame/surface.js';
import { axis } from './axis.js';
import { gather } from './columns.js';
import { drawClipped, drawGrid, drawName, drawOutline, drawTrace } from './draw.js';
import { valueRange } from './scale.js';
import { timeAt, valueOf } from './texts.js';
import { showTicks } from './view.js';

/**
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./dataset.js').Calibration} Calibration
 * @typedef {import('./window.js').Window} Window
 * @typedef {import('./types.js').Cover} Cover
 * @typedef {import('./types.js').Mark} Mark
 * @typedef {import('./types.js').Paint} Paint
 * @typedef {import('./types.js').Row} Row
 * @typedef {import('./types.js').Trace} Trace
 *
 * @typedef {object} Source   What a plot takes its data and colours from.
 * @property {import('./dataset.js').WaveDataset} dataset
 * @property {import('./supply.js').Supply} supply
 * @property {HTMLElement} element
 */

const VERTICAL_LIMIT = 1e5; // pixels; what is further out (infinite values) is cut off there
const GAP = 10; // CSS pixels between two rows

/** Traces over one time axis: a canvas, the axes beside it, and what is drawn there for a window. */
export class Plot {
  /** One for each channel, the active one first. @type {Trace[]} */ traces = [];
  /** Bands with an axis of values each, from top to bottom. @type {Row[]} */ rows = [];
  /** @type {Window} */ window = { a: 0, b: 1 };

  /** The last range of each row, for as long as nothing is here. @type {Map<string, {min: number, max: number}>} */ #ranges = new Map();

  /**
   * @param {Source} source
   * @param {{canvas: HTMLCanvasElement, xAxis: HTMLElement, yAxis: HTMLElement}} parts
   * @param {() => void} onResize
   */
  constructor(source, parts, onResize) {
    this.source = source;
    this.parts = parts;
    this.surface = new Surface(parts.canvas, onResize);
  }

  /** @returns {Trace | undefined} The trace of the active channel. */
  get active() {
    return this.traces[0];
  }

  /**
   * Gather what is at hand.
   *
   * @param {Window} window   Of the first selection. @param {readonly Selection[]} selections @param {'overlay' | 'stacked'} layout
   */
  lay(window, selections, layout) {
    const { dataset, supply } = this.source;
    const { width } = this.surface;
    this.window = window;
    this.traces = selections.map((selection) => {
      const own = shifted(window, dataset, selections[0], selection);
      const level = supply.level(own, width, selection);
      const columns = level < 0 ? null : gather(supply.scene(own, width, selection, level));
      return { ch: selection.ch, selection, calibration: dataset.calibration(selection), window: own, level, columns };
    });
    this.rows = this.#rows(layout);
  }

  /** @param {'overlay' | 'stacked'} layout @returns {Row[]} */
  #rows(layout) {
    const { height, scale } = this.surface;
    const groups = layout === 'stacked' ? [...this.traces].sort((p, q) => p.ch - q.ch).map((trace) => [trace]) : [this.traces];
    const gap = Math.round(GAP * scale);
    const room = (height - gap * (groups.length - 1)) / groups.length;
    return groups.map((traces, i) => ({
      traces, ch: traces[0].ch, top: Math.round(i * (room + gap)), height: groups.length === 1 ? height : Math.floor(room), ...this.#range(traces),
    }));
  }

  /** @param {Trace[]} traces @returns {{min: number, max: number}} */
  #range(traces) {
    const key = traces.map(({ ch }) => ch).join();
    const steps = !this.source.dataset.levels[0].array.dtype.startsWith('float');
    const seen = traces.flatMap(({ columns, calibration }) => {
      const codes = columns?.range();
      return codes ? [valueOf(calibration, codes.min), valueOf(calibration, codes.max)] : [];
    });
    const step = Math.min(...traces.map(({ calibration }) => Math.abs(calibration.gain)));
    const range = valueRange(seen.length ? { min: Math.min(...seen), max: Math.max(...seen) } : null, steps ? step : 0);
    const kept = range ?? this.#ranges.get(key) ?? { min: -1, max: 1 };
    this.#ranges.set(key, kept);
    return kept;
  }

  /** @param {Iterable<Mark>} marks @param {Cover | null} cover   Drawn instead of the traces. */
  draw(marks, cover) {
    const { surface, source, window } = this;
    const width = surface.width / surface.scale;
    const calibration = this.active?.calibration ?? source.dataset.calibration({ ch: 0, trc: 0, seg: 0 });
    const [from, to] = [timeAt(calibration, window.a), timeAt(calibration, window.b)];
    const times = axis(from, to, Math.max(2, width / 130), source.dataset.timeUnit);
    const xs = times.ticks.map(({ value }) => ((value - from) / (to - from)) * width);
    if (cover?.axis) this.rows = [{ traces: [], ch: this.active?.ch ?? 0, top: 0, height: surface.height, min: cover.axis.min, max: cover.axis.max }];
    const css = getComputedStyle(source.element);
    const paint = this.#paint((name) => css.getPropertyValue(name).trim());
    surface.clear();
    this.#drawRows(xs, cover, paint);
    if (cover) cover.draw(paint);
    for (const mark of marks) mark.draw(paint);
    showTicks(this.parts.xAxis, times.ticks.map(({ label }, i) => ({ at: xs[i], label })), 'left', unitOf(times, 'after'), width);
  }

  /** @param {readonly number[]} xs   In CSS pixels. @param {Cover | null} cover @param {Paint} paint */
  #drawRows(xs, cover, paint) {
    const { surface, parts } = this;
    const { context, scale } = surface;
    while (parts.yAxis.childElementCount > this.rows.length) parts.yAxis.lastElementChild?.remove();
    while (parts.yAxis.childElementCount < this.rows.length) parts.yAxis.append(h('div', { class: 'y-row' }));
    const several = this.traces.length > 1;
    this.rows.forEach((row, i) => {
      const high = row.height / scale;
      const values = axis(row.min, row.max, Math.max(2, high / 60), cover?.axis?.unit ?? this.source.dataset.valueUnit);
      const ys = values.ticks.map(({ value }) => ((row.max - value) / (row.max - row.min)) * high);
      const holder = /** @type {HTMLElement} */ (parts.yAxis.children[i]);
      holder.style.top = `${row.top / scale}px`;
      holder.style.height = `${high}px`;
      showTicks(holder, values.ticks.map(({ label }, k) => ({ at: ys[k], label })), 'top', unitOf(values, 'above'), high);
      context.save();
      context.beginPath();
      context.rect(0, row.top, surface.width, row.height);
      context.clip();
      drawGrid(context, xs.map((x) => x * scale), ys.map((y) => row.top + y * scale), { colour: paint.css('--grid'), scale, top: row.top, height: row.height });
      if (!cover) this.#drawTraces(row, several, paint);
      context.restore();
    });
  }

  /** @param {Row} row @param {boolean} named @param {Paint} paint */
  #drawTraces(row, named, paint) {
    const order = [...row.traces].reverse(); // the active one on top
    for (const trace of order) this.#drawTrace(trace, row, paint);
    // What lies under another trace keeps its outline: no extreme is hidden.
    if (order.length > 1) for (const trace of order) this.#drawOutline(trace, row, paint);
    for (const trace of order) this.#drawExtras(trace, row, named, paint);
  }

  /** @param {Trace} trace @param {Row} row @param {Paint} paint */
  #drawTrace({ ch, columns, window, calibration }, row, paint) {
    const { context, scale } = this.surface;
    if (columns) drawTrace(context, columns, window, verticalOf(row, calibration), { trace: paint.css(`--trace-${ch % 6}`), scale });
  }

  /** @param {Trace} trace @param {Row} row @param {Paint} paint */
  #drawOutline({ ch, columns, calibration }, row, paint) {
    const { context, scale } = this.surface;
    if (columns) drawOutline(context, columns, verticalOf(row, calibration), { trace: paint.css(`--trace-${ch % 6}`), scale });
  }

  /** @param {Trace} trace @param {Row} row @param {boolean} named @param {Paint} paint */
  #drawExtras({ ch, selection, columns, window, calibration }, row, named, paint) {
    if (!columns) return;
    const { context, scale } = this.surface;
    const vertical = verticalOf(row, calibration);
    const style = { trace: paint.css(`--trace-${ch % 6}`), scale };
    const limits = this.source.dataset.clipCodes(selection);
    if (limits) drawClipped(context, columns, window, vertical, limits, { trace: paint.css('--clip'), scale });
    if (named) drawName(context, this.source.dataset.channelName(ch), columns, vertical, { ...style, ground: paint.css('--surface'), top: row.top });
  }

  /** @param {(name: string) => string} css @returns {Paint} */
  #paint(css) {
    const { surface, window, rows } = this;
    const { width, height, scale, context } = surface;
    return {
      context, width, height, scale, rows, css,
      x: (position) => ((position - window.a) / (window.b - window.a)) * width,
      y: (value, ch) => heightOf(rows.find(({ traces }) => traces.some((trace) => trace.ch === ch)) ?? rows[0], value),
    };
  }

  /** @param {number} code @param {number} [ch] @returns {number} Where it is drawn: device pixels from the top. */
  verticalOf(code, ch = this.active?.ch ?? 0) {
    const row = this.rows.find(({ traces }) => traces.some((trace) => trace.ch === ch));
    const trace = row?.traces.find((one) => one.ch === ch);
    return row && trace ? verticalOf(row, trace.calibration)(code) : NaN;
  }

  /** @param {number} y   Device pixels. @returns {Row | undefined} The row that lies there. */
  rowAt(y) {
    return this.rows.find(({ top, height }) => y <= top + height) ?? this.rows.at(-1);
  }
}

/**
 * The window of another channel at the same times: the clocks of two channels may differ by parts of a sample.
 *
 * @param {Window} window   In samples of `active`. @param {import('./dataset.js').WaveDataset} dataset
 * @param {Selection} active @param {Selection} other @returns {Window}
 */
export function shifted({ a, b }, dataset, active, other) {
  const [p, q] = [dataset.calibration(active), dataset.calibration(other)];
  const shift = (p.start - q.start) / q.interval;
  return { a: a + shift, b: b + shift };
}

/** @param {{top: number, height: number, min: number, max: number}} row @param {number} value @returns {number} */
function heightOf({ top, height, min, max }, value) {
  const y = top + (max - value) * (height / (max - min));
  return y > VERTICAL_LIMIT ? VERTICAL_LIMIT : y < -VERTICAL_LIMIT ? -VERTICAL_LIMIT : y;
}

/** @param {Row} row @param {Calibration} calibration @returns {import('./draw.js').Vertical} */
function verticalOf(row, { gain, offset }) {
  return (code) => heightOf(row, code * gain - offset);
}

/** @param {import('./axis.js').Axis} axis @param {string} word @returns {string} */
function unitOf({ unit, base }, word) {
  return base ? `${unit} ${word} ${base.label}` : unit;
}
