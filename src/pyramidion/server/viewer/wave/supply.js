// @ts-check
import { chunkOf, fileOf } from '../fetch/chunk.js';
import { ITEM_SIZE } from '../decode/numbers.js';
import { product } from '../store/metadata.js';
import { indexBytes } from '../store/shard.js';
import { neededSamples } from './columns.js';
import { chooseLevel, LARGE_STEP_BYTES, STEP_BYTES } from './levels.js';

/**
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {import('./window.js').Window} Window
 * @typedef {import('./columns.js').Scene} Scene
 * @typedef {import('../fetch/scheduler.js').Scheduler} Scheduler
 * @typedef {import('../fetch/scheduler.js').Want} Want
 * @typedef {import('../fetch/chunk.js').Chunk} Chunk
 */

const USUAL_COMPRESSION = 1.5; // for chunks whose encoded size is not known yet
const STEP_REQUESTS = 2;
const OPENING_REQUESTS = 6; // two for the picture; more only for seams, see `prefetch`

/**
 * Stands between the record and the scheduler: which chunks a window needs, which level it can afford, what is here.
 */
export class Supply {
  /** @param {WaveDataset} dataset @param {Scheduler} scheduler */
  constructor(dataset, scheduler) {
    this.dataset = dataset;
    this.scheduler = scheduler;
    this.grids = dataset.levels.map(({ array, factor, bins }) => ({ factor, bins, chunk: array.chunk[array.chunk.length - 1] }));
  }

  /**
   * @param {Window} window @param {number} width  Device pixels. @param {Selection} selection
   * @returns {number} The level to draw; -1 for none.
   */
  level({ a, b }, width, selection) {
    return chooseLevel(this.dataset.levels, (b - a) / width, (level) => this.#cost(level, { a, b }, width, selection));
  }

  /**
   * @param {Window} window @param {number} width @param {Selection} selection @param {number} level
   * @returns {Scene}
   */
  scene({ a, b }, width, selection, level) {
    const { levels, samples } = this.dataset;
    return {
      grids: this.grids, samples, level, a, b, width,
      piece: (at, index) => {
        const { prefix, row } = this.dataset.row(levels[at], selection);
        const data = this.scheduler.get(chunkOf(levels[at].array, [...prefix, index]));
        return data && { data, low: row, high: levels[at].raw ? row : row + this.grids[at].chunk };
      },
    };
  }

  /**
   * The chunks of a level that a window needs, nearest to its middle first.
   *
   * @param {number} level @param {Window} window @param {number} width @param {Selection} selection
   * @param {number} priority   Of the first one.
   * @returns {Want[]}
   */
  wants(level, { a, b }, width, selection, priority) {
    const { first, end } = neededSamples(a, b, width, this.dataset.samples);
    const wants = this.#between(level, first, end, selection).concat(this.#tail(level, first, end, selection));
    const { factor, chunk } = this.grids[level];
    const middle = (a + b) / 2 / factor / chunk - 0.5;
    const distance = (/** @type {Chunk} */ { at }) => Math.abs((at.at(-1) ?? 0) - middle);
    return wants
      .sort((p, q) => distance(p) - distance(q))
      .map((chunk, i) => ({ chunk, priority: priority + Math.min(i, 99) / 100 }));
  }

  /**
   * What a window needs, from the level that it is drawn from.
   *
   * @param {Window} window @param {number} width @param {Selection} selection @param {number} priority
   * @returns {Want[]}
   */
  needs(window, width, selection, priority) {
    const level = this.level(window, width, selection);
    return level < 0 ? [] : this.wants(level, window, width, selection, priority);
  }

  /**
   * Shard indexes that the next zooms will ask for, as many as the requests left over in this step allow.
   *
   * Knowing an index beforehand saves a round trip, and it keeps a zoom into the seam of two shards at two requests.
   * Right after opening only seams are looked at: a record of 2^n samples has one exactly in its middle.
   *
   * @param {number} level     The level shown.
   * @param {number} position  Where the zoom is going, in samples.
   * @param {number} width @param {Selection} selection
   * @param {boolean} opening  Nobody has moved yet.
   * @returns {Want[]}
   */
  prefetch(level, position, width, selection, opening) {
    const { step } = this.scheduler;
    let requests = (opening ? OPENING_REQUESTS : STEP_REQUESTS) - step.requests;
    let bytes = STEP_BYTES - step.bytes;
    /** @type {Want[]} */ const wants = [];
    for (const { chunks, array } of this.#unindexed(level, position, width, selection)) {
      if (opening && chunks.length < 2) break;
      for (const chunk of chunks) {
        requests -= 1;
        bytes -= indexBytes(array);
        if (requests < 0 || bytes < 0) return wants;
        wants.push({ chunk, priority: 1000 + wants.length, indexOnly: true });
      }
    }
    return wants;
  }

  /**
   * Levels finer than the one shown with a chunk of each shard around a position whose index is not here: seams of two
   * shards first, then the next level, the samples, and the others.
   *
   * @param {number} level @param {number} position @param {number} width @param {Selection} selection
   * @returns {{array: import('./dataset.js').ArrayMeta, chunks: Chunk[]}[]}
   */
  #unindexed(level, position, width, selection) {
    const last = this.grids.length - 1;
    const order = [level + 1, last, ...this.grids.keys()].filter((k, i, all) => k > level && k <= last && all.indexOf(k) === i);
    return order
      .map((k) => {
        // Half the widest window that this level will be drawn for.
        const reach = (width * Math.min(this.grids[k - 1].factor, 64 * this.grids[k].factor)) / 2;
        const first = Math.max(0, Math.floor(position - reach));
        const end = Math.min(this.dataset.samples, Math.ceil(position + reach) + 1);
        const missing = this.#ends(k, first, end, selection).filter((chunk) => !this.scheduler.indexed(chunk));
        const chunks = missing.filter((chunk, i) => i === 0 || fileOf(chunk) !== fileOf(missing[0]));
        return { array: this.dataset.levels[k].array, chunks };
      })
      .sort((p, q) => Number(q.chunks.length > 1) - Number(p.chunks.length > 1));
  }

