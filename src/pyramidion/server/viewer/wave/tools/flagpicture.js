// @ts-check
import { layFlags } from './flags.js';

/**
 * Notes in the plot: a staff with a flag that holds the text. All lengths here are CSS pixels.
 *
 * @typedef {import('../types.js').Paint} Paint
 */

const TOP = 36; // below the labels of the plot and the tags of the cursors
const ROW = 24;
const MOST_ROWS = 4;
const HEIGHT = 20;
const PAD = 7;
const WIDEST = 170;
const GAP = 6;

/** The staffs alone, which go below everything else. @param {Paint} paint @param {readonly {at: number, text: string}[]} notes */
export function drawStaffs(paint, notes) {
  paint.context.save();
  for (const { x, row } of lay(paint, notes)) drawStaff(paint, x, row);
  paint.context.restore();
}

/** @param {Paint} paint @param {readonly {at: number, text: string}[]} notes */
export function drawFlags(paint, notes) {
  paint.context.save();
  for (const flag of lay(paint, notes)) {
    if (flag.row >= 0) drawText(paint, flag);
    else drawPennant(paint, flag.x);
  }
  paint.context.restore();
}

/**
 * @param {Paint} paint   Its font is changed. @param {readonly {at: number, text: string}[]} notes
 * @returns {{x: number, text: string, width: number, row: number, left: number}[]}
 */
function lay(paint, notes) {
  const { context, scale } = paint;
  const width = paint.width / scale;
  context.font = `${12 * scale}px system-ui, sans-serif`;
  const seen = [...notes].sort((p, q) => p.at - q.at).map(({ at, text }) => ({ x: paint.x(at) / scale, text })).filter(({ x }) => x >= 0 && x <= width);
  const flags = seen.map(({ x, text }) => {
    const short = shortened(context, text, (WIDEST - 2 * PAD) * scale);
    return { x, text: short, width: Math.ceil(context.measureText(short).width / scale) + 2 * PAD };
  });
  const rows = Math.max(1, Math.min(MOST_ROWS, Math.floor((paint.height / scale - TOP - ROW) / ROW)));
  const laid = layFlags(flags, width, rows, GAP);
  return flags.map((flag, i) => ({ ...flag, ...laid[i] }));
}

/** @param {Paint} paint @param {number} x @param {number} row */
function drawStaff({ context, scale, height, css }, x, row) {
  const left = Math.round(x * scale);
  const top = (TOP + Math.max(0, row) * ROW) * scale;
  const wide = Math.max(1, Math.round(scale));
  context.fillStyle = css('--dim');
  context.globalAlpha = 0.6;
  context.fillRect(left - Math.floor(wide / 2), top, wide, height - top);
}

/** Says that there is a note for whose text there is no room. @param {Paint} paint @param {number} x */
function drawPennant({ context, scale, css }, x) {
  const [left, top] = [Math.round(x * scale), TOP * scale];
  context.fillStyle = css('--accent');
  context.beginPath();
  context.moveTo(left, top - 8 * scale);
  context.lineTo(left + 9 * scale, top - 3 * scale);
  context.lineTo(left, top + 2 * scale);
  context.fill();
}

/** @param {Paint} paint @param {{x: number, text: string, width: number, row: number, left: number}} flag */
function drawText({ context, scale, css }, { x, text, width, row, left }) {
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  const top = (TOP + row * ROW) * scale;
  context.beginPath();
  context.roundRect(left * scale, top, width * scale, HEIGHT * scale, 4 * scale);
  context.fillStyle = css('--raised');
  context.fill();
  context.strokeStyle = css('--line');
  context.lineWidth = Math.max(1, Math.round(scale));
  context.stroke();
  context.fillStyle = css('--accent');
  context.fillRect(Math.round(x * scale) - (left < x ? 2 * scale : 0), top, 2 * scale, HEIGHT * scale);
  context.fillStyle = css('--text');
  context.fillText(text, (left + PAD) * scale, top + (HEIGHT / 2 + 0.5) * scale);
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} widest   Device pixels. @returns {string} */
function shortened(context, text, widest) {
  if (context.measureText(text).width <= widest) return text;
  const letters = [...text];
  let [fits, not] = [0, letters.length];
  while (not - fits > 1) {
    const middle = (fits + not) >> 1;
    if (context.measureText(`${letters.slice(0, middle).join('')}…`).width <= widest) fits = middle;
    else not = middle;
  }
  return `${letters.slice(0, fits).join('').trimEnd()}…`;
}
