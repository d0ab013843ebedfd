// @ts-check
import { axis } from './axis.js';
import { drawClipped, drawGrid, drawName, drawOutline, drawTrace } from './draw.js';
import { clockText, shownStart } from './texts.js';

/**
 * The parts of a plot on any canvas: ticks, and rows of traces. The page and a saved picture draw with the same ones.
 *
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Calibration} Calibration
 * @typedef {import('./types.js').Paint} Paint
 * @typedef {import('./types.js').Row} Row
 * @typedef {import('./types.js').Trace} Trace
 * @typedef {import('./window.js').Window} Window
 *
 * @typedef {object} Ticks
 * @property {{at: number, label: string}[]} ticks   Positions in CSS pixels.
 * @property {string} unit                           Of the labels, in words.
 */

const VERTICAL_LIMIT = 1e5; // pixels; what is further out (infinite values) is cut off there
/** CSS pixels from one tick to the next, about. */
const ROOM = { times: 130, values: 60 };

/** @param {WaveDataset} dataset @param {Calibration} calibration @param {Window} window @param {number} width   CSS pixels. @returns {Ticks} */
export function timeTicks({ timeUnit }, calibration, { a, b }, width) {
  const { start, from } = shownStart(calibration, a, b);
  const span = (b - a) * calibration.interval;
  const first = start + a * calibration.interval;
  const times = axis(first, start + b * calibration.interval, Math.max(2, width / ROOM.times), timeUnit);
  const words = times.base ? `${times.unit} after ${times.base.label}` : times.unit;
  return { ticks: times.ticks.map(({ value, label }) => ({ at: ((value - first) / span) * width, label })), unit: clockText(words, from) };
}

/** @param {Row} row @param {string} unit @param {number} height   CSS pixels. @returns {Ticks} Counted from the top of the row. */
export function valueTicks({ min, max }, unit, height) {
  const values = axis(min, max, Math.max(2, height / ROOM.values), unit);
  const words = values.base ? `${values.unit} above ${values.base.label}` : values.unit;
  return { ticks: values.ticks.map(({ value, label }) => ({ at: ((max - value) / (max - min)) * height, label })), unit: words };
}

/**
 * Grid and traces of one row.
 *
 * @param {Paint} paint @param {WaveDataset} dataset @param {Row} row
 * @param {{times: Ticks, values: Ticks, covered: boolean, named: boolean}} parts   `covered`: something else is drawn instead of the traces.
 */
export function drawRow(paint, dataset, row, { times, values, covered, named }) {
  const { context, scale, width } = paint;
  context.save();
  context.beginPath();
  context.rect(0, row.top, width, row.height);
  context.clip();
  drawGrid(context, times.ticks.map(({ at }) => at * scale), values.ticks.map(({ at }) => row.top + at * scale), {
    colour: paint.css('--grid'), scale, top: row.top, height: row.height,
  });
  if (!covered) drawTraces(paint, dataset, row, named);
  context.restore();
}

/** @param {Pick<Paint, 'context' | 'scale' | 'css'>} paint @param {WaveDataset} dataset @param {Row} row @param {boolean} named */
export function drawTraces(paint, dataset, row, named) {
  const { context, scale } = paint;
  const order = [...row.traces].reverse(); // the active one on top
  const style = (/** @type {Trace} */ { ch }) => ({ trace: paint.css(`--trace-${ch % 6}`), scale });
  for (const trace of order) if (trace.columns) drawTrace(context, trace.columns, trace.window, verticalOf(row, trace.calibration), style(trace));
  if (order.length > 1) {
    // What lies under another trace keeps its outline: no extreme is hidden.
    for (const trace of order) if (trace.columns) drawOutline(context, trace.columns, verticalOf(row, trace.calibration), style(trace));
  }
  for (const trace of order) {
    const { ch, columns, selection, window } = trace;
    if (!columns) continue;
    const vertical = verticalOf(row, trace.calibration);
    const limits = dataset.clipCodes(selection);
    if (limits) drawClipped(context, columns, window, vertical, limits, { trace: paint.css('--clip'), scale });
    if (named) drawName(context, dataset.channelName(ch), columns, vertical, { ...style(trace), ground: paint.css('--surface'), top: row.top });
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {{width: number, height: number, scale: number}} size   Device pixels, and how many a CSS pixel has.
 * @param {Window} window @param {readonly Row[]} rows @param {(name: string) => string} css @returns {Paint}
 */
export function paintOn(context, { width, height, scale }, { a, b }, rows, css) {
  return {
    context, width, height, scale, rows, css,
    x: (position) => ((position - a) / (b - a)) * width,
    y: (value, ch) => heightOf(rows.find(({ traces }) => traces.some((trace) => trace.ch === ch)) ?? rows[0], value),
  };
}

/** @param {{top: number, height: number, min: number, max: number}} row @param {number} value @returns {number} */
function heightOf({ top, height, min, max }, value) {
  const y = top + (max - value) * (height / (max - min));
  return y > VERTICAL_LIMIT ? VERTICAL_LIMIT : y < -VERTICAL_LIMIT ? -VERTICAL_LIMIT : y;
}

/** @param {Row} row @param {Calibration} calibration @returns {import('./draw.js').Vertical} */
export function verticalOf(row, { gain, offset }) {
  return (code) => heightOf(row, code * gain - offset);
}
