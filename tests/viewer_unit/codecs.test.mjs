// Decoders against bytes that numcodecs wrote; `test_node.py` makes them and names the folder.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load } from './viewer.mjs';

const { decodeChunk } = await load('decode/chain.js');
const { crc32c } = await load('decode/crc32c.js');
const { decodeBlosc } = await load('decode/blosc.js');
const { decodeLz4 } = await load('decode/lz4.js');
const { toNumbers, filled } = await load('decode/numbers.js');

const folder = process.env.VIEWER_FIXTURES;
if (!folder) throw new Error('VIEWER_FIXTURES must name a folder of encoded bytes: run `pytest tests/viewer_unit`');
const read = (name) => new Uint8Array(readFileSync(join(folder, name)));
const { cases, checksums, refused, halves } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));

for (const { name, codecs, plain, dtype, count } of cases) {
  test(`decodes ${name}`, async () => {
    const data = await decodeChunk(read(name), { where: name, dtype, little: true, count, codecs });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    assert.equal(Buffer.compare(bytes, read(plain)), 0);
  });
}

test('the cases cover every codec, shuffle and element size', () => {
  assert.ok(cases.length > 60, `${cases.length} cases`);
});

test('damaged bytes end in an error that names the chunk, never in a hang', async () => {
  let noticed = 0;
  for (const { name, codecs, dtype, count } of cases) {
    const bytes = read(name);
    for (const at of [0, 5, 17, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const broken = bytes.slice();
      broken[at] ^= 0x5a;
      await decodeChunk(broken, { where: 'raw chunk 3', dtype, little: true, count, codecs }).catch((error) => {
        noticed += 1;
        assert.match(error.message, /raw chunk 3/);
      });
    }
    const short = bytes.slice(0, Math.floor(bytes.length / 2));
    await assert.rejects(decodeChunk(short, { where: 'raw chunk 3', dtype, little: true, count, codecs }), /raw chunk 3/);
  }
  assert.ok(noticed > cases.length);
});

test('every flipped bit is noticed where there is a checksum', async () => {
  const { name, dtype, count, codecs } = cases.find((one) => one.codecs.includes('crc32c'));
  const bytes = read(name);
  for (let at = 0; at < bytes.length; at += 97) {
    const broken = bytes.slice();
    broken[at] ^= 1;
    await assert.rejects(decodeChunk(broken, { where: 'c', dtype, little: true, count, codecs }), /crc32c/);
  }
});

test('crc32c as google-crc32c computes it', () => {
  for (const { name, value } of checksums) assert.equal(crc32c(read(name)), value, name);
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283); // RFC 3720, B.4
});

test('inner codecs the viewer does not carry are named', () => {
  for (const { name, says, size } of refused) assert.throws(() => decodeBlosc(read(name), size), (error) => error.message.includes(says));
});

test('a container that claims another size is refused before anything is allocated', () => {
  const { name } = cases.find((one) => one.name.startsWith('blosc-lz4'));
  assert.throws(() => decodeBlosc(read(name), 12), /12 expected/);
});

test('LZ4 that reaches outside its buffers is refused', () => {
  const out = new Uint8Array(16);
  assert.throws(() => decodeLz4(Uint8Array.of(0x0f, 1, 0), out), /before the start/);
  assert.throws(() => decodeLz4(Uint8Array.of(0xf0, 255, 255), out), /inside a length/);
  assert.throws(() => decodeLz4(Uint8Array.of(0x20, 1), out), /over the end/);
});

test('element types: 64-bit integers, half floats, big endian', () => {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigInt64(0, -(2n ** 52n));
  view.setBigInt64(8, 2n ** 53n);
  assert.deepEqual([...toNumbers(new Uint8Array(view.buffer.slice(0)), 'int64', false)], [-(2 ** 52), 2 ** 53]);
  assert.deepEqual([...toNumbers(read(halves.name), 'float16', true)].map(String), halves.values.map(String));
  assert.deepEqual([...filled(3, 'uint16', 7)], [7, 7, 7]);
});
