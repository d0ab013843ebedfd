// @ts-check
/**
 * Drawing on a 2D canvas. All positions are device pixels.
 *
 * @typedef {import('./columns.js').Columns} Columns
 * @typedef {import('./window.js').Window} Window
 *
 * @typedef {object} Style
 * @property {string} trace
 * @property {string} grid
 * @property {number} scale   Device pixels per CSS pixel.
 *
 * @typedef {(code: number) => number} Vertical   From a code to a vertical position.
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} xs @param {readonly number[]} ys   Positions of the grid lines.
 * @param {Style} style
 */
export function drawGrid(context, xs, ys, style) {
  const { width, height } = context.canvas;
  const line = Math.max(1, Math.round(style.scale));
  context.fillStyle = style.grid;
  for (const x of xs) context.fillRect(Math.round(x - line / 2), 0, line, height);
  for (const y of ys) context.fillRect(0, Math.round(y - line / 2), width, line);
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
  const { lo, hi, width } = columns;
  let above = NaN; // the column before: its upper and lower end
  let below = NaN;
  context.beginPath();
  for (let x = 0; x < width; x++) {
    if (!(lo[x] <= hi[x])) {
      above = below = NaN;
      continue;
    }
    const p = vertical(lo[x]);
    const q = vertical(hi[x]);
    const top = Math.min(p, q);
    const bottom = Math.max(p, q);
    if (!columns.lined[x]) {
      // Reach the neighbour where the ranges do not touch, so that the trace has no gaps.
      const from = top > below ? below : top;
      const to = bottom < above ? above : bottom;
      context.moveTo(x + 0.5, from - pad);
      context.lineTo(x + 0.5, to + pad);
    }
    above = top;
    below = bottom;
  }
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