  /** @param {number} level @param {Window} window @param {number} width @param {Selection} selection */
  #cost(level, { a, b }, width, selection) {
    const { array } = this.dataset.levels[level];
    const { first, end } = neededSamples(a, b, width, this.dataset.samples);
    const { factor, chunk: length } = this.grids[level];
    const decoded = product(array.chunk) * ITEM_SIZE[array.dtype];
    const count = Math.ceil(end / factor / length) - Math.floor(first / factor / length);
    if (count > 2 && (count * decoded) / USUAL_COMPRESSION > 4 * LARGE_STEP_BYTES) return { bytes: Infinity, chunks: count };
    let bytes = 0;
    let chunks = 0;
    const indexes = new Set();
    for (const chunk of this.#between(level, first, end, selection)) {
      if (this.scheduler.cache.has(chunk.key)) continue;
      chunks += 1;
      bytes += this.scheduler.locate(chunk)?.length ?? decoded / USUAL_COMPRESSION;
      if (!this.scheduler.indexed(chunk)) indexes.add(fileOf(chunk));
    }
    return { bytes: bytes + indexes.size * indexBytes(array), chunks };
  }

  /** @param {number} level @param {number} first @param {number} end @param {Selection} selection @returns {Chunk[]} */
  #between(level, first, end, selection) {
    const { array } = this.dataset.levels[level];
    const { factor, bins, chunk } = this.grids[level];
    const { prefix } = this.dataset.row(this.dataset.levels[level], selection);
    const chunks = [];
    const stop = Math.min(Math.ceil(end / factor), bins);
    for (let index = Math.floor(first / factor / chunk); index * chunk < stop; index++) chunks.push(chunkOf(array, [...prefix, index]));
    return chunks;
  }

  /** The first and the last chunk of a stretch. @param {number} level @param {number} first @param {number} end @param {Selection} selection */
  #ends(level, first, end, selection) {
    const { factor, chunk } = this.grids[level];
    const span = factor * chunk;
    const last = Math.floor((end - 1) / span) * span;
    return [...this.#between(level, first, first + 1, selection), ...this.#between(level, last, last + 1, selection)];
  }

  /**
   * Samples behind the last bin of an old store's overview, unless they are too many to fetch.
   *
   * @param {number} level @param {number} first @param {number} end @param {Selection} selection
   * @returns {Chunk[]}
   */
  #tail(level, first, end, selection) {
    const { factor, bins } = this.grids[level];
    if (end <= bins * factor) return [];
    const { array } = this.dataset.levels[this.grids.length - 1];
    const chunks = this.#between(this.grids.length - 1, Math.max(first, bins * factor), end, selection);
    const bytes = (chunks.length * product(array.chunk) * ITEM_SIZE[array.dtype]) / USUAL_COMPRESSION;
    return bytes <= LARGE_STEP_BYTES ? chunks : [];
  }
}
