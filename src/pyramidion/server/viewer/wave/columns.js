// @ts-check
/**
 * From bins and samples to pixel columns. Pure: no canvas, no requests.
 *
 * The promise kept here: every sample counts in exactly one column, and a column is the exact minimum and maximum of its
 * samples. A bin belongs to the column in which its middle lies, so the edges of a column lie between two bins (`edges`)
 * and everything is drawn at most half a pixel beside its place. Only bins wider than a column (while finer ones are on
 * their way, or cost too much) are drawn over all the columns that they cover.
 *
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 *
 * @typedef {object} Grid     A level, cut into chunks along the record.
 * @property {number} factor  Samples a bin holds.
 * @property {number} bins    Bins of the level.
 * @property {number} chunk   Bins a chunk holds.
 *
 * @typedef {object} Piece    One row of a decoded chunk.
 * @property {Numbers} data
 * @property {number} low     Where its minima (or samples) begin in `data`,
 * @property {number} high    and its maxima.
 *
 * @typedef {object} Scene
 * @property {readonly Grid[]} grids   Coarsest first, samples last.
 * @property {number} samples          Length of the record.
 * @property {number} level            Index of the grid to draw.
 * @property {number} a                Position at the left edge, in samples.
 * @property {number} b                Position at the right edge.
 * @property {number} width            Columns.
 * @property {(level: number, chunk: number) => Piece | undefined} piece   A chunk, if it is here.
 */

/** A stretch of neighbouring samples, to be drawn as a line. @typedef {{first: number, count: number, data: Numbers, at: number}} Run */

/** What a canvas needs to draw one trace. */
export class Columns {
  /** @param {number} width */
  constructor(width) {
    this.width = width;
    /** Smallest code of each column; +Infinity where there is none. */
    this.lo = new Float64Array(width).fill(Infinity);
    /** Largest code of each column; -Infinity where there is none. */
    this.hi = new Float64Array(width).fill(-Infinity);
    /** 1 where the samples are drawn as a line instead. */
    this.lined = new Uint8Array(width);
    /** @type {Run[]} */
    this.runs = [];
    /** Everything comes from the level asked for. */
    this.complete = true;
    /** Some samples are in no level at hand. */
    this.holes = false;
  }

  /** @returns {{min: number, max: number} | null} Extremes of the finite codes shown, neighbours of a line included. */
  range() {
    let min = Infinity;
    let max = -Infinity;
    const see = (/** @type {number} */ low, /** @type {number} */ high) => {
      if (low < min && low !== -Infinity) min = low;
      if (high > max && high !== Infinity) max = high;
    };
    for (let x = 0; x < this.width; x++) see(this.lo[x], this.hi[x]);
    for (const { data, at, count } of this.runs) for (let i = at; i < at + count; i++) see(data[i], data[i]);
    return min <= max ? { min, max } : null;
  }
}

/**
 * The upright bar of each column that is not lined: from its largest to its smallest value, and as far beyond as it takes to
 * reach the column before, so that a trace has no gaps.
 *
 * @param {Columns} columns @param {(code: number) => number} vertical   Pixels from the top.
 * @param {(x: number, top: number, bottom: number) => void} visit
 */
export function eachBar({ lo, hi, lined, width }, vertical, visit) {
  let above = NaN; // the column before: its upper and lower end
  let below = NaN;
  for (let x = 0; x < width; x++) {
    if (!(lo[x] <= hi[x])) {
      above = below = NaN;
      continue;
    }
    const p = vertical(lo[x]);
    const q = vertical(hi[x]);
    const top = p < q ? p : q;
    const bottom = p < q ? q : p;
    if (!lined[x]) visit(x, top > below ? below : top, bottom < above ? above : bottom);
    above = top;
    below = bottom;
  }
}

/**
 * The samples a window shows: those at positions a <= k < b. A window of another channel's clock may show none.
 *
 * @param {number} a @param {number} b @param {number} samples
 * @returns {{first: number, end: number}}
 */
export function visibleSamples(a, b, samples) {
  const first = Math.max(0, Math.min(samples, Math.ceil(a)));
  return { first, end: Math.max(first, Math.min(samples, Math.ceil(b))) };
}

/** @param {number} a @param {number} b @param {number} width @returns {boolean} Whether samples are drawn as a line. */
export function isLine(a, b, width) {
  return (b - a) / width <= 1;
}

/**
 * The samples that must be known to draw a window: a line needs one neighbour on each side.
 *
 * @param {number} a @param {number} b @param {number} width @param {number} samples
 * @returns {{first: number, end: number}}
 */
export function neededSamples(a, b, width, samples) {
  const { first, end } = visibleSamples(a, b, samples);
  const margin = isLine(a, b, width) ? 1 : 0;
  return { first: Math.max(0, first - margin), end: Math.min(samples, end + margin) };
}

/**
 * Gather what is at hand for a window: the level asked for where its chunks are here, coarser levels elsewhere.
 *
 * @param {Scene} scene
 * @returns {Columns}
 */
export function gather(scene) {
  const columns = new Columns(scene.width);
  const { first, end } = neededSamples(scene.a, scene.b, scene.width, scene.samples);
  if (first < end) fill(columns, scene, scene.level, first, end);
  return columns;
}

/**
 * @param {Columns} columns @param {Scene} scene @param {number} level
 * @param {number} first @param {number} end   Samples to cover.
 */
