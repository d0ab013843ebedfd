// @ts-check
import { decodeLz4 } from './lz4.js';
import { bitUnshuffle, unshuffle } from './shuffle.js';
import { decodeZstd } from './zstd.js';

const HEADER = 16;
const MAX_SPLITS = 16; // c-blosc splits a block into byte streams only for elements up to this size,
const MIN_STREAM = 128; // and only when each stream keeps at least this many bytes
const INNER = ['blosclz', 'lz4', 'snappy', 'zlib', 'zstd'];

/** A Blosc container whose inner codec this viewer does not carry. */
export class UnknownInnerCodec extends Error {}

/**
 * Decode a Blosc 1 container that must hold exactly `size` bytes.
 *
 * Layout: 16-byte header (format version, codec version, flags, element size, then decoded, block and encoded size),
 * the offset of each block, and the blocks; each block is one compressed stream, or one for each byte of the element.
 * Format: c-blosc, README_CHUNK_FORMAT.
 *
 * @param {Uint8Array} src
 * @param {number} size
 * @returns {Uint8Array}
 */
export function decodeBlosc(src, size) {
  const header = readHeader(src, size);
  if (header.stored) {
    if (src.length < HEADER + size) throw new RangeError('blosc container is too short');
    return src.slice(HEADER, HEADER + size);
  }
  const out = new Uint8Array(size);
  const shuffled = header.shuffle !== 'none' && header.typesize > 0;
  const scratch = shuffled ? new Uint8Array(header.blocksize) : out;
  const starts = new DataView(src.buffer, src.byteOffset, src.length);
  const blocks = Math.ceil(size / header.blocksize);
  if (HEADER + 4 * blocks > src.length) throw new RangeError('blosc container is too short');
  for (let k = 0; k < blocks; k++) {
    const from = k * header.blocksize;
    const target = out.subarray(from, Math.min(from + header.blocksize, size));
    const whole = target.length === header.blocksize;
    const plain = shuffled ? scratch.subarray(0, target.length) : target;
    decodeBlock(src, starts.getUint32(HEADER + 4 * k, true), plain, streams(header, whole), header.codec);
    if (header.shuffle === 'bit' && shuffled) bitUnshuffle(plain, target, header.typesize);
    else if (shuffled) unshuffle(plain, target, header.typesize);
  }
  return out;
}

/** @param {Uint8Array} src @returns {boolean} Whether the container needs the zstd decoder. */
export function usesZstd(src) {
  return INNER[src[2] >> 5] === 'zstd';
}

/**
 * @typedef {object} Header
 * @property {string} codec
 * @property {'none' | 'byte' | 'bit'} shuffle
 * @property {boolean} stored   The data follow the header uncompressed.
 * @property {boolean} unsplit  Every block is one stream.
 * @property {number} typesize
 * @property {number} blocksize
 */

/** @param {Uint8Array} src @param {number} size @returns {Header} */
function readHeader(src, size) {
  if (src.length < HEADER) throw new RangeError('blosc container is too short');
  const view = new DataView(src.buffer, src.byteOffset, src.length);
  if (src[0] < 1 || src[0] > 2) throw new UnknownInnerCodec(`blosc format version ${src[0]}`);
  const flags = src[2];
  const codec = INNER[flags >> 5] ?? `number ${flags >> 5}`;
  const stored = (flags & 2) !== 0;
  const decoded = view.getUint32(4, true);
  const blocksize = view.getUint32(8, true);
  if (decoded !== size) throw new RangeError(`blosc container decodes to ${decoded} bytes, ${size} expected`);
  if (!stored && codec !== 'lz4' && codec !== 'zstd') throw new UnknownInnerCodec(`blosc with ${codec}`);
  if (blocksize === 0 && size > 0) throw new RangeError('blosc container has blocks of no size');
  if (view.getUint32(12, true) > src.length) throw new RangeError('blosc container is cut off');
  return {
    codec,
    shuffle: flags & 4 ? 'bit' : flags & 1 ? 'byte' : 'none',
    stored,
    unsplit: (flags & 16) !== 0,
    typesize: src[3],
    blocksize: Math.min(blocksize, Math.max(size, 1)),
  };
}

/** @param {Header} header @param {boolean} whole @returns {number} How many streams a block has. */
function streams(header, whole) {
  const { typesize, blocksize, unsplit } = header;
  return !unsplit && whole && typesize <= MAX_SPLITS && blocksize / typesize >= MIN_STREAM ? typesize : 1;
}

/**
 * @param {Uint8Array} src @param {number} at @param {Uint8Array} out @param {number} count @param {string} codec
 */
function decodeBlock(src, at, out, count, codec) {
  const view = new DataView(src.buffer, src.byteOffset, src.length);
  const part = out.length / count;
  let pos = at;
  for (let i = 0; i < count; i++) {
    if (pos + 4 > src.length) throw new RangeError('blosc block lies outside its container');
    const length = view.getUint32(pos, true);
    pos += 4;
    if (pos + length > src.length) throw new RangeError('blosc block lies outside its container');
    const stream = src.subarray(pos, pos + length);
    const target = out.subarray(i * part, (i + 1) * part);
    if (length === target.length) target.set(stream); // it did not get smaller, so it was stored
    else if (codec === 'lz4') decodeLz4(stream, target);
    else target.set(decodeZstd(stream, target.length));
    pos += length;
  }
}
