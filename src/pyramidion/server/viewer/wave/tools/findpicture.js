// @ts-check
/**
 * What was found, over the traces: a pennant for each hit, a veil for a stretch, dashes for the levels asked for.
 *
 * @typedef {import('../types.js').Paint} Paint
 * @typedef {import('../search.js').Hit} Hit
 *
 * @typedef {object} Found
 * @property {readonly Hit[]} hits    Of the segment that is shown.
 * @property {Hit | null} current
 * @property {boolean} whole          The stretch is what was found, not one sample of it.
 * @property {readonly number[]} levels   Values.
 * @property {number} ch
 */

const SIZE = 5; // CSS pixels, half the width of a pennant
const TOP = 34; // below the labels of the plot

/** @param {Paint} paint @param {Found} found */
export function drawFound(paint, { hits, current, whole, levels, ch }) {
  const { context } = paint;
  context.save();
  drawLevels(paint, levels, ch);
  // Many hits share a pixel when the view is wide: each pixel is marked once.
  let last = -Infinity;
  for (const hit of hits) {
    if (whole) drawStretch(paint, hit);
    const x = Math.round(paint.x(hit.at));
    if (x === last || x < 0 || x > paint.width) continue;
    last = x;
    drawPennant(paint, x, false);
  }
  if (current) drawPennant(paint, Math.round(paint.x(current.at)), true);
  context.restore();
}

/** @param {Paint} paint @param {number} x @param {boolean} chosen */
function drawPennant({ context, scale, height, css }, x, chosen) {
  const half = (chosen ? 1.5 : 1) * SIZE * scale;
  const top = TOP * scale;
  context.fillStyle = css('--accent');
  context.strokeStyle = css('--surface');
  context.lineWidth = scale;
  context.beginPath();
  context.moveTo(x - half, top - half);
  context.lineTo(x + half, top - half);
  context.lineTo(x, top + half);
  context.closePath();
  context.stroke();
  context.fill();
  if (chosen) context.fillRect(x - Math.floor(scale / 2), top, Math.max(1, Math.round(scale)), height - top);
}

/** @param {Paint} paint @param {Hit} hit */
function drawStretch({ context, height, width, x, css }, { from, to }) {
  const left = Math.max(0, x(from - 0.5));
  const right = Math.min(width, x(to - 0.5));
  context.fillStyle = css('--accent-soft');
  if (right > left) context.fillRect(left, 0, Math.max(1, right - left), height);
}

/** @param {Paint} paint @param {readonly number[]} levels @param {number} ch */
function drawLevels({ context, scale, width, rows, y, css }, levels, ch) {
  const row = rows.find(({ traces }) => traces.some((trace) => trace.ch === ch));
  if (!row) return;
  context.strokeStyle = css('--text');
  context.globalAlpha = 0.55;
  context.lineWidth = Math.max(1, Math.round(scale));
  context.setLineDash([4 * scale, 4 * scale]);
  for (const level of levels) {
    if (!(level >= row.min && level <= row.max)) continue;
    const at = Math.round(y(level, ch)) + 0.5;
    context.beginPath();
    context.moveTo(0, at);
    context.lineTo(width, at);
    context.stroke();
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}
