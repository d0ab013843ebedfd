// @ts-check
import { filled, ITEM_SIZE } from '../decode/numbers.js';
import { asViewerError, ViewerError } from '../store/errors.js';
import { product } from '../store/metadata.js';
import { indexBytes, parseShardIndex } from '../store/shard.js';
import { fileOf, nameOf, placeInShard } from './chunk.js';
import { coalesce } from './planner.js';

/**
 * @typedef {import('./chunk.js').Chunk} Chunk
 * @typedef {import('./chunk.js').ArrayMeta} ArrayMeta
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 * @typedef {import('../store/shard.js').ShardIndex} ShardIndex
 * @typedef {{chunk: Chunk, priority: number, indexOnly?: boolean}} Want  Smaller priority first.
 *
 * @typedef {object} Job
 * @property {Chunk} chunk
 * @property {'queued' | 'active'} state
 * @property {boolean} indexOnly
 * @property {Map<Interest, number>} holders   Who wants it, and how urgently.
 *
 * @typedef {object} Transfer  A request on its way.
 * @property {Job[]} jobs
 * @property {AbortController} abort
 * @property {number} length     Bytes it will bring, where known.
 * @property {number} received
 *
 * @typedef {ReadonlySet<string> | null} Changed   Keys of chunks and shards that arrived or failed; null for all.
 */

const MAX_IN_FLIGHT = 6; // what browsers open to one HTTP/1.1 host anyway

/**
 * Gets the chunks that the panels want, and nothing else.
 *
 * A panel states the full list of what it wants at the moment (`Interest.set`); what left the list and has not been
 * sent is dropped, what is on its way is aborted when nobody wants any part of it and less than half has arrived.
 * Chunks of one shard that are wanted together come in one range request. Shard indexes are kept for ever.
 */
export class Scheduler {
  /** What went wrong, by chunk or shard. @type {Map<string, ViewerError>} */
  failures = new Map();
  /** Chunks found missing and taken as the fill value. */
  missing = 0;
  /** Chunks that a panel began to want and that were here already. */
  cacheHits = 0;
  /** Requests and bytes since the last `beginStep`. */
  step = { requests: 0, bytes: 0 };

  /** @type {Map<string, Job>} */ #jobs = new Map();
  /** @type {Set<Transfer>} */ #transfers = new Set();
  /** Shard indexes by file; null for a shard that does not exist. @type {Map<string, ShardIndex | null>} */
  #indexes = new Map();
  /** @type {Set<string>} */ #indexesComing = new Set();
  #decoding = 0;
  /** @type {Set<(changed: Changed) => void>} */ #listeners = new Set();
  /** What the listeners have not been told of yet. @type {Set<string>} */ #changed = new Set();

  /**
   * @param {import('../store/http.js').HttpStore} store
   * @param {import('../decode/pool.js').DecodePool} pool
   * @param {import('../cache/lru.js').LruCache<Numbers>} cache
   */
  constructor(store, pool, cache) {
    this.store = store;
    this.pool = pool;
    this.cache = cache;
  }

  /** Nothing wanted is missing, on its way or being decoded. */
  get quiet() {
    return this.#jobs.size === 0 && this.#transfers.size === 0 && this.#decoding === 0;
  }

