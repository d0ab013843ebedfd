// @ts-check
import { ViewerError } from '../store/errors.js';

/**
 * @typedef {import('../store/metadata.js').ArrayMeta} ArrayMeta
 * @typedef {import('../store/http.js').HttpStore} HttpStore
 * @typedef {import('../store/open.js').Group} Group
 *
 * @typedef {object} Level   One resolution of the record.
 * @property {ArrayMeta} array
 * @property {number} factor   Samples a bin holds; 1 for the samples themselves.
 * @property {number} bins     Bins (or samples) along the record.
 * @property {boolean} raw     The samples themselves: no minimum and maximum plane.
 *
 * @typedef {{ch: number, trc: number, seg: number}} Selection
 *
 * @typedef {object} Calibration   From codes and sample numbers to units, for one selection.
 * @property {number} gain         value = code * gain - offset
 * @property {number} offset
 * @property {number} interval     Time between samples.
 * @property {number} start        Time of sample 0, from the segment's trigger where there is one.
 * @property {number | null} trigger  Time of the trigger since the first one.
 */

/**
 * A waveform store, opened: what it holds and what its numbers mean.
 */
export class WaveDataset {
  /**
   * @param {string} name
   * @param {Level[]} levels   Coarsest first, the samples themselves last.
   * @param {Record<string, unknown>} attributes
   */
  constructor(name, levels, attributes) {
    this.name = name;
    this.levels = levels;
    this.attributes = attributes;
    const [channels, trcs, segments, samples] = padded(levels[levels.length - 1].array.shape, 4, 1);
    this.shape = { channels, trcs, segments, samples };
    this.samples = samples;
    // What nobody says is not made up: a bare array counts samples and has plain numbers.
    this.timeUnit = clean(text(attributes.horiz_unit, '')) || ('horiz_interval' in attributes ? 's' : '');
    // An empty unit is a plain number (a strain, a count), which is not the same as no word about it.
    this.valueUnit = attributes.vertical_unit === '' ? '' : clean(text(attributes.vertical_unit, '')) || ('vertical_gains' in attributes ? 'V' : '');
  }

  /** @param {Selection} selection @returns {Calibration} */
  calibration({ ch, trc, seg }) {
    const { attributes } = this;
    return {
      gain: finite(pick(attributes.vertical_gains, [ch, trc]), 1),
      offset: finite(pick(attributes.vertical_offsets, [ch, trc]), 0),
      interval: positive(attributes.horiz_interval, 'horiz_interval' in attributes ? 1e-9 : 1),
      start: finite(pick(attributes.trigger_offsets, [ch, trc, seg]), finite(attributes.horiz_offset, 0)),
      trigger: number(pick(attributes.trigger_times, [ch, trc, seg])),
    };
  }

  /** @param {number} ch @returns {string} */
  channelName(ch) {
    return clean(text(pick(this.attributes.channel_names, [ch]), '')) || `Channel ${ch}`;
  }

  /** @param {Selection} selection @returns {[number, number] | null} Lowest and highest code of the converter; null where nobody says. */
  clipCodes({ ch, trc }) {
    const [low, high] = [0, 1].map((end) => number(pick(this.attributes.clip_codes, [ch, trc, end])));
    return low !== null && high !== null && high > low ? [low, high] : null;
  }

  /** Unix seconds of time 0 of a segment (its trigger); null where no clock was recorded. @param {Selection} selection @returns {number | null} */
  clockAt(selection) {
    const start = Date.parse(text(this.attributes.start_time, ''));
    return Number.isFinite(start) ? start / 1000 + (this.calibration(selection).trigger ?? 0) : null;
  }

  /** @param {Partial<Selection>} selection @returns {Selection} The nearest selection there is. */
  clamp({ ch = 0, trc = 0, seg = 0 }) {
    const inside = (/** @type {number} */ n, /** @type {number} */ count) => Math.max(0, Math.min(count - 1, Math.trunc(n) || 0));
    return { ch: inside(ch, this.shape.channels), trc: inside(trc, this.shape.trcs), seg: inside(seg, this.shape.segments) };
  }

  /**
   * Chunk coordinates of a level for one selection, all but the last axis.
   *
   * @param {Level} level @param {Selection} selection
   * @returns {{prefix: number[], row: number}} The chunk's coordinates, and the first element of the selected row in it.
   */
  row(level, selection) {
    const { chunk, shape } = level.array;
    const leading = shape.length - (level.raw ? 1 : 2);
    const place = [selection.ch, selection.trc, selection.seg].slice(3 - leading);
    const prefix = place.map((n, axis) => Math.floor(n / chunk[axis]));
    let row = 0;
    place.forEach((n, axis) => {
      row = row * chunk[axis] + (n % chunk[axis]);
    });
    if (!level.raw) prefix.push(0);
    const planes = level.raw ? 1 : chunk[leading];
    return { prefix, row: row * planes * chunk[shape.length - 1] };
  }
}

