// @ts-check
import { filled, ITEM_SIZE } from '../decode/numbers.js';
import { chunkOf, fileOf, placeInShard } from '../fetch/chunk.js';
import { product } from '../store/metadata.js';
import { indexBytes } from '../store/shard.js';

/**
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 * @typedef {import('../fetch/chunk.js').Chunk} Chunk
 *
 * @typedef {object} Read      A stretch of one level on its way.
 * @property {Level} level
 * @property {number[]} prefix   Chunk coordinates, all but the last.
 * @property {number} row        First element of the selected row in its chunks.
 * @property {number} from       First bin (or sample),
 * @property {number} to         and the one behind the last.
 * @property {Numbers[]} planes  What is filled: minima and maxima, or samples.
 * @property {Set<number>} left  Chunks that are not here yet, by their number along the record.
 * @property {() => void} resolve
 * @property {(error: unknown) => void} reject
 *
 * @typedef {{min: number | null, max: number | null, minAt: number | null, maxAt: number | null}} Extremes
 *   Codes and positions in samples; null where there is no number.
 */

/** Behind what is drawn (below 3), before what is fetched ahead (from 1000). */
const PRIORITY = 100;
/** Of the six requests that may be on their way, some stay free for the view. */
const MAX_GROUPS = 4;
/** Decoded bytes of a group of neighbours, which come in one request; and of all groups together. */
const GROUP_BYTES = 1 << 20;
/** The longest stretch that is read in one piece, in bins or samples. */
export const LONGEST_READ = 2 ** 24;

/**
 * Reads any stretch of a record for the tools: through the scheduler and its cache, behind what the view wants.
 *
 * A stretch is copied together as its chunks arrive, so it does not matter when the cache drops them. Only a few
 * chunks are wanted at a time; reads that were asked for first are served first.
 */
export class Reader {
  /** Encoded bytes asked for so far that were not here, shard indexes included. */
  bytes = 0;

  /** @type {Set<Read>} */ #reads = new Set();
  /** Keys of the chunks wanted at the moment. @type {Set<string>} */ #asked = new Set();
  /** Shards whose index was asked for. @type {Set<string>} */ #indexes = new Set();
  #due = false;
  #interest;

