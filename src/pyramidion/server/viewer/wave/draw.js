// @ts-check
import { eachBar } from './columns.js';

/**
 * Drawing on a 2D canvas. All positions are device pixels.
 *
 * @typedef {import('./columns.js').Columns} Columns
 * @typedef {import('./window.js').Window} Window
 *
 * @typedef {object} Style
 * @property {string} trace   Its colour.
 * @property {number} scale   Device pixels per CSS pixel.
 *
 * @typedef {(code: number) => number} Vertical   From a code to a vertical position.
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} xs @param {readonly number[]} ys   Positions of the grid lines.
 * @param {{colour: string, scale: number, top: number, height: number}} band
 */
export function drawGrid(context, xs, ys, { colour, scale, top, height }) {
  const line = Math.max(1, Math.round(scale));
  context.fillStyle = colour;
  for (const x of xs) context.fillRect(Math.round(x - line / 2), top, line, height);
  for (const y of ys) context.fillRect(0, Math.round(y - line / 2), context.canvas.width, line);
}

/**
 * Draw a trace: columns as one stroked path of vertical segments, samples far enough apart as a line with dots.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Columns} columns
 * @param {Window} window
 * @param {Vertical} vertical
 * @param {Style} style
 */
export function drawTrace(context, columns, window, vertical, style) {
  context.lineJoin = 'round';
  context.strokeStyle = style.trace;
  context.fillStyle = style.trace;
  strokeColumns(context, columns, vertical, style);
  if (columns.runs.length > 0) drawRuns(context, columns, window, vertical, style);
}

