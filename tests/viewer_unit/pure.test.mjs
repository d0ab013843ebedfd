// Windows, levels, ranges, cache, addresses, units: everything that needs no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { coalesce, groupBytes } = await load('fetch/planner.js');
const { LruCache } = await load('cache/lru.js');
const { chooseLevel, STEP_BYTES, LARGE_STEP_BYTES } = await load('wave/levels.js');
const { clampWindow, panWindow, spanWindow, wholeRecord, zoomWindow } = await load('wave/window.js');
const { formatHash, formatNumbers, parseHash, parseNumbers } = await load('frame/hash.js');
const { formatShort, formatSi, formatTo, niceStep } = await load('frame/si.js');
const { axis } = await load('wave/axis.js');
const { valueRange } = await load('wave/scale.js');
const { sourceUrl } = await load('frame/source.js');
const { chunkOf, fileOf, placeInShard } = await load('fetch/chunk.js');
const { parseV2, parseV3 } = await load('store/metadata.js');
const { indexBytes, parseShardIndex } = await load('store/shard.js');

test('neighbouring ranges become one request, far ones do not', () => {
  const ranges = [{ offset: 300, length: 100, item: 'c' }, { offset: 0, length: 100, item: 'a' }, { offset: 100, length: 100, item: 'b' }];
  assert.deepEqual(coalesce(ranges, { gap: 0 }).map(({ start, length }) => [start, length]), [[0, 200], [300, 100]]);
  assert.deepEqual(coalesce(ranges, { gap: 100 }).map(({ start, length }) => [start, length]), [[0, 400]]);
  assert.equal(coalesce(ranges, { gap: 100, limit: 250 }).length, 2);
  assert.equal(groupBytes(coalesce(ranges, { gap: 100 })), 400);
  assert.deepEqual(coalesce([]), []);
});

test('coalescing keeps every range inside its request', () => {
  const next = random(1);
  for (let round = 0; round < 200; round++) {
    const ranges = Array.from({ length: 20 }, (_, item) => ({ offset: Math.floor(next() * 1e5), length: 1 + Math.floor(next() * 3e3), item }));
    const groups = coalesce(ranges, { gap: 500 });
    const seen = groups.flatMap(({ start, length, members }) => {
      for (const range of members) assert.ok(range.offset >= start && range.offset + range.length <= start + length);
      return members.map(({ item }) => item);
    });
    assert.deepEqual(seen.sort((a, b) => a - b), ranges.map(({ item }) => item));
  }
});

test('the cache drops what was used longest ago', () => {
  const cache = new LruCache(100);
  cache.set('a', 1, 40);
  cache.set('b', 2, 40);
  assert.equal(cache.get('a'), 1);
  cache.set('c', 3, 40);
  assert.deepEqual([cache.has('a'), cache.has('b'), cache.has('c'), cache.bytes], [true, false, true, 80]);
  cache.set('huge', 4, 500);
  assert.deepEqual([cache.size, cache.get('huge')], [1, 4]);
  cache.set('huge', 5, 10);
  assert.equal(cache.bytes, 10);
});

const LEVELS = [262144, 65536, 16384, 4096, 1024, 256, 64, 1].map((factor) => ({ factor }));
const cheap = () => ({ bytes: 0, chunks: 0 });

test('the coarsest level with at least one bin a pixel is drawn', () => {
  assert.equal(LEVELS[chooseLevel(LEVELS, 1e6, cheap)].factor, 262144);
  assert.equal(LEVELS[chooseLevel(LEVELS, 300, cheap)].factor, 256);
  assert.equal(LEVELS[chooseLevel(LEVELS, 256, cheap)].factor, 256);
  assert.equal(LEVELS[chooseLevel(LEVELS, 63, cheap)].factor, 1);
  assert.equal(LEVELS[chooseLevel(LEVELS, 0.01, cheap)].factor, 1);
});

