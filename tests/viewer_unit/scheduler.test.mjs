// The scheduler over a store in memory: what is asked for, in which order, and what is dropped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './viewer.mjs';

const { Scheduler } = await load('fetch/scheduler.js');
const { LruCache } = await load('cache/lru.js');
const { chunkOf } = await load('fetch/chunk.js');
const { decodeChunk } = await load('decode/chain.js');
const { parseV3 } = await load('store/metadata.js');
const { ViewerError } = await load('store/errors.js');

const BYTES = [{ name: 'bytes', configuration: { endian: 'little' } }];
const PER_SHARD = 16;

/** An array of uint16 whose chunk n holds n, n, ...; 4 elements a chunk, 16 chunks a shard. */
const meta = parseV3({
  zarr_format: 3, node_type: 'array', shape: [640], data_type: 'uint16', fill_value: 9,
  chunk_grid: { name: 'regular', configuration: { chunk_shape: [4 * PER_SHARD] } },
  chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
  codecs: [{ name: 'sharding_indexed', configuration: { chunk_shape: [4], codecs: BYTES, index_codecs: BYTES, index_location: 'end' } }],
}, 'a', 'a');

class MemoryStore {
  log = [];
  waiting = [];
  hold = false;
  failing = new Set();
  absent = new Set();

  where(path) {
    return path;
  }