  /** Whether something that will be drawn is still on its way. */
  get busy() {
    return [...this.#jobs.values()].some((job) => !job.indexOnly);
  }

  /**
   * @param {(changed: Changed) => void} listener   Called when a chunk or an index arrived, failed, or a request ended.
   * @returns {() => void} Ends it.
   */
  listen(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @returns {Interest} */
  interest() {
    return new Interest(this);
  }

  /** A new view begins: what follows is counted towards it. */
  beginStep() {
    this.step = { requests: 0, bytes: 0 };
  }

  /** Forget failures and try again. */
  retry() {
    this.failures.clear();
    this.#notify(null);
  }

  /**
   * The store has grown: ask again where chunks lie, and for those that were not full.
   *
   * @param {(key: string) => boolean} grown   By the key of a chunk.
   */
  forget(grown) {
    this.#indexes.clear();
    this.cache.deleteAll(grown);
    this.retry();
  }

  /** @param {Chunk} chunk @returns {Numbers | undefined} The decoded chunk, if it is here. */
  get(chunk) {
    return this.cache.get(chunk.key);
  }

  /**
   * Where a chunk lies in its shard, once the index is here.
   *
   * @param {Chunk} chunk
   * @returns {{offset: number, length: number} | null} Null when that is not known yet, or for unsharded arrays.
   */
  locate(chunk) {
    const index = this.#indexes.get(fileOf(chunk));
    if (!index) return index === null ? { offset: 0, length: 0 } : null;
    const place = placeInShard(chunk);
    return { offset: index.offsets[place], length: index.lengths[place] };
  }

  /** @param {Chunk} chunk @returns {boolean} Whether the index of its shard is known or not needed. */
  indexed(chunk) {
    return chunk.array.index === null || this.#indexes.has(fileOf(chunk));
  }

  /** @param {Interest} interest @param {readonly Want[]} wants */
  update(interest, wants) {
    const before = interest.keys;
    const keep = new Set();
    interest.keys = new Set();
    interest.files = new Set();
    for (const want of wants) {
      const key = want.indexOnly ? `index ${fileOf(want.chunk)}` : want.chunk.key;
      interest.keys.add(key);
      interest.files.add(fileOf(want.chunk));
      if (want.indexOnly ? this.indexed(want.chunk) : this.cache.has(key)) {
        if (!want.indexOnly && !before.has(key)) this.cacheHits += 1;
        continue;
      }
      if (this.failures.has(key) || this.failures.has(fileOf(want.chunk))) continue;
      keep.add(key);
      let job = this.#jobs.get(key);
      if (!job) {
        job = { chunk: want.chunk, state: 'queued', indexOnly: want.indexOnly ?? false, holders: new Map() };
        this.#jobs.set(key, job);
      }
      job.holders.set(interest, want.priority);
    }
    for (const [key, job] of this.#jobs) {
      if (!keep.has(key) && job.holders.delete(interest) && job.holders.size === 0 && job.state === 'queued') this.#jobs.delete(key);
    }
    this.#abortUnwanted();
    this.#pump();
  }

  /** @param {Interest} interest @returns {boolean} Whether something that it will draw is still on its way. */
  waits(interest) {
    return [...this.#jobs.values()].some((job) => !job.indexOnly && job.holders.has(interest));
  }

  #abortUnwanted() {
    for (const transfer of this.#transfers) {
      const wanted = transfer.jobs.length === 0 || transfer.jobs.some((job) => job.holders.size > 0);
      if (!wanted && transfer.received < transfer.length / 2) transfer.abort.abort();
    }
  }

  #pump() {
    while (this.#transfers.size < MAX_IN_FLIGHT) {
      const job = this.#mostUrgent();
      if (!job) return;
      const { array } = job.chunk;
      if (array.index === null) void this.#fetchWhole(job);
      else if (!this.indexed(job.chunk)) void this.#fetchIndex(job);
      else this.#fetchFromShard(job);
    }
  }

  /** @returns {Job | null} */
  #mostUrgent() {
    let best = null;
    let bestPriority = Infinity;
    for (const job of this.#jobs.values()) {
      if (job.state !== 'queued' || this.#indexesComing.has(fileOf(job.chunk))) continue;
      const priority = Math.min(...job.holders.values());
      if (priority < bestPriority) [best, bestPriority] = [job, priority];
    }
    return best;
  }

  /** @param {Job} job */
  async #fetchIndex(job) {
    const { array } = job.chunk;
    const file = fileOf(job.chunk);
    const length = indexBytes(array);
    this.#indexesComing.add(file);
    const transfer = this.#begin([], length);
    const options = { signal: transfer.abort.signal };
    try {
      const answer = array.index?.atEnd
        ? await this.store.suffix(file, length, options)
        : await this.store.range(file, 0, length, options).then((bytes) => bytes && { bytes, total: null });
      this.#indexes.set(file, answer && parseShardIndex(answer.bytes, array, answer.total, this.store.where(file)));
    } catch (error) {
      this.failures.set(file, asViewerError(error, this.store.where(file)));
      for (const [key, waiting] of this.#jobs) if (fileOf(waiting.chunk) === file) this.#jobs.delete(key);
    }
    for (const [key, waiting] of this.#jobs) if (waiting.indexOnly && this.indexed(waiting.chunk)) this.#jobs.delete(key);
    this.#indexesComing.delete(file);
    this.#changed.add(file);
    this.#end(transfer);
  }

  /** @param {Job} job */
  #fetchFromShard(job) {
    const file = fileOf(job.chunk);
    const ranges = [];
    for (const other of this.#jobs.values()) {
      if (other.state !== 'queued' || other.indexOnly || fileOf(other.chunk) !== file) continue;
      const place = /** @type {{offset: number, length: number}} */ (this.locate(other.chunk));
      if (place.length === 0) this.#fill(other);
      else ranges.push({ ...place, item: other });
    }
    const group = coalesce(ranges).find(({ members }) => members.some(({ item }) => item === job));
    if (group) void this.#fetchRange(file, group);
    else queueMicrotask(() => this.#notify()); // only missing chunks: nothing is on its way that would tell
  }

  /** @param {string} file @param {import('./planner.js').RangeGroup<Job>} group */
  async #fetchRange(file, group) {
    const jobs = group.members.map(({ item }) => item);
    const transfer = this.#begin(jobs, group.length);
    try {
      const bytes = await this.store.range(file, group.start, group.length, this.#options(transfer));
      for (const { offset, length, item } of group.members) {
        if (bytes === null) this.#fill(item);
        else void this.#decode(item, bytes.slice(offset - group.start, offset - group.start + length));
      }
    } catch (error) {
      this.#fail(transfer, error);
    }
    this.#end(transfer);
  }

  /** @param {Job} job */
  async #fetchWhole(job) {
    const transfer = this.#begin([job], product(job.chunk.array.chunk) * ITEM_SIZE[job.chunk.array.dtype]);
    try {
      const bytes = await this.store.get(fileOf(job.chunk), this.#options(transfer));
      if (bytes === null) this.#fill(job);
      else void this.#decode(job, bytes);
    } catch (error) {
      this.#fail(transfer, error);
    }
    this.#end(transfer);
  }

  /** @param {Transfer} transfer */
  #options(transfer) {
    return {
      signal: transfer.abort.signal,
      progress: (/** @type {number} */ received) => {
        transfer.received = received;
      },
    };
  }

  /** @param {Job[]} jobs @param {number} length @returns {Transfer} */
  #begin(jobs, length) {
    for (const job of jobs) job.state = 'active';
    const transfer = { jobs, abort: new AbortController(), length, received: 0 };
    this.#transfers.add(transfer);
    this.step.requests += 1;
    this.step.bytes += length;
    return transfer;
  }