  /** @param {WaveDataset} dataset @param {import('../fetch/scheduler.js').Scheduler} scheduler */
  constructor(dataset, scheduler) {
    this.dataset = dataset;
    this.scheduler = scheduler;
    this.#interest = scheduler.interest();
    scheduler.listen(() => this.#arrived());
  }

  /**
   * Bins of an overview.
   *
   * @param {number} level   Index in `dataset.levels`, not of the samples.
   * @param {number} from @param {number} to   Bins; `to` is not included.
   * @param {Selection} selection @param {AbortSignal} [signal]
   * @returns {Promise<{min: Numbers, max: Numbers}>} Codes.
   */
  async bins(level, from, to, selection, signal) {
    const of = this.dataset.levels[level];
    if (!of || of.raw) throw new RangeError(`level ${level} is no overview`);
    const [min, max] = await this.#read(of, from, to, selection, signal);
    return { min, max };
  }

  /**
   * @param {number} from @param {number} to   Samples; `to` is not included.
   * @param {Selection} selection @param {AbortSignal} [signal]
   * @returns {Promise<Numbers>} Codes.
   */
  async samples(from, to, selection, signal) {
    return (await this.#read(this.dataset.levels[this.dataset.levels.length - 1], from, to, selection, signal))[0];
  }

  /**
   * The smallest and the largest code of a stretch and the first samples that have them, exact at any width.
   *
   * @param {number} from @param {number} to   Samples; `to` is not included.
   * @param {Selection} selection @param {AbortSignal} [signal]
   * @returns {Promise<Extremes>}
   */
  async extremes(from, to, selection, signal) {
    const [{ findExtreme }, { Breath }] = await Promise.all([import('./search_extreme.js'), import('./search_tree.js')]);
    const breath = new Breath({ signal });
    const low = await findExtreme(this, selection, from, to, 'least', breath);
    const high = await findExtreme(this, selection, from, to, 'greatest', breath);
    return { min: low?.code ?? null, max: high?.code ?? null, minAt: low?.at ?? null, maxAt: high?.at ?? null };
  }

  /**
   * Whether a stretch can be read without fetching anything.
   *
   * @param {number} level @param {number} from @param {number} to   Bins. @param {Selection} selection
   * @returns {boolean}
   */
  has(level, from, to, selection) {
    const of = this.dataset.levels[level];
    const { prefix } = this.dataset.row(of, selection);
    const length = of.array.chunk[of.array.chunk.length - 1];
    for (let index = Math.floor(from / length); index * length < to; index++) {
      if (!this.scheduler.cache.has(chunkOf(of.array, [...prefix, index]).key)) return false;
    }
    return true;
  }

  /**
   * @param {Level} level @param {number} from @param {number} to @param {Selection} selection @param {AbortSignal} [signal]
   * @returns {Promise<Numbers[]>}
   */
  async #read(level, from, to, selection, signal) {
    if (signal?.aborted) throw givenUp();
    if (!(from >= 0 && to >= from && to <= level.bins)) throw new RangeError(`${from} to ${to} is not inside 0 to ${level.bins}`);
    if (to - from > LONGEST_READ) throw new RangeError(`${to - from} is more than can be read in one piece (${LONGEST_READ})`);
    const { array } = level;
    const planes = Array.from({ length: level.raw ? 1 : 2 }, () => filled(to - from, array.dtype, 0));
    const length = array.chunk[array.chunk.length - 1];
    /** @type {Set<number>} */ const left = new Set();
    for (let index = Math.floor(from / length); index * length < to; index++) left.add(index);
    /** @type {Read} */ const read = {
      level, ...this.dataset.row(level, selection), from, to, planes, left, resolve: () => {}, reject: () => {},
    };
    this.#take(read);
    if (left.size > 0) await this.#wait(read, signal);
    return planes;
  }

  /** @param {Read} read @param {AbortSignal} [signal] @returns {Promise<void>} */
  #wait(read, signal) {
    const done = new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
      read.resolve = () => resolve();
      read.reject = reject;
    });
    const stop = () => read.reject(givenUp());
    signal?.addEventListener('abort', stop, { once: true });
    this.#reads.add(read);
    this.#soon();
    return done.finally(() => {
      signal?.removeEventListener('abort', stop);
      this.#reads.delete(read);
      this.#soon();
    });
  }

  /** Copy what is here. @param {Read} read */
  #take(read) {
    const { level, row, from, to, planes, left } = read;
    const length = level.array.chunk[level.array.chunk.length - 1];
    for (const index of left) {
      const chunk = this.#chunk(read, index);
      const data = this.scheduler.get(chunk);
      if (!data) continue;
      const first = Math.max(from, index * length);
      const end = Math.min(to, (index + 1) * length);
      planes.forEach((plane, p) => {
        const at = row + p * length + first - index * length;
        plane.set(data.subarray(at, at + end - first), first - from);
      });
      left.delete(index);
      if (this.#asked.delete(chunk.key)) this.bytes += this.scheduler.locate(chunk)?.length ?? decodedBytes(level);
    }
  }

  #arrived() {
    if (this.#reads.size === 0) return;
    for (const read of this.#reads) {
      this.#take(read);
      const failure = this.#failure(read);
      if (failure) read.reject(failure);
      else if (read.left.size === 0) read.resolve();
    }
    this.#soon();
  }

  /** @param {Read} read */
  #failure(read) {
    const { failures } = this.scheduler;
    if (failures.size === 0) return undefined;
    for (const index of read.left) {
      const chunk = this.#chunk(read, index);
      const failure = failures.get(chunk.key) ?? failures.get(fileOf(chunk));
      if (failure) return failure;
    }
    return undefined;
  }

  /** Reads asked for in one go are wanted together, so that neighbours share a request. */
  #soon() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      this.#want();
    });
  }

  /** State what is wanted now: the first few groups of neighbours. */
  #want() {
    /** @type {import('../fetch/scheduler.js').Want[]} */ const wants = [];
    const keys = new Set();
    let groups = 0;
    let room = 0;
    let before = { file: '', place: -2 };
    collecting: for (const read of this.#reads) {
      const failure = this.#failure(read);
      if (failure) {
        read.reject(failure); // known from an earlier read: the scheduler does not ask again by itself
        continue;
      }
      for (const index of read.left) {
        const chunk = this.#chunk(read, index);
        if (keys.has(chunk.key)) continue;
        const bytes = decodedBytes(read.level);
        const [file, place] = [fileOf(chunk), placeInShard(chunk)];
        if (before.file !== file || Math.abs(place - before.place) !== 1 || room < bytes) {
          if (++groups > MAX_GROUPS) break collecting;
          room = GROUP_BYTES;
        }
        room -= bytes;
        before = { file, place };
        keys.add(chunk.key);
        wants.push({ chunk, priority: PRIORITY + Math.min(wants.length, 899) / 1000 });
        this.#countIndex(chunk);
      }
    }
    this.#asked = keys;
    this.#interest.set(wants);
  }

  /** @param {Chunk} chunk */
  #countIndex(chunk) {
    const file = fileOf(chunk);
    if (this.scheduler.indexed(chunk) || this.#indexes.has(file)) return;
    this.#indexes.add(file);
    this.bytes += indexBytes(chunk.array);
  }

  /** @param {Read} read @param {number} index @returns {Chunk} */
  #chunk(read, index) {
    return chunkOf(read.level.array, [...read.prefix, index]);
  }
}

/** @param {Level} level @returns {number} Bytes of a decoded chunk. */
function decodedBytes({ array }) {
  return product(array.chunk) * ITEM_SIZE[array.dtype];
}

/** @returns {DOMException} */
function givenUp() {
  return new DOMException('The read was given up', 'AbortError');
}