test('samples that cost too much wait until bins would become wide', () => {
  const cost = (level) => ({ bytes: LEVELS[level].factor === 1 ? STEP_BYTES + 1 : 0, chunks: 3 });
  assert.equal(LEVELS[chooseLevel(LEVELS, 30, cost)].factor, 64);
  assert.equal(LEVELS[chooseLevel(LEVELS, 5, cost)].factor, 1);
});

test('a store with one overview reads much only where bins are wide, and never everything', () => {
  const old = [{ factor: 250000 }, { factor: 1 }];
  const cost = (bytes) => (level) => ({ bytes: level === 1 ? bytes : 0, chunks: 99 });
  assert.equal(chooseLevel(old, 1000, cost(LARGE_STEP_BYTES)), 1);
  assert.equal(chooseLevel(old, 1000, cost(LARGE_STEP_BYTES + 1)), 0);
  assert.equal(chooseLevel([{ factor: 1 }], 1000, () => ({ bytes: 1e9, chunks: 99 })), -1);
});

test('windows stay in the record and keep at least one sample', () => {
  assert.deepEqual(clampWindow({ a: -5, b: 5 }, 100), { a: -0.5, b: 9.5 });
  assert.deepEqual(clampWindow({ a: 95, b: 105 }, 100), { a: 89.5, b: 99.5 });
  assert.deepEqual(clampWindow({ a: 7, b: 7 }, 100), { a: 6.5, b: 7.5 });
  assert.deepEqual(clampWindow({ a: NaN, b: 3 }, 100), wholeRecord(100));
  assert.deepEqual(clampWindow({ a: 9, b: 2 }, 100), { a: 2, b: 9 });
  assert.deepEqual(wholeRecord(1), { a: -0.5, b: 0.5 });
});

test('zooming keeps the point under the pointer', () => {
  const start = { a: 1000, b: 2000 };
  const zoomed = zoomWindow(start, 0.5, 0.25, 1e9);
  assert.equal(zoomed.a + (zoomed.b - zoomed.a) * 0.25, 1250);
  assert.equal(zoomed.b - zoomed.a, 500);
  let window = wholeRecord(1e12);
  for (let i = 0; i < 60; i++) window = zoomWindow(window, 0.5, 0.3, 1e12);
  assert.equal(window.b - window.a, 1);
  assert.ok(Math.abs((window.a + window.b) / 2 - 3e11) < 1);
  assert.deepEqual(panWindow(start, 0.1, 1e9), { a: 1100, b: 2100 });
  assert.deepEqual(spanWindow(start, 100, 1e9), { a: 1450, b: 1550 });
});

test('addresses keep what they do not know, and numbers in full', () => {
  const state = parseHash('#v=1&p=wave&note=a%26b&flag&t=1.25e-3,1.5e-3');
  assert.equal(state.get('note'), 'a&b');
  assert.equal(formatHash(state), '#v=1&p=wave&note=a%26b&flag&t=1.25e-3,1.5e-3');
  const next = random(2);
  for (let i = 0; i < 1000; i++) {
    const pair = [next() * 10 ** (next() * 30 - 15), -next() * 10 ** (next() * 30 - 15)];
    assert.deepEqual(parseNumbers(formatNumbers(pair), 2), pair);
  }
  assert.equal(parseNumbers('1,', 2), null);
  assert.equal(parseNumbers('1,x', 2), null);
  assert.equal(parseHash('#%zz=1').get('%zz'), '1');
});

test('units: prefixes, digits, signs', () => {
  assert.equal(formatSi(0.00123, 's'), '1.23 ms');
  assert.equal(formatSi(-2.5e-9, 'V'), '\u22122.50 nV');
  assert.equal(formatSi(0, 'V'), '0 V');
  assert.equal(formatSi(999.9996, 'V', 6), '1.000\u202f00 kV');
  assert.equal(formatSi(NaN, 'V'), 'no number');
  assert.equal(formatShort(2e-9, 's', 9), '2 ns');
  assert.equal(formatShort(-0.0015, 's', 9), '\u22121.5 ms');
  assert.equal(formatShort(250, 'V', 6), '250 V');
  assert.equal(formatShort(1 / 3, 'V', 4), '333.3 mV');
  assert.equal(formatShort(999999.9999, 'Hz', 6), '1 MHz');
  assert.equal(formatShort(7.5e-19, '', 4), '750 ×10⁻²¹');
  assert.equal(formatShort(1.5, '', 4), '1.5');
  assert.equal(axis(-8e-19, 8e-19, 8, '').unit, '×10⁻²¹');
  assert.equal(axis(0, 8, 8, '').unit, '');
  assert.equal(formatTo(1.4691140e-3, 1e-10, 's'), '1.469\u202f114\u202f0 ms');
});

