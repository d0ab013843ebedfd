// Reading any stretch of a record, beside the view.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';
import { LAYOUTS, openRows } from './wave_store.mjs';

const { chunkOf } = await load('fetch/chunk.js');
const { LONGEST_READ } = await load('wave/reader.js');

const ONE = { ch: 0, trc: 0, seg: 0 };
const SAMPLES = 20_077; // in no way a round number

function noise(samples, seed, Kind = Int16Array) {
  const next = random(seed);
  return Kind.from({ length: samples }, () => Math.round((next() - 0.5) * 20_000));
}

/** What a plain loop finds: first positions, NaN ignored. */
function plainExtremes(row, from, to) {
  const out = { min: null, max: null, minAt: null, maxAt: null };
  for (let k = from; k < to; k++) {
    if (Number.isNaN(row[k])) continue;
    if (out.min === null || row[k] < out.min) [out.min, out.minAt] = [row[k], k];
    if (out.max === null || row[k] > out.max) [out.max, out.maxAt] = [row[k], k];
  }
  return out;
}

for (const [name, layout] of Object.entries(LAYOUTS)) {
  test(`any stretch of samples and bins comes as it is stored: ${name}`, async () => {
    const row = noise(SAMPLES, 1);
    const { reader, dataset } = await openRows([row], layout);
    const next = random(2);
    for (let round = 0; round < 60; round++) {
      const from = Math.floor(next() * SAMPLES);
      const to = from + Math.floor(next() * (SAMPLES - from + 1));
      const data = await reader.samples(from, to, ONE);
      assert.ok(data instanceof Int16Array);
      assert.deepEqual(data, row.slice(from, to));
    }
    for (let level = 0; level < dataset.levels.length - 1; level++) {
      const { factor, bins } = dataset.levels[level];
      const from = Math.floor(next() * bins);
      const { min, max } = await reader.bins(level, from, bins, ONE);
      for (let bin = from; bin < bins; bin++) {
        const plain = plainExtremes(row, bin * factor, Math.min(SAMPLES, (bin + 1) * factor));
        assert.deepEqual([min[bin - from], max[bin - from]], [plain.min, plain.max]);
      }
    }
    assert.equal((await reader.samples(5, 5, ONE)).length, 0);
  });

  test(`extremes are exact at any width, with the first sample that has them: ${name}`, async () => {
    const row = noise(SAMPLES, 3);
    row.fill(9000, 700, 900); // many that are equal, of which the first counts
    const { reader } = await openRows([row], layout);
    const next = random(4);
    for (let round = 0; round < 40; round++) {
      const from = Math.floor(next() * SAMPLES);
      const to = from + 1 + Math.floor(next() * (SAMPLES - from));
      assert.deepEqual(await reader.extremes(from, to, ONE), plainExtremes(row, from, to));
    }
    assert.deepEqual(await reader.extremes(0, SAMPLES, ONE), plainExtremes(row, 0, SAMPLES));
  });
}

test('records that need the pyramid: edges, equal values, infinities, NaN', async () => {
  const samples = 700_001;
  const row = new Float32Array(samples).fill(2);
  for (let k = 0; k < samples; k += 7) row[k] = NaN;
  row.fill(NaN, 300_000, 302_000);
  row[299_999] = 5;
  row[302_000] = -Infinity;
  row[500_000] = 5;
  const { reader } = await openRows([row], { dtype: 'float32', chunk: 16_384, binChunk: 4096, factors: [1024, 256, 64] });
  const stretches = [[0, samples], [299_998, 600_000], [300_000, 600_000], [300_000, 302_000], [1, 299_999], [302_001, samples], [10, 10]];
  for (const [from, to] of stretches) assert.deepEqual(await reader.extremes(from, to, ONE), plainExtremes(row, from, to));
});

test('the extremes of a long record cost little of it', async () => {
  const row = noise(4_000_000, 8);
  row[1_234_567] = 30_000;
  row[3_999_999] = -30_000;
  const { reader } = await openRows([row], { chunk: 65_536, binChunk: 16_384, perShard: 16, factors: [1024, 256, 64] });
  assert.deepEqual(await reader.extremes(0, row.length, ONE), { min: -30_000, max: 30_000, minAt: 3_999_999, maxAt: 1_234_567 });
  assert.ok(reader.bytes < 0.06 * row.byteLength, `${reader.bytes} bytes`);
});