/** @param {CanvasRenderingContext2D} context @param {Columns} columns @param {Vertical} vertical @param {Style} style */
function strokeColumns(context, columns, vertical, style) {
  // Two pixels of length at least: wherever it starts, a segment of two covers one whole pixel, so nothing can be
  // thinned away by antialiasing.
  const pad = Math.max(1, 0.75 * style.scale);
  context.beginPath();
  eachBar(columns, vertical, (x, top, bottom) => {
    context.moveTo(x + 0.5, top - pad);
    context.lineTo(x + 0.5, bottom + pad);
  });
  context.lineWidth = Math.max(1, Math.round(style.scale)); // a lone spike must not be a hair on a dense screen
  context.lineCap = 'butt';
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context @param {Columns} columns @param {Window} window
 * @param {Vertical} vertical @param {Style} style
 */
function drawRuns(context, columns, { a, b }, vertical, style) {
  const step = columns.width / (b - a); // pixels from sample to sample
  const runs = [...columns.runs].sort((p, q) => p.first - q.first);
  context.beginPath();
  let next = NaN; // the sample that would continue the line
  let pen = false;
  for (const { first, count, data, at } of runs) {
    if (first !== next) pen = false;
    for (let i = 0; i < count; i++) {
      const code = data[at + i];
      if (Number.isNaN(code)) {
        pen = false;
        continue;
      }
      const x = (first + i - a) * step;
      const y = vertical(code);
      if (pen) context.lineTo(x, y);
      else context.moveTo(x, y);
      pen = true;
    }
    next = first + count;
  }
  context.lineWidth = 1.5 * style.scale;
  context.lineCap = 'round';
  context.stroke();
  drawDots(context, runs, { a, b }, step, vertical, style);
}

/**
 * Each sample as a dot where there is room, else as at least one whole pixel.
 *
 * @param {CanvasRenderingContext2D} context @param {import('./columns.js').Run[]} runs @param {Window} window
 * @param {number} step @param {Vertical} vertical @param {Style} style
 */
function drawDots(context, runs, { a }, step, vertical, style) {
  const room = step / style.scale;
  const radius = style.scale * Math.min(4, 1.6 + room / 12);
  context.beginPath();
  for (const { first, count, data, at } of runs) {
    for (let i = 0; i < count; i++) {
      const x = (first + i - a) * step;
      const y = vertical(data[at + i]);
      if (Number.isNaN(y) || x < -radius || x > context.canvas.width + radius) continue;
      if (room >= 4) {
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      } else {
        context.rect(Math.floor(Math.min(x, context.canvas.width - 1)), y - 1, 1, 2);
      }
    }
  }
  context.fill();
}

/**
 * The smallest and the largest of each column as one pixel each, for traces that others may cover.
 *
 * @param {CanvasRenderingContext2D} context @param {Columns} columns @param {Vertical} vertical @param {Style} style
 */
export function drawOutline(context, columns, vertical, { trace, scale }) {
  const thick = Math.max(2, Math.round(1.5 * scale));
  context.fillStyle = trace;
  context.beginPath();
  for (let x = 0; x < columns.width; x++) {
    if (!(columns.lo[x] <= columns.hi[x]) || columns.lined[x]) continue;
    context.rect(x, vertical(columns.lo[x]) - thick / 2, 1, thick);
    context.rect(x, vertical(columns.hi[x]) - thick / 2, 1, thick);
  }
  context.fill();
}

const CAP = 6; // CSS pixels of a column that are marked

/**
 * Mark where the converter was at its limit: what is drawn there is less than there was. The end of the column is painted
 * over, at least one pixel wide, so that it is seen at every zoom.
 *
 * @param {CanvasRenderingContext2D} context @param {Columns} columns @param {Window} window @param {Vertical} vertical
 * @param {readonly [number, number]} limits   Lowest and highest code. @param {Style} style
 */
export function drawClipped(context, columns, window, vertical, [low, high], { trace, scale }) {
  const cap = CAP * scale;
  const wide = Math.max(1, Math.round(scale));
  context.fillStyle = trace;
  const mark = (/** @type {number} */ x, /** @type {number} */ code) => {
    const y = vertical(code);
    const up = vertical(high) < vertical(low) === (code >= high); // the end that points outwards
    context.fillRect(x, up ? y - wide : y - cap + wide, wide, cap);
  };
  for (let x = 0; x < columns.width; x++) {
    if (columns.hi[x] >= high) mark(x, columns.hi[x]);
    if (columns.lo[x] <= low) mark(x, columns.lo[x]);
  }
  const step = columns.width / (window.b - window.a);
  for (const { first, count, data, at } of columns.runs) {
    for (let i = 0; i < count; i++) {
      if (data[at + i] >= high || data[at + i] <= low) mark(Math.round((first + i - window.a) * step - wide / 2), data[at + i]);
    }
  }
}

/** @param {Columns} columns @param {readonly [number, number]} limits @returns {number} In how many columns something is clipped. */
export function clippedColumns(columns, [low, high]) {
  let count = 0;
  for (let x = 0; x < columns.width; x++) if (columns.hi[x] >= high || columns.lo[x] <= low) count += 1;
  return count;
}

/**
 * The name of a channel at the right end of its trace, so that colour is not the only way to tell traces apart.
 *
 * @param {CanvasRenderingContext2D} context @param {string} name @param {Columns} columns @param {Vertical} vertical
 * @param {Style & {ground: string, top: number}} style
 */
export function drawName(context, name, columns, vertical, { trace, scale, ground, top }) {
  let x = columns.width - 1;
  while (x > 0 && !(columns.lo[x] <= columns.hi[x])) x -= 1;
  const y = Math.max(top + 14 * scale, vertical((columns.lo[x] + columns.hi[x]) / 2) || 0);
  context.font = `600 ${12 * scale}px system-ui, sans-serif`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const wide = context.measureText(name).width;
  const right = columns.width - 8 * scale;
  context.globalAlpha = 0.85;
  context.fillStyle = ground;
  context.fillRect(right - wide - 5 * scale, y - 10 * scale, wide + 10 * scale, 20 * scale);
  context.globalAlpha = 1;
  context.fillStyle = trace;
  context.fillText(name, right, y);
}
