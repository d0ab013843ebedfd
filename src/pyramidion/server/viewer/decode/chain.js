// @ts-check
import { damaged, ViewerError } from '../store/errors.js';
import { decodeBlosc, UnknownInnerCodec, usesZstd } from './blosc.js';
import { stripCrc32c } from './crc32c.js';
import { inflate } from './inflate.js';
import { ITEM_SIZE, toNumbers } from './numbers.js';
import { decodeZstd, loadZstd } from './zstd.js';

/**
 * How the bytes of one chunk become numbers. Plain data, so that it can be sent to a worker.
 *
 * @typedef {object} ChunkSpec
 * @property {string} where      Name of the chunk for messages.
 * @property {string} dtype      Element type, e.g. `int16`.
 * @property {boolean} little    Byte order.
 * @property {number} count      Elements in the chunk.
 * @property {string[]} codecs   Bytes-to-bytes codecs in the order of encoding: at most one compressor, and `crc32c`.
 */

/** The compressors this viewer reads. */
export const COMPRESSORS = Object.freeze(['blosc', 'zstd', 'gzip', 'zlib']);

/**
 * Decode one chunk.
 *
 * @param {Uint8Array} bytes
 * @param {ChunkSpec} spec
 * @returns {Promise<import('./numbers.js').Numbers>}
 */
export async function decodeChunk(bytes, spec) {
  const size = spec.count * ITEM_SIZE[spec.dtype];
  const sizes = [];
  let plain = size;
  for (const codec of spec.codecs) {
    sizes.push(plain); // what this codec's decoder must give; only a checksum in front of a compressor changes it
    if (codec === 'crc32c') plain += 4;
  }
  let data = bytes;
  for (let i = spec.codecs.length - 1; i >= 0; i--) data = await decodeStep(data, spec.codecs[i], sizes[i], spec.where);
  if (data.length !== size) throw damaged(spec.where, `decodes to ${data.length} bytes, ${size} expected`);
  return toNumbers(data, spec.dtype, spec.little);
}

/**
 * @param {Uint8Array} data @param {string} codec @param {number} size @param {string} where
 * @returns {Promise<Uint8Array>}
 */
async function decodeStep(data, codec, size, where) {
  try {
    if (codec === 'zstd' || (codec === 'blosc' && usesZstd(data))) await needZstd(where);
    switch (codec) {
      case 'crc32c': {
        const body = stripCrc32c(data);
        if (body === null) throw damaged(where, 'damaged (its crc32c checksum does not match)');
        return body;
      }
      case 'blosc': return decodeBlosc(data, size);
      case 'zstd': return decodeZstd(data, size);
      case 'gzip': return await inflate(data, size, 'gzip');
      case 'zlib': return await inflate(data, size, 'deflate');
      default: throw unknownCodec(where, codec);
    }
  } catch (error) {
    if (error instanceof ViewerError) throw error;
    if (error instanceof UnknownInnerCodec) throw unknownCodec(where, error.message);
    throw damaged(where, `damaged (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** @param {string} where */
async function needZstd(where) {
  try {
    await loadZstd();
  } catch {
    throw new ViewerError(where, 'the decoder for zstd could not be fetched', 'Check that the server of this page still runs, then try again', 'network');
  }
}

/** @param {string} where @param {string} codec @returns {ViewerError} */
export function unknownCodec(where, codec) {
  return new ViewerError(
    where,
    `codec ${codec} is not known to this viewer`,
    'It reads blosc with lz4 or zstd, zstd, gzip, zlib and uncompressed data: convert it with `pyramidion convert SRC DST`',
    'codec',
  );
}