test('every row of several channels and segments in one chunk is its own', async () => {
  const rows = Array.from({ length: 2 * 2 * 5 }, (_, i) => noise(300, 10 + i));
  const { reader } = await openRows(rows, { lead: [2, 2, 5], leadChunk: [1, 2, 3], chunk: 300, factors: [64], binChunk: 5 });
  for (let ch = 0; ch < 2; ch++) {
    for (let trc = 0; trc < 2; trc++) {
      for (let seg = 0; seg < 5; seg++) {
        const row = rows[(ch * 2 + trc) * 5 + seg];
        assert.deepEqual(await reader.samples(0, 300, { ch, trc, seg }), row);
        const { min } = await reader.bins(0, 1, 2, { ch, trc, seg });
        assert.equal(min[0], plainExtremes(row, 64, 128).min);
      }
    }
  }
});

test('neighbours asked for in one go come in one request, and count once', async () => {
  const row = noise(16_384, 5);
  const { reader, store } = await openRows([row], { chunk: 1024, perShard: 16 });
  const parts = await Promise.all([reader.samples(0, 2048, ONE), reader.samples(1000, 4096, ONE), reader.samples(2048, 3000, ONE)]);
  assert.deepEqual(parts[1], row.slice(1000, 4096));
  assert.deepEqual(store.log, ['raw/c/0/0/0/0', 'raw/c/0/0/0/0 0+8192']);
  assert.equal(reader.bytes, 16 * 16 + 8192);
  await reader.samples(0, 4096, ONE);
  assert.equal(store.log.length, 2);
  assert.equal(reader.bytes, 16 * 16 + 8192);
});

test('what the view wants goes first, and finds a free place', async () => {
  const { reader, store, scheduler, dataset } = await openRows([noise(200_000, 6)], { chunk: 1024, perShard: 1 });
  store.hold = [];
  const far = Array.from({ length: 40 }, (_, i) => reader.samples(4096 * i, 4096 * i + 10, ONE));
  await Promise.resolve();
  assert.equal(store.log.length, 4, 'two of the six places stay free');
  scheduler.interest().set([{ chunk: chunkOf(dataset.levels.at(-1).array, [0, 0, 0, 150]), priority: 1 }]);
  assert.equal(store.log.at(-1), 'raw/c/0/0/0/150');
  store.release();
  await Promise.all(far);
});

test('a read that is given up rejects and lets go of what it wanted', async () => {
  const row = noise(100_000, 7);
  const { reader, store, scheduler } = await openRows([row], { chunk: 1024, perShard: 2 });
  const stop = new AbortController();
  store.hold = [];
  const given = reader.samples(0, 90_000, ONE, stop.signal);
  const kept = reader.samples(95_000, 95_010, ONE);
  await Promise.resolve();
  stop.abort();
  await assert.rejects(given, { name: 'AbortError' });
  store.release();
  assert.deepEqual(await kept, row.slice(95_000, 95_010));
  assert.ok(scheduler.quiet, 'nothing is on its way');
  assert.ok(store.log.length < 12, store.log.join(' '));
  await assert.rejects(reader.samples(0, 9, ONE, stop.signal), { name: 'AbortError' });
});

test('a read of what cannot be had rejects with the reason, and works again after a retry', async () => {
  const row = noise(10_000, 9);
  const { reader, store, scheduler } = await openRows([row], { perShard: 0, factors: [] , version: 3 });
  store.get = async (path) => {
    if (store.failing) throw new Error('the disk is on fire');
    return store.files.get(path) ?? null;
  };
  store.failing = 'raw';
  await assert.rejects(reader.samples(0, 10, ONE), /on fire/);
  await assert.rejects(reader.samples(0, 10, ONE), /on fire/, 'at once, without asking');
  store.failing = '';
  scheduler.retry();
  assert.deepEqual(await reader.samples(0, 10, ONE), row.slice(0, 10));
});

test('what is not in the record, or too much at once, is refused', async () => {
  const { reader } = await openRows([noise(1000, 1)], {});
  await assert.rejects(reader.samples(-1, 5, ONE), RangeError);
  await assert.rejects(reader.samples(0, 1001, ONE), RangeError);
  await assert.rejects(reader.samples(7, 5, ONE), RangeError);
  await assert.rejects(reader.samples(0, NaN, ONE), RangeError);
  await assert.rejects(reader.bins(3, 0, 1, ONE), RangeError);
  await assert.rejects(reader.bins(9, 0, 1, ONE), RangeError);
  reader.dataset.levels.at(-1).bins = 1e9;
  await assert.rejects(reader.samples(0, LONGEST_READ + 1, ONE), RangeError);
});
