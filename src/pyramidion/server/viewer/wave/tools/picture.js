// @ts-check
import { currentTheme } from '../../frame/theme.js';
import { clippedColumns } from '../draw.js';
import { drawRow, paintOn, timeTicks, valueTicks } from '../figure.js';
import { gatherTraces, shifted } from '../plot.js';
import { captionText, levelText, summaryText } from '../texts.js';

/**
 * The plot as a picture for a report: drawn again at twice the size, with axes, units and a caption.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../types.js').Row} Row
 * @typedef {import('../types.js').Trace} Trace
 * @typedef {import('../figure.js').Ticks} Ticks
 */

const SCALE = 2; // pixels of the picture per CSS pixel
const MARGIN = { left: 78, right: 22, top: 52, bottom: 42 }; // CSS pixels
const WAIT = 30; // ms between two looks at what has arrived
const TRIES = 3;
const FONT = 'system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif';

/**
 * @param {WavePanel} panel @param {boolean} light   Also where the page is dark. @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export async function drawPicture(panel, light, signal) {
  const { width, height, scale } = panel.surface;
  const size = { width: Math.round((width / scale) * SCALE), height: Math.round((height / scale) * SCALE) };
  const traces = await fetchTraces(panel, size.width, signal);
  const canvas = inTheme(light ? 'light' : currentTheme(), () => drawAll(panel, traces, size));
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the browser makes no picture of this size'))), 'image/png');
  });
}

/**
 * What the window shows, for a plot of another width.
 *
 * @param {WavePanel} panel @param {number} width @param {AbortSignal} signal @returns {Promise<Trace[]>}
 */
async function fetchTraces(panel, width, signal) {
  const { dataset, supply, scheduler, selections, window } = panel;
  const interest = scheduler.interest();
  const lay = () => gatherTraces(panel, window, selections, width);
  try {
    // What a level costs, and so which one is drawn, may become clear only with the first answer.
    for (let go = 0; go < TRIES && lay().some(({ columns }) => columns && !columns.complete); go++) {
      interest.set(selections.flatMap((selection) => supply.needs(shifted(window, dataset, selections[0], selection), width, selection, 1)));
      while (interest.waits) {
        await new Promise((resolve) => {
          setTimeout(resolve, WAIT);
        });
        signal.throwIfAborted();
      }
    }
    return lay();
  } finally {
    interest.set([]);
  }
}

/**
 * Draw with the colours of a theme; nobody sees the page in between.
 *
 * @template R
 * @param {'light' | 'dark'} theme @param {() => R} draw @returns {R}
 */
function inTheme(theme, draw) {
  const root = document.documentElement;
  const before = root.dataset.theme;
  root.dataset.theme = theme;
  try {
    return draw();
  } finally {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
  }
}

/** @param {WavePanel} panel @param {Trace[]} traces @param {{width: number, height: number}} size   Of the plot. @returns {HTMLCanvasElement} */
function drawAll(panel, traces, { width, height }) {
  const style = getComputedStyle(panel.element);
  const css = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const [page, context] = newCanvas(width + (MARGIN.left + MARGIN.right) * SCALE, height + (MARGIN.top + MARGIN.bottom) * SCALE);
  context.fillStyle = css('--surface');
  context.fillRect(0, 0, page.width, page.height);
  const [plot, paint] = newCanvas(width, height);
  const { dataset, cover, window } = panel;
  const rows = rowsOf(panel, traces, height);
  const times = timeTicks(dataset, panel.calibration, window, width / SCALE);
  const values = rows.map((row) => valueTicks(row, cover?.axis?.unit ?? dataset.valueUnit, row.height / SCALE));
  const brush = paintOn(paint, { width, height, scale: SCALE }, window, rows, css);
  rows.forEach((row, i) => drawRow(brush, dataset, row, { times, values: values[i], covered: cover !== null, named: traces.length > 1 }));
  cover?.draw(brush);
  for (const mark of panel.marks.values()) mark.draw(brush);
  context.drawImage(plot, MARGIN.left * SCALE, MARGIN.top * SCALE);
  context.scale(SCALE, SCALE);
  drawAxes(context, { width: width / SCALE, height: height / SCALE, css, times }, rows, values);
  drawWords(context, panel, traces, width / SCALE, css);
  return page;
}

/** @param {number} width @param {number} height @returns {[HTMLCanvasElement, CanvasRenderingContext2D]} */
function newCanvas(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser offers no 2D canvas');
  return [canvas, context];
}

/** The rows of the plot, at another height and with other traces. @param {WavePanel} panel @param {Trace[]} traces @param {number} height @returns {Row[]} */
function rowsOf({ plot, surface }, traces, height) {
  const scale = height / surface.height;
  return plot.rows.map((row) => ({
    ...row, top: Math.round(row.top * scale), height: Math.round(row.height * scale),
    traces: row.traces.flatMap(({ ch }) => traces.find((trace) => trace.ch === ch) ?? []),
  }));
}

/**
 * @param {CanvasRenderingContext2D} context   In CSS pixels.
 * @param {{width: number, height: number, css: (name: string) => string, times: Ticks}} plot
 * @param {readonly Row[]} rows @param {readonly Ticks[]} values   Of each row.
 */
function drawAxes(context, { width, height, css, times }, rows, values) {
  const { left, top } = MARGIN;
  const label = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ at, /** @type {CanvasTextAlign} */ align, strong = false) => {
    context.font = `${strong ? 600 : 400} 12px ${FONT}`;
    context.fillStyle = css(strong ? '--text' : '--dim');
    context.textAlign = align;
    context.textBaseline = 'middle';
    context.fillText(text, x, at);
  };
  context.lineWidth = 1;
  context.strokeStyle = css('--dim');
  rows.forEach((row, i) => {
    const [from, high] = [top + row.top / SCALE, row.height / SCALE];
    context.strokeRect(left - 0.5, from - 0.5, width + 1, high + 1);
    for (const { at, label: text } of values[i].ticks) if (at > 20) label(text, left - 8, from + at, 'right');
    label(values[i].unit, left - 8, from + 7, 'right', true);
  });
  label(times.unit, left + width, top + height + 30, 'right', true);
  for (const { at, label: text } of times.ticks) label(text, left + at, top + height + 14, 'center');
}

/** Title and caption. @param {CanvasRenderingContext2D} context @param {WavePanel} panel @param {Trace[]} traces @param {number} width @param {(name: string) => string} css */
function drawWords(context, panel, traces, width, css) {
  const { dataset, selections, calibration, window } = panel;
  const [{ level }] = traces;
  context.textBaseline = 'alphabetic';
  context.textAlign = 'left';
  context.fillStyle = css('--text');
  context.font = `600 15px ${FONT}`;
  context.fillText(dataset.name, MARGIN.left, 22, width);
  context.font = `400 12px ${FONT}`;
  context.fillStyle = css('--dim');
  const drawn = panel.cover || level < 0 ? '' : levelText(dataset.levels[level].factor, 'whole');
  const clipped = traces.some(({ columns, selection }) => {
    const limits = dataset.clipCodes(selection);
    return columns && limits && clippedColumns(columns, limits) > 0;
  });
  const of = panel.cover ? (dataset.shape.channels > 1 ? dataset.channelName(selections[0].ch) : '') : captionText(dataset, selections, calibration);
  const words = [of, summaryText(dataset, calibration, window), drawn, clipped && !panel.cover ? 'clipped where the ends are red' : ''];
  const caption = words.filter(Boolean).join(' · ');
  context.fillText(caption, MARGIN.left, 41, width);
}