function fill(columns, scene, level, first, end) {
  const { factor, bins, chunk } = scene.grids[level];
  const covered = Math.min(end, bins * factor);
  if (end > covered) fillTail(columns, scene, level, Math.max(first, covered), end);
  if (first >= covered) return;
  const lastBin = Math.ceil(covered / factor); // exclusive
  for (let c = Math.floor(first / factor / chunk); c * chunk < lastBin; c++) {
    const spanFirst = Math.max(first, c * chunk * factor);
    const spanEnd = Math.min(covered, (c + 1) * chunk * factor);
    const piece = scene.piece(level, c);
    if (piece) {
      if (factor === 1) reduceSamples(columns, scene, piece, c * chunk, spanFirst, spanEnd);
      else reduceBins(columns, scene, level, piece, c * chunk, spanFirst, spanEnd);
    } else {
      columns.complete = false;
      if (level > 0) fill(columns, scene, level - 1, spanFirst, spanEnd);
      else columns.holes = true;
    }
  }
}

/**
 * Samples behind the last bin of a level (old stores drop the last partial bin) come from the samples themselves.
 *
 * @param {Columns} columns @param {Scene} scene @param {number} level @param {number} first @param {number} end
 */
function fillTail(columns, scene, level, first, end) {
  const last = scene.grids.length - 1;
  const { chunk } = scene.grids[last];
  if (level === last) return;
  for (let c = Math.floor(first / chunk); c * chunk < end; c++) {
    const piece = scene.piece(last, c);
    if (piece) {
      reduceSamples(columns, scene, piece, c * chunk, Math.max(first, c * chunk), Math.min(end, (c + 1) * chunk));
    } else {
      columns.complete = false;
      columns.holes = true;
    }
  }
}

/**
 * @param {Columns} columns @param {Scene} scene @param {number} level @param {Piece} piece
 * @param {number} pieceBin   The first bin of the piece.
 * @param {number} first @param {number} end   Samples to cover.
 */
function reduceBins(columns, scene, level, piece, pieceBin, first, end) {
  const { a, b, width, samples } = scene;
  const { factor } = scene.grids[level];
  const { data, low, high } = piece;
  const { lo, hi } = columns;
  const spp = (b - a) / width;
  const seen = visibleSamples(a, b, samples);
  const from = Math.max(first, seen.first);
  const to = Math.min(end, seen.end);
  // With samples further apart than columns, a bin reaches half way to its neighbours, so that no column stays empty.
  const half = isLine(a, b, width) ? 0.5 : 0;
  const narrow = factor <= spp;
  for (let bin = Math.floor(from / factor); bin * factor < to; bin++) {
    const left = Math.max(bin * factor, from);
    const right = Math.min((bin + 1) * factor, to) - 1;
    const own = narrow ? columnOfBin(bin, factor, scene) : 0;
    const c0 = narrow ? own : Math.max(0, Math.floor((left - half - a) / spp));
    const c1 = narrow ? own : Math.min(width - 1, Math.floor((right + half - a) / spp));
    const min = data[low + bin - pieceBin];
    const max = data[high + bin - pieceBin];
    for (let c = Math.min(c0, width - 1); c <= c1; c++) {
      if (min < lo[c]) lo[c] = min; // false for NaN: a bin without a number leaves the column as it is
      if (max > hi[c]) hi[c] = max;
    }
  }
}

/**
 * @param {number} bin @param {number} factor @param {{a: number, b: number, width: number}} scene
 * @returns {number} The column in which the middle of a bin lies; the first or last one for a bin at the edge of the view.
 */
function columnOfBin(bin, factor, { a, b, width }) {
  const middle = bin * factor + (factor - 1) / 2;
  return Math.max(0, Math.min(width - 1, Math.floor((middle - a) / ((b - a) / width))));
}

/**
 * The samples that each column stands for, where bins are no wider than columns: column x those from edges[x] up to, not
 * including, edges[x + 1].
 *
 * @param {{a: number, b: number, width: number, samples: number}} scene @param {number} factor
 * @returns {Float64Array}
 */
export function edges(scene, factor) {
  const { a, b, width, samples } = scene;
  const seen = visibleSamples(a, b, samples);
  const edge = new Float64Array(width + 1);
  let bin = Math.floor(seen.first / factor);
  for (let x = 0; x <= width; x++) {
    while (bin * factor < seen.end && (x === width || columnOfBin(bin, factor, scene) < x)) bin += 1;
    edge[x] = Math.min(samples, bin * factor);
  }
  return edge;
}

/**
 * @param {Columns} columns @param {Scene} scene @param {Piece} piece
 * @param {number} pieceFirst  The first sample of the piece.
 * @param {number} first @param {number} end   Samples to cover.
 */
function reduceSamples(columns, scene, piece, pieceFirst, first, end) {
  const { a, b, width, samples } = scene;
  const { data, low } = piece;
  const { lo, hi, lined } = columns;
  const spp = (b - a) / width;
  const line = isLine(a, b, width) ? 1 : 0;
  const seen = visibleSamples(a, b, samples);
  const to = Math.min(end, seen.end);
  for (let k = Math.max(first, seen.first); k < to; k++) {
    const value = data[low + k - pieceFirst];
    const c = Math.min(width - 1, Math.floor((k - a) / spp));
    if (value < lo[c]) lo[c] = value;
    if (value > hi[c]) hi[c] = value;
    lined[c] |= line;
  }
  if (line && end > first) columns.runs.push({ first, count: end - first, data, at: low + first - pieceFirst });
}