  async suffix(path, length) {
    await this.#step(path, `${path} index`);
    if (this.absent.has(path)) return null;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < PER_SHARD; i++) {
      view.setBigUint64(16 * i, BigInt(8 * i), true);
      view.setBigUint64(16 * i + 8, 8n, true);
    }
    return { bytes, total: 8 * PER_SHARD + length };
  }

  async range(path, start, length, { signal } = {}) {
    await this.#step(path, `${path} ${start}+${length}`, signal);
    const shard = Number(path.split('/').at(-1));
    const data = Uint16Array.from({ length: length / 2 }, (_, i) => shard * PER_SHARD + Math.floor((start / 2 + i) / 4));
    return new Uint8Array(data.buffer);
  }

  async #step(path, entry, signal) {
    this.log.push(entry);
    if (this.hold) {
      await new Promise((resolve, reject) => {
        this.waiting.push(resolve);
        signal?.addEventListener('abort', () => {
          this.log.push(`${entry} aborted`);
          reject(new DOMException('aborted', 'AbortError'));
        });
      });
    }
    if (this.failing.has(path)) throw new ViewerError(path, 'the server has a fault', 'Try again', 'status');
  }

  release() {
    this.hold = false;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function setup() {
  const store = new MemoryStore();
  const scheduler = new Scheduler(store, { decode: decodeChunk }, new LruCache(1e6));
  return { store, scheduler, interest: scheduler.interest() };
}

const want = (n, priority = 0) => ({ chunk: chunkOf(meta, [n]), priority });

async function settle(scheduler) {
  for (let i = 0; i < 50 && !scheduler.quiet; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(scheduler.quiet, 'still busy');
}

test('chunks side by side cost one index and one range', async () => {
  const { store, scheduler, interest } = setup();
  interest.set([want(3), want(4), want(5)]);
  await settle(scheduler);
  assert.deepEqual(store.log, ['a/c/0 index', 'a/c/0 24+24']);
  assert.deepEqual([...scheduler.get(chunkOf(meta, [4]))], [4, 4, 4, 4]);
  assert.deepEqual(scheduler.step, { requests: 2, bytes: 256 + 24 });
});

test('an index is asked for once, and what is here is not asked for again', async () => {
  const { store, scheduler, interest } = setup();
  interest.set([want(3)]);
  await settle(scheduler);
  interest.set([want(3), want(9)]);
  await settle(scheduler);
  interest.set([want(9)]);
  await settle(scheduler);
  assert.deepEqual(store.log, ['a/c/0 index', 'a/c/0 24+8', 'a/c/0 72+8']);
});

test('what is urgent goes first, and at most six are on their way', async () => {
  const { store, scheduler, interest } = setup();
  store.hold = true;
  interest.set(Array.from({ length: 10 }, (_, shard) => want(shard * PER_SHARD, 10 - shard)));
  assert.equal(store.log.length, 6);
  assert.equal(store.log[0], 'a/c/9 index');
  store.release();
  await settle(scheduler);
  assert.equal(store.log.length, 20);
});

test('what is not wanted any more is never sent', async () => {
  const { store, scheduler, interest } = setup();
  store.hold = true;
  interest.set(Array.from({ length: 10 }, (_, shard) => want(shard * PER_SHARD, shard)));
  interest.set([want(0)]);
  store.release();
  await settle(scheduler);
  assert.equal(store.log.filter((entry) => entry.includes('+')).length, 1);
});

test('a range is aborted when the last one who wants any part of it is gone', async () => {
  const { store, scheduler, interest } = setup();
  const other = scheduler.interest();
  interest.set([want(2)]);
  await settle(scheduler);
  store.hold = true;
  interest.set([want(5), want(6)]);
  other.set([want(6)]);
  interest.set([]);
  assert.ok(!store.log.some((entry) => entry.endsWith('aborted')), 'the other still wants chunk 6');
  other.set([]);
  await settle(scheduler);
  assert.deepEqual(store.log.at(-1), 'a/c/0 40+16 aborted');
  assert.equal(scheduler.failures.size, 0);
  store.release();
  interest.set([want(5)]);
  await settle(scheduler);
  assert.deepEqual([...scheduler.get(chunkOf(meta, [5]))], [5, 5, 5, 5]);
});

test('a missing shard is the fill value, and counted', async () => {
  const { store, scheduler, interest } = setup();
  store.absent.add('a/c/1');
  interest.set([want(PER_SHARD), want(PER_SHARD + 1)]);
  await settle(scheduler);
  assert.deepEqual([...scheduler.get(chunkOf(meta, [PER_SHARD]))], [9, 9, 9, 9]);
  assert.equal(scheduler.missing, 2);
});

test('a failure is kept until it is tried again, and leaves the rest alone', async () => {
  const { store, scheduler, interest } = setup();
  store.failing.add('a/c/1');
  scheduler.listen(() => interest.set([want(0), want(PER_SHARD)]));
  interest.set([want(0), want(PER_SHARD)]);
  await settle(scheduler);
  assert.equal(scheduler.failures.size, 1);
  assert.ok(scheduler.get(chunkOf(meta, [0])));
  const asked = store.log.length;
  interest.set([want(PER_SHARD)]);
  await settle(scheduler);
  assert.equal(store.log.length, asked, 'failed chunks are not asked for in a loop');
  store.failing.clear();
  scheduler.retry();
  await settle(scheduler);
  assert.ok(scheduler.get(chunkOf(meta, [PER_SHARD])));
});

test('an index alone can be wanted', async () => {
  const { store, scheduler, interest } = setup();
  interest.set([{ ...want(40), indexOnly: true }]);
  await settle(scheduler);
  assert.deepEqual(store.log, ['a/c/2 index']);
  assert.ok(scheduler.indexed(chunkOf(meta, [40])));
});

test('listeners are told what changed, so that each can pass over what is not its own', async () => {
  const { scheduler } = setup();
  const [mine, other] = [scheduler.interest(), scheduler.interest()];
  const told = [];
  const end = scheduler.listen((changed) => told.push([mine.concerns(changed), other.concerns(changed)]));
  mine.set([want(0)]);
  assert.ok(mine.waits && !other.waits);
  await settle(scheduler);
  assert.ok(!mine.waits);
  assert.ok(told.length > 0 && told.some(([own]) => own));
  assert.ok(told.every(([, foreign]) => !foreign), 'nothing of it is about what the other wants');
  scheduler.retry();
  assert.deepEqual(told.at(-1), [true, true], 'all of them try again');
  const before = told.length;
  end();
  scheduler.retry();
  assert.equal(told.length, before);
});