test('steps are 1, 2 or 5 times a power of ten', () => {
  for (const [rough, nice] of [[0.9, 1], [1.1, 2], [3, 5], [6, 10], [0.012, 0.02], [4.9e-9, 5e-9]]) assert.ok(Math.abs(niceStep(rough) / nice - 1) < 1e-9);
});

test('axis: labels tell ticks apart at every zoom, from a base value where needed', () => {
  const wide = axis(-1e-3, 5e-3, 8, 's');
  assert.equal(wide.unit, 'ms');
  assert.deepEqual(wide.ticks.map(({ label }) => label), ['\u22121', '0', '1', '2', '3', '4', '5']);
  const deep = axis(1.23456789, 1.23456791, 5, 's');
  assert.equal(deep.unit, 'ns');
  assert.equal(deep.base?.label, '1.234\u202f567 s');
  assert.deepEqual(deep.ticks.map(({ label }) => label), ['+890', '+895', '+900', '+905', '+910']);
  const next = random(3);
  for (let i = 0; i < 2000; i++) {
    const start = (next() - 0.5) * 10 ** (next() * 12 - 6);
    const span = Math.max(Math.abs(start) * 1e-11, 1e-12) * 10 ** (next() * 8);
    const { ticks } = axis(start, start + span, 8, 's');
    assert.ok(ticks.length >= 2 && ticks.length <= 22, `${ticks.length} ticks for ${start} + ${span}`);
    assert.equal(new Set(ticks.map(({ label }) => label)).size, ticks.length, `${start} + ${span}`);
  }
});

test('values: the range holds the extremes with air around them', () => {
  const range = valueRange({ min: -1.5, max: 1.5 }, 0.01);
  assert.ok(range.min < -1.5 && range.max > 1.5 && range.max - range.min < 4);
  const flat = valueRange({ min: 0.005, max: 0.005 }, 0.001);
  assert.ok(flat.min < 0.005 && flat.max > 0.005 && flat.max - flat.min < 0.02);
  const tiny = valueRange({ min: 3e-19, max: 3e-19 }, 0);
  assert.ok(tiny.max - tiny.min < 1e-18);
  assert.equal(valueRange(null, 1), null);
});

test('data addresses: paths, full addresses, buckets; nothing else', () => {
  const page = 'http://host:1/viewer/?data=x';
  assert.equal(sourceUrl('/data/w.zarr', page).href, 'http://host:1/data/w.zarr');
  assert.equal(sourceUrl('../w.zarr', page).href, 'http://host:1/w.zarr');
  assert.equal(sourceUrl('s3://bucket/a/b.zarr', page).href, 'https://bucket.s3.amazonaws.com/a/b.zarr');
  assert.equal(sourceUrl('https://x.org/a.zarr?sig=1', page).search, '?sig=1');
  for (const bad of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'http://']) assert.throws(() => sourceUrl(bad, page), /no address/);
});

const V3 = {
  zarr_format: 3, node_type: 'array', shape: [2, 1, 3, 1000], data_type: 'int16', fill_value: 0,
  chunk_grid: { name: 'regular', configuration: { chunk_shape: [1, 1, 2, 400] } },
  chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
  codecs: [{
    name: 'sharding_indexed',
    configuration: {
      chunk_shape: [1, 1, 1, 100], index_location: 'end',
      codecs: [{ name: 'bytes', configuration: { endian: 'little' } }, { name: 'blosc', configuration: {} }, { name: 'crc32c' }],
      index_codecs: [{ name: 'bytes', configuration: { endian: 'little' } }, { name: 'crc32c' }],
    },
  }],
};