/**
 * Open a waveform store: `raw` (channels, trcs, segments, samples) and `overview/0`, `overview/1`, ... with minima and maxima.
 *
 * @param {HttpStore} store @param {Group} group
 * @returns {Promise<WaveDataset>}
 */
export async function openWaveform(store, group) {
  const name = store.where('').split('/').at(-1) || store.base.host;
  const attributes = group.attributes;
  const [raw, overviews] = await Promise.all([group.self ?? group.array('raw'), group.self ? [] : readOverviews(group)]);
  if (raw === null) throw notWaveform(store);
  if (raw.shape.length < 1 || raw.shape.length > 4) {
    throw new ViewerError(store.where(raw.path), `${raw.shape.length} axes`, 'A waveform has one to four: channels, traces, segments, samples', 'kind');
  }
  if (raw.shape.some((n) => n === 0)) throw new ViewerError(store.where(raw.path), 'the record is empty (no samples)', 'Nothing can be drawn', 'kind');
  const samples = raw.shape[raw.shape.length - 1];
  const levels = overviews.map((array) => overviewLevel(array, samples, store)).filter((level) => level.factor > 1);
  levels.sort((a, b) => b.factor - a.factor);
  levels.push({ array: raw, factor: 1, bins: samples, raw: true });
  return new WaveDataset(name, levels, attributes);
}

/** @param {Group} group @returns {Promise<ArrayMeta[]>} */
async function readOverviews(group) {
  const arrays = [];
  const batch = group.version === 2 ? 1 : 4; // v2 stores have one level; asking for more would only log errors
  for (let k = 0; ; k += batch) {
    const found = await Promise.all(Array.from({ length: batch }, (_, i) => group.array(`overview/${k + i}`)));
    for (const array of found) {
      if (array === null) return arrays;
      arrays.push(array);
    }
    if (group.version === 2) return arrays;
  }
}

/** @param {ArrayMeta} array @param {number} samples @param {HttpStore} store @returns {Level} */
function overviewLevel(array, samples, store) {
  const rank = array.shape.length;
  if (rank < 2 || array.shape[rank - 2] !== 2 || array.chunk[rank - 2] !== 2) {
    throw new ViewerError(store.where(array.path), 'no pair of minima and maxima', 'Convert it again with `pyramidion convert SRC DST`', 'kind');
  }
  const bins = array.shape[rank - 1];
  // Old stores do not state the bin size: it was samples // 4000, and the samples after the last whole bin are not in it.
  const stated = array.attributes.samples_per_bin;
  const factor = typeof stated === 'number' && stated >= 1 ? stated : Math.max(1, Math.floor(samples / Math.max(1, bins)));
  return { array, factor, bins, raw: false };
}

/** @param {HttpStore} store @returns {ViewerError} */
function notWaveform(store) {
  return new ViewerError(
    store.where(''), 'this Zarr store has no array `raw`, and does not say that it is an image',
    'A waveform store has one: make it with `pyramidion convert SRC DST.zarr`', 'kind',
  );
}

/** @param {readonly number[]} numbers @param {number} length @param {number} value @returns {number[]} */
function padded(numbers, length, value) {
  return [...Array(length - numbers.length).fill(value), ...numbers];
}

/**
 * An entry of nested lists; a list that is less deep holds for all further indexes (old stores keep one gain a channel).
 *
 * @param {unknown} lists @param {readonly number[]} path
 * @returns {unknown}
 */
function pick(lists, path) {
  let value = lists;
  for (const index of path) {
    if (!Array.isArray(value)) break;
    value = value[index];
  }
  return value;
}

/** On one line, without signs that turn the direction of what follows. @param {string} name @returns {string} */
function clean(name) {
  return name.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').replace(/[\p{Surrogate}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '').trim().slice(0, 40);
}

/** @param {unknown} value @returns {number | null} */
function number(value) {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value @param {number} otherwise @returns {number} */
function finite(value, otherwise) {
  return number(value) ?? otherwise;
}

/** @param {unknown} value @param {number} otherwise @returns {number} */
function positive(value, otherwise) {
  const n = number(value);
  return n !== null && n > 0 ? n : otherwise;
}

/** @param {unknown} value @param {string} otherwise @returns {string} */
function text(value, otherwise) {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