  /** @param {Transfer} transfer */
  #end(transfer) {
    this.#transfers.delete(transfer);
    this.#notify(); // first, so that a panel may change its mind now that sizes are known
    this.#pump();
  }

  /** @param {Transfer} transfer @param {unknown} error */
  #fail(transfer, error) {
    const aborted = transfer.abort.signal.aborted;
    for (const job of transfer.jobs) {
      this.#jobs.delete(job.chunk.key);
      this.#changed.add(job.chunk.key);
      if (!aborted) this.failures.set(job.chunk.key, asViewerError(error, nameOf(job.chunk)));
    }
  }

  /** @param {Job} job @param {Uint8Array<ArrayBuffer>} bytes */
  async #decode(job, bytes) {
    const { array } = job.chunk;
    const count = product(array.chunk);
    const where = nameOf(job.chunk);
    this.#decoding += 1;
    try {
      const data = await this.pool.decode(bytes, { where, dtype: array.dtype, little: array.little, count, codecs: array.codecs });
      this.cache.set(job.chunk.key, data, data.byteLength);
    } catch (error) {
      this.failures.set(job.chunk.key, asViewerError(error, where));
    }
    this.#decoding -= 1;
    this.#jobs.delete(job.chunk.key);
    this.#changed.add(job.chunk.key);
    this.#notify();
  }

  /** @param {Job} job  Its chunk does not exist, which in Zarr means that it holds the fill value. */
  #fill(job) {
    const { array, key } = job.chunk;
    const data = filled(product(array.chunk), array.dtype, array.fill);
    this.missing += 1;
    this.cache.set(key, data, data.byteLength);
    this.#jobs.delete(key);
    this.#changed.add(key);
  }

  /** @param {Changed} [changed]   What changed since the last time. */
  #notify(changed = this.#changed) {
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  }
}

/** What one panel wants at the moment. */
export class Interest {
  /** The keys of the last list. @type {Set<string>} */
  keys = new Set();
  /** The files that hold them. @type {Set<string>} */
  files = new Set();

  /** @param {Scheduler} scheduler */
  constructor(scheduler) {
    this.scheduler = scheduler;
  }

  /** @param {readonly Want[]} wants  The whole list; replaces the one before. */
  set(wants) {
    this.scheduler.update(this, wants);
  }

  /** Something that will be drawn is still on its way. */
  get waits() {
    return this.scheduler.waits(this);
  }

  /** @param {Changed} changed @returns {boolean} Whether it is about something wanted here. */
  concerns(changed) {
    return changed === null || [...changed].some((key) => this.keys.has(key) || this.files.has(key));
  }
}
