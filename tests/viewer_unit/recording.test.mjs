// Recordings: while they grow, the index of a shard at its start, without a checksum; chunks that lie raw in their container;
// the times of their frames.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { parseV3 } = await load('store/metadata.js');
const { indexBytes, parseShardIndex } = await load('store/shard.js');
const { decodeBlosc } = await load('decode/blosc.js');
const { decodeChunk } = await load('decode/chain.js');
const { PAGE, Stamps } = await load('image/stamps.js');

const BYTES = { name: 'bytes', configuration: { endian: 'little' } };
const BLOSC = { name: 'blosc', configuration: { typesize: 2, cname: 'lz4', clevel: 1, shuffle: 'bitshuffle', blocksize: 0 } };

/** @param {object[]} codecs @param {number} frames */
const growing = (codecs, frames = 1) => ({
  zarr_format: 3, node_type: 'array', shape: [11, 12, 16], data_type: 'uint16', fill_value: 0,
  chunk_grid: { name: 'regular', configuration: { chunk_shape: [4 * frames, 12, 16] } },
  chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
  codecs: [{ name: 'sharding_indexed', configuration: {
    chunk_shape: [frames, 12, 16], codecs, index_codecs: [BYTES], index_location: 'start',
  } }],
  attributes: {}, dimension_names: ['t', 'y', 'x'],
});

test('an index at the start without a checksum is understood', () => {
  const meta = parseV3(growing([BYTES, BLOSC, { name: 'crc32c' }]), '0', 'x/0');
  assert.deepEqual(meta.index, { atEnd: false, checksum: false });
  assert.equal(indexBytes(meta), 64);
  const entries = BigUint64Array.of(64n, 384n, 448n, 384n, 0n, 1n, 0n, 1n);
  const index = parseShardIndex(new Uint8Array(entries.buffer), meta, null, 'x/0');
  assert.deepEqual([...index.offsets], [64, 448, 0, 0]);
  assert.deepEqual([...index.lengths], [384, 384, 1, 1]);
});

test('a frame that is not there yet is an error, not darkness', async () => {
  for (const codecs of [['crc32c'], ['blosc', 'crc32c'], ['blosc'], []]) {
    const how = { where: '0 chunk 2.0.0', dtype: 'uint16', little: true, count: 192, codecs };
    await assert.rejects(decodeChunk(Uint8Array.of(0), how), /0 chunk 2/);
  }
});

test('pixels that lie raw in a container of blosc', async () => {
  const pixels = Uint8Array.from({ length: 384 }, (_, i) => (i * 7) & 255);
  const container = new Uint8Array(16 + pixels.length);
  const header = new DataView(container.buffer);
  container.set([2, 1, 2, 2]); // format, codec version, plain copy, element size
  for (const [at, value] of [[4, 384], [8, 384], [12, 400]]) header.setUint32(at, value, true);
  container.set(pixels, 16);
  assert.deepEqual(decodeBlosc(container, 384), pixels);
  const how = { where: 'x', dtype: 'uint16', little: true, count: 192, codecs: ['blosc'] };
  const data = await decodeChunk(container, how);
  assert.deepEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), pixels);
  assert.deepEqual(parseV3(growing([BYTES, BLOSC], 4), '0', 'x/0').codecs, ['blosc']);
});

/** @param {Float64Array} times */
function stampsOf(times) {
  const read = [];
  const stamps = new Stamps(() => times.length, async (from, to) => {
    read.push(from);
    assert.ok(to - from <= PAGE && from % PAGE === 0 && to <= times.length);
    return times.slice(from, to);
  });
  return { stamps, read };
}

/** The last one that is not later. @param {Float64Array} times @param {number} time */
const lastBy = (times, time) => times.findLastIndex((one) => one <= time);

test('the frame of a time is the last one that was taken by then', async () => {
  const next = random(8);
  for (const count of [1, 2, 3, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 5]) {
    let time = 1.7e9;
    const times = Float64Array.from({ length: count }, () => (time += next() < 0.01 ? 300 * next() : next() < 0.1 ? 0 : 0.02 * next()));
    const { stamps } = stampsOf(times);
    const wanted = [times[0] - 1, times[0], times.at(-1), times.at(-1) + 9, ...Array.from({ length: 200 }, () => times[0] + next() * (times.at(-1) - times[0]))];
    for (let k = 0; k < 100; k++) wanted.push(times[Math.floor(next() * count)]);
    for (const one of wanted) assert.equal(await stamps.find(one), lastBy(times, one), `${count} ${one}`);
  }
});

test('few of many times are read, however unevenly they lie', async () => {
  const even = Float64Array.from({ length: 2_000_000 }, (_, i) => 1.7e9 + i / 1000);
  const bent = even.map((time, i) => (i < 1_900_000 ? time : time + (i - 1_900_000) ** 2)); // the last ones are far apart
  for (const [times, most] of [[even, 3], [bent, 24]]) {
    for (const number of [777_777, 1_899_999, 1_950_000]) {
      const { stamps, read } = stampsOf(times);
      assert.equal(await stamps.find(times[number]), number);
      assert.ok(read.length <= most, `${read.length} pages`);
      const before = read.length;
      assert.equal(await stamps.find(times[number]), number);
      assert.equal(read.length, before, 'what was read is kept');
    }
  }
});

test('what has grown since is read again', async () => {
  let times = Float64Array.of(1, 2, 3);
  const stamps = new Stamps(() => times.length, async (from, to) => times.slice(from, to));
  assert.deepEqual([await stamps.find(2.5), await stamps.find(99), await stamps.at(3)], [1, 2, NaN]);
  times = Float64Array.of(1, 2, 3, 4, 5);
  assert.deepEqual([await stamps.find(4.5), await stamps.find(99), await stamps.at(4)], [3, 4, 5]);
});

test('reading that failed is tried again', async () => {
  let broken = true;
  const stamps = new Stamps(() => 3, async () => {
    if (broken) throw new Error('no answer');
    return Float64Array.of(1, 2, 3);
  });
  await assert.rejects(stamps.find(2), /no answer/);
  broken = false;
  assert.equal(await stamps.find(2), 1);
});
