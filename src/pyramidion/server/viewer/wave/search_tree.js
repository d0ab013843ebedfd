// @ts-check
import { nextTurn } from '../frame/turn.js';

/**
 * What the searches share: how the levels of a record cover a stretch, reading ahead, giving way to the page, a queue.
 *
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./reader.js').Reader} Reader
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 *
 * @typedef {{level: number, from: number, to: number}} Stretch   Samples `from` to `to` (not included), seen at a level.
 * @typedef {{min: Numbers, max: Numbers}} Bins   Of samples, both are the same array.
 */

/** The main thread is given back after this many milliseconds. */
const SLICE_MS = 6;
/** Bins, or samples, that are read and looked at in one go. */
const SLICE_BINS = 16_384;
const SLICE_SAMPLES = 65_536;

/**
 * A stretch in the bins of a level; what is behind its last bin (old stores drop the last partial one) in finer levels.
 *
 * @param {readonly Level[]} levels @param {Stretch} stretch
 * @returns {Stretch[]} In order.
 */
export function cover(levels, { level, from, to }) {
  if (from >= to) return [];
  const { factor, bins, raw } = levels[level];
  if (raw) return [{ level, from, to }];
  const covered = Math.min(to, bins * factor);
  const rest = cover(levels, { level: level + 1, from: Math.max(from, covered), to });
  return from < covered ? [{ level, from, to: covered }, ...rest] : rest;
}

/** @param {Level} level @returns {number} Samples that its slices span. */
export function sliceSpan({ raw, factor }) {
  return (raw ? SLICE_SAMPLES : SLICE_BINS) * factor;
}

/**
 * Cut stretches into what is read in one go.
 *
 * @param {readonly Level[]} levels @param {readonly Stretch[]} stretches @param {boolean} [backwards]   The last one first.
 * @returns {Generator<Stretch>}
 */
export function* slices(levels, stretches, backwards = false) {
  for (const { level, from, to } of backwards ? stretches.toReversed() : stretches) {
    const step = sliceSpan(levels[level]);
    const first = Math.floor(from / step);
    const count = Math.ceil(to / step) - first;
    for (let i = 0; i < count; i++) {
      const n = first + (backwards ? count - 1 - i : i);
      yield { level, from: Math.max(from, n * step), to: Math.min(to, (n + 1) * step) };
    }
  }
}

/** @param {readonly Level[]} levels @param {Stretch} stretch @returns {{first: number, end: number}} The bins that touch it. */
export function binsOf(levels, { level, from, to }) {
  const { factor } = levels[level];
  return { first: Math.floor(from / factor), end: Math.ceil(to / factor) };
}

/**
 * Where to look into a bin: the finest level that holds all of it in one chunk, which is the least that can be read.
 *
 * @param {readonly Level[]} levels @param {number} level @param {number} span   Samples the bin holds.
 * @returns {number}
 */
export function finer(levels, level, span) {
  for (let k = levels.length - 1; k > level; k--) {
    const { array, factor } = levels[k];
    if (array.chunk[array.chunk.length - 1] * factor >= span) return k;
  }
  return Math.min(level + 1, levels.length - 1);
}

/**
 * @param {Reader} reader @param {Selection} selection @param {Stretch} stretch   As `slices` cuts it. @param {AbortSignal} [signal]
 * @returns {Promise<Bins>} The bins (or samples) that touch the stretch.
 */
export async function readStretch(reader, selection, stretch, signal) {
  const { levels } = reader.dataset;
  if (!levels[stretch.level].raw) {
    const { first, end } = binsOf(levels, stretch);
    return reader.bins(stretch.level, first, end, selection, signal);
  }
  const data = await reader.samples(stretch.from, stretch.to, selection, signal);
  return { min: data, max: data };
}

/**
 * Do something slow with each item, some of them ahead of their turn; what is not needed any more is given up.
 *
 * Begins with one at a time: the first may be all that is needed.
 *
 * @template I, R
 * @param {Iterable<I>} items @param {number} depth   How many are on their way beside the one in turn, later on.
 * @param {(item: I, signal: AbortSignal) => Promise<R>} begin @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<{item: I, result: R}>}
 */
export async function* ahead(items, depth, begin, signal) {
  const giveUp = new AbortController();
  const stop = () => giveUp.abort();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  /** @type {{item: I, coming: Promise<R>}[]} */ const queue = [];
  let done = 0;
  try {
    for (const item of items) {
      const coming = begin(item, giveUp.signal);
      coming.catch(() => {}); // told when its turn comes, if it does
      queue.push({ item, coming });
      if (queue.length <= Math.min(depth, done)) continue;
      yield await first(queue);
      done += 1;
    }
    while (queue.length > 0) yield await first(queue);
  } finally {
    signal?.removeEventListener('abort', stop);
    if (queue.length > 0) stop();
  }
}

/**
 * @template I, R
 * @param {{item: I, coming: Promise<R>}[]} queue @returns {Promise<{item: I, result: R}>}
 */
async function first(queue) {
  const { item, coming } = /** @type {{item: I, coming: Promise<R>}} */ (queue.shift());
  return { item, result: await coming };
}

/** Lets the page breathe during long work, tells how far it is, and stops it when it is not wanted any more. */
export class Breath {
  #since = performance.now();
  #part = { done: 0, of: 1 };
  #told = 0;

  /** @param {{signal?: AbortSignal, progress?: (share: number) => void}} [options]   `progress` is told the share of the whole that is decided. */
  constructor({ signal, progress } = {}) {
    this.signal = signal;
    this.progress = progress;
  }

  /** What follows is one of several equal parts. @param {number} done   Parts before it. @param {number} of */
  part(done, of) {
    this.#part = { done, of };
  }

  /** Work has gone on for long enough: call `rest`. */
  get due() {
    return this.signal?.aborted || performance.now() - this.#since > SLICE_MS;
  }

  /** @param {number} share   Of the part, decided. @returns {Promise<void>} */
  async rest(share) {
    this.signal?.throwIfAborted();
    this.#told = Math.max(this.#told, (this.#part.done + share) / this.#part.of);
    this.progress?.(this.#told);
    await nextTurn();
    this.signal?.throwIfAborted();
    this.#since = performance.now();
  }
}

/**
 * A queue whose first item is the one that `before` puts before all others.
 *
 * @template T
 */
export class Queue {
  /** @type {T[]} */ items = [];

  /** @param {(p: T, q: T) => boolean} before */
  constructor(before) {
    this.before = before;
  }

  get size() {
    return this.items.length;
  }

  /** @param {T} item */
  push(item) {
    const { items, before } = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  /** @returns {T | undefined} */
  pop() {
    const { items, before } = this;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1], items[child])) child += 1;
      if (!before(items[child], last)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return top;
  }

  /** Forget what is not worth keeping. @param {(item: T) => boolean} keep */
  filter(keep) {
    const kept = this.items.filter(keep);
    this.items = [];
    for (const item of kept) this.push(item);
  }
}