test('v3 metadata: shards, keys and places', () => {
  const meta = parseV3(V3, 'raw', 'x/raw');
  assert.deepEqual([meta.chunk, meta.shard, meta.codecs], [[1, 1, 1, 100], [1, 1, 2, 400], ['blosc', 'crc32c']]);
  assert.equal(indexBytes(meta), 8 * 16 + 4);
  const chunk = chunkOf(meta, [1, 0, 2, 9]);
  assert.equal(fileOf(chunk), 'raw/c/1/0/1/2');
  assert.equal(placeInShard(chunk), 1);
  assert.equal(placeInShard(chunkOf(meta, [0, 0, 1, 3])), 7);
});

test('metadata that cannot be read are refused in words', () => {
  const changed = (change) => () => parseV3({ ...structuredClone(V3), ...change }, 'raw', 'x/raw');
  assert.throws(changed({ data_type: 'complex64' }), /element type complex64/);
  assert.throws(changed({ shape: [-1] }), /shape/);
  assert.throws(changed({ shape: [1e30, 1, 1, 1] }), /shape/);
  assert.throws(changed({ chunk_grid: { name: 'rectilinear' } }), /rectilinear/);
  assert.throws(changed({ codecs: [{ name: 'bytes', configuration: { endian: 'little' } }, { name: 'numcodecs.pickle' }] }), /numcodecs\.pickle/);
  assert.throws(changed({ codecs: [{ name: 'transpose', configuration: { order: [3, 2, 1, 0] } }] }), /transpose/);
  assert.throws(changed({ chunk_grid: { name: 'regular', configuration: { chunk_shape: [1, 1, 1, 2 ** 26] } }, codecs: [{ name: 'bytes', configuration: { endian: 'little' } }] }), /too large for a browser/);
});

test('v2 metadata: both separators, filters refused', () => {
  const json = { shape: [1, 1, 1, 10], chunks: [1, 1, 1, 4], dtype: '>i2', compressor: { id: 'zlib' }, filters: null, fill_value: 3, order: 'C', zarr_format: 2 };
  const dots = parseV2(json, {}, 'raw', 'x');
  assert.deepEqual([dots.key([0, 0, 0, 2]), dots.little, dots.dtype, dots.fill], ['raw/0.0.0.2', false, 'int16', 3]);
  assert.equal(parseV2({ ...json, dimension_separator: '/' }, {}, 'raw', 'x').key([0, 0, 0, 2]), 'raw/0/0/0/2');
  assert.throws(() => parseV2({ ...json, filters: [{ id: 'delta' }] }, {}, 'raw', 'x'), /delta/);
  assert.throws(() => parseV2({ ...json, dtype: '|O' }, {}, 'raw', 'x'), /element type/);
  assert.throws(() => parseV2({ ...json, compressor: { id: 'lzma' } }, {}, 'raw', 'x'), /lzma/);
});

test('a shard index that points outside its file or fails its checksum is damaged', () => {
  const meta = { ...parseV3(V3, 'raw', 'x'), index: { atEnd: true, checksum: false } };
  const bytes = new Uint8Array(128).fill(255);
  new DataView(bytes.buffer).setBigUint64(16, 1000n, true);
  new DataView(bytes.buffer).setBigUint64(24, 50n, true);
  const index = parseShardIndex(bytes, meta, 2000, 'x');
  assert.deepEqual([index.offsets[1], index.lengths[1], index.lengths[0]], [1000, 50, 0]);
  assert.throws(() => parseShardIndex(bytes, meta, 1040, 'x'), /outside the file/);
  assert.throws(() => parseShardIndex(new Uint8Array(132), { ...meta, index: { atEnd: true, checksum: true } }, null, 'x'), /damaged/);
});
