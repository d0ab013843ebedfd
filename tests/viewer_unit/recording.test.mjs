// Recordings that grow: the index of a shard at its start, without a checksum; chunks that lie raw in their container.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './viewer.mjs';

const { parseV3 } = await load('store/metadata.js');
const { indexBytes, parseShardIndex } = await load('store/shard.js');
const { decodeBlosc } = await load('decode/blosc.js');
const { decodeChunk } = await load('decode/chain.js');

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
  const entries = BigUint64Array.of(64n, 384n, 448n, 384n, 64n, 1n, 64n, 1n);
  const index = parseShardIndex(new Uint8Array(entries.buffer), meta, null, 'x/0');
  assert.deepEqual([...index.offsets], [64, 448, 64, 64]);
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
