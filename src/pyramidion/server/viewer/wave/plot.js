// @ts-check
import { h } from '../frame/dom.js';
import { Surface } from '../frame/surface.js';
import { gather } from './columns.js';
import { drawRow, paintOn, timeTicks, valueTicks, verticalOf } from './figure.js';
import { valueRange } from './scale.js';
import { valueOf } from './texts.js';
import { showTicks } from './view.js';

/**
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./window.js').Window} Window
 * @typedef {import('./types.js').Cover} Cover
 * @typedef {import('./types.js').Mark} Mark
 * @typedef {import('./types.js').Row} Row
 * @typedef {import('./types.js').Trace} Trace
 *
 * @typedef {object} Source   What a plot takes its data and colours from.
 * @property {import('./dataset.js').WaveDataset} dataset
 * @property {import('./supply.js').Supply} supply
 * @property {HTMLElement} element
 */

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
    this.window = window;
    this.traces = gatherTraces(this.source, window, selections, this.surface.width);
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
    const kept = rangeOf(this.source.dataset, traces) ?? this.#ranges.get(key) ?? { min: -1, max: 1 };
    this.#ranges.set(key, kept);
    return kept;
  }

  /** @param {Iterable<Mark>} marks @param {Cover | null} cover   Drawn instead of the traces. */
  draw(marks, cover) {
    const { surface, source, window, parts } = this;
    const { scale } = surface;
    const width = surface.width / scale;
    const calibration = this.active?.calibration ?? source.dataset.calibration({ ch: 0, trc: 0, seg: 0 });
    const times = timeTicks(source.dataset, calibration, window, width);
    if (cover?.axis) this.rows = [{ traces: [], ch: this.active?.ch ?? 0, top: 0, height: surface.height, min: cover.axis.min, max: cover.axis.max }];
    const css = getComputedStyle(source.element);
    const paint = paintOn(surface.context, surface, window, this.rows, (name) => css.getPropertyValue(name).trim());
    surface.clear();
    while (parts.yAxis.childElementCount > this.rows.length) parts.yAxis.lastElementChild?.remove();
    while (parts.yAxis.childElementCount < this.rows.length) parts.yAxis.append(h('div', { class: 'y-row' }));
    this.rows.forEach((row, i) => {
      const high = row.height / scale;
      const values = valueTicks(row, cover?.axis?.unit ?? source.dataset.valueUnit, high);
      const holder = /** @type {HTMLElement} */ (parts.yAxis.children[i]);
      holder.style.top = `${row.top / scale}px`;
      holder.style.height = `${high}px`;
      showTicks(holder, values.ticks, 'top', values.unit, high);
      drawRow(paint, source.dataset, row, { times, values, covered: cover !== null, named: this.traces.length > 1 });
    });
    if (cover) cover.draw(paint);
    for (const mark of marks) mark.draw(paint);
    showTicks(parts.xAxis, times.ticks, 'left', times.unit, width);
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

/** @param {import('./dataset.js').WaveDataset} dataset @param {Trace[]} traces @returns {{min: number, max: number} | null} The values to show. */
export function rangeOf(dataset, traces) {
  const steps = !dataset.levels[0].array.dtype.startsWith('float');
  const seen = traces.flatMap(({ columns, calibration }) => {
    const codes = columns?.range();
    return codes ? [valueOf(calibration, codes.min), valueOf(calibration, codes.max)] : [];
  });
  const step = Math.min(...traces.map(({ calibration }) => Math.abs(calibration.gain)));
  return valueRange(seen.length ? { min: Math.min(...seen), max: Math.max(...seen) } : null, steps ? step : 0);
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

/**
 * What is at hand of each channel for a window.
 *
 * @param {Pick<Source, 'dataset' | 'supply'>} source @param {Window} window   Of the first selection. @param {readonly Selection[]} selections
 * @param {number} width   Device pixels. @returns {Trace[]}
 */
export function gatherTraces({ dataset, supply }, window, selections, width) {
  return selections.map((selection) => {
    const own = shifted(window, dataset, selections[0], selection);
    const level = supply.level(own, width, selection);
    const columns = level < 0 ? null : gather(supply.scene(own, width, selection, level));
    return { ch: selection.ch, selection, calibration: dataset.calibration(selection), window: own, level, columns };
  });
}
