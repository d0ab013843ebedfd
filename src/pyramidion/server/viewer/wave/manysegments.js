// @ts-check
import { gather, neededSamples } from './columns.js';
import { shifted } from './plot.js';

/**
 * The same stretch of many segments, read in batches. Nothing is drawn here.
 *
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./window.js').Window} Window
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 * @typedef {{dataset: WaveDataset, reader: import('./reader.js').Reader}} Source
 *
 * @typedef {object} SegmentRead
 * @property {number} seg
 * @property {Window} window   The stretch in samples of this segment: triggers may lie between two samples.
 * @property {number} level
 * @property {number} first    First bin (or sample) of `planes`.
 * @property {readonly Numbers[]} planes   Minima and maxima, or samples.
 * @property {number} tailFirst
 * @property {Numbers | null} tail   Samples behind the last bin of an old store's overview.
 */

const BATCH = 64; // segments that are asked for together
const BATCH_NUMBERS = 2 ** 22; // ... unless that many numbers are enough
const WIDE_RAW = 2 ** 18; // samples of one segment beyond which an overview must do, even with wide bins

/**
 * The level from which many segments are drawn: the coarsest whose bins are no wider than a column.
 *
 * @param {readonly {factor: number}[]} levels   Coarsest first, samples last.
 * @param {number} span   Samples. @param {number} width   Columns. @returns {number}
 */
export function fittingLevel(levels, span, width) {
  const last = levels.length - 1;
  const level = levels.findIndex(({ factor }) => factor <= span / width);
  if (level >= 0 && level < last) return level;
  return span > WIDE_RAW && last > 0 ? last - 1 : last;
}

/**
 * @param {Source} source
 * @param {Selection} active   Whose window it is. @param {Window} window @param {number} width   Columns.
 * @param {number} from @param {number} to   Segments; `to` is not included.
 * @param {number} level @param {AbortSignal} signal
 * @returns {AsyncGenerator<SegmentRead, void>} In order, each batch on its way while the one before is worked on.
 */
export async function* readSegments(source, active, window, width, from, to, level, signal) {
  const { factor } = source.dataset.levels[level];
  const each = Math.max(1, Math.ceil((window.b - window.a) / factor));
  const batch = Math.max(1, Math.min(BATCH, Math.floor(BATCH_NUMBERS / each)));
  const ask = (/** @type {number} */ start) => {
    const reads = [];
    for (let seg = start; seg < Math.min(to, start + batch); seg++) reads.push(readSegment(source, active, window, width, seg, level, signal));
    const all = Promise.all(reads);
    all.catch(() => {}); // it is told where it is awaited, or nobody cares any more
    return all;
  };
  let coming = ask(from);
  for (let start = from; start < to; start += batch) {
    const here = await coming;
    coming = ask(start + batch);
    yield* here;
  }
}

/**
 * @param {Source} source @param {Selection} active @param {Window} window @param {number} width
 * @param {number} seg @param {number} level @param {AbortSignal} signal
 * @returns {Promise<SegmentRead>}
 */
async function readSegment({ dataset, reader }, active, window, width, seg, level, signal) {
  const selection = { ...active, seg };
  const own = shifted(window, dataset, active, selection);
  const needed = neededSamples(own.a, own.b, width, dataset.samples);
  const first = Math.min(needed.first, dataset.samples);
  const end = Math.max(first, needed.end);
  const { factor, bins, raw } = dataset.levels[level];
  if (raw) {
    const samples = await reader.samples(first, end, selection, signal);
    return { seg, window: own, level, first, planes: [samples], tailFirst: 0, tail: null };
  }
  const low = Math.min(bins, Math.floor(first / factor));
  const high = Math.max(low, Math.min(bins, Math.ceil(end / factor)));
  const tailFirst = Math.max(first, bins * factor);
  const [{ min, max }, tail] = await Promise.all([
    reader.bins(level, low, high, selection, signal),
    tailFirst < end ? reader.samples(tailFirst, end, selection, signal) : null,
  ]);
  return { seg, window: own, level, first: low, planes: [min, max], tailFirst, tail };
}

/** @param {SegmentRead} read @returns {number} Bytes it holds. */
export function bytesOf({ planes, tail }) {
  return planes.reduce((sum, plane) => sum + plane.byteLength, tail?.byteLength ?? 0);
}

/** @param {SegmentRead} read @returns {{min: number, max: number} | null} Its finite codes; null where there is none. */
export function extremesOf({ planes, tail }) {
  let min = Infinity;
  let max = -Infinity;
  const see = (/** @type {Numbers} */ codes) => {
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i];
      if (code < min && code !== -Infinity) min = code; // false for NaN
      if (code > max && code !== Infinity) max = code;
    }
  };
  planes.forEach(see);
  if (tail) see(tail);
  return min <= max ? { min, max } : null;
}

/**
 * @param {SegmentRead} read @param {WaveDataset} dataset @param {number} width
 * @returns {import('./columns.js').Columns} What is drawn for it.
 */
export function columnsOf(read, { levels, samples }, width) {
  const { window: { a, b }, planes, first, tail, tailFirst } = read;
  const { factor, bins, raw } = levels[read.level];
  const ends = { factor: 1, bins: samples, chunk: samples };
  if (raw || planes[0].length === 0) {
    const data = raw ? planes[0] : (tail ?? planes[0]);
    const at = raw ? first : tailFirst;
    return gather({ grids: [ends], samples, level: 0, a, b, width, piece: () => ({ data, low: -at, high: -at }) });
  }
  const count = planes[0].length;
  const pairs = new (/** @type {new (n: number) => Numbers} */ (planes[0].constructor))(2 * count);
  pairs.set(planes[0]);
  pairs.set(planes[1], count);
  const grids = [{ factor, bins, chunk: bins }, ends];
  const piece = (/** @type {number} */ at) =>
    at === 0 ? { data: pairs, low: -first, high: count - first } : tail ? { data: tail, low: -tailFirst, high: -tailFirst } : undefined;
  return gather({ grids, samples, level: 0, a, b, width, piece });
}
