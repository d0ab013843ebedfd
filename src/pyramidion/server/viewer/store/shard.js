// @ts-check
import { stripCrc32c } from '../decode/crc32c.js';
import { damaged } from './errors.js';
import { product } from './metadata.js';

/** @typedef {import('./metadata.js').ArrayMeta} ArrayMeta */

/**
 * Where the chunks of one shard lie: byte offset and length of each in C order; length 0 for a missing chunk.
 *
 * @typedef {{offsets: Float64Array, lengths: Float64Array}} ShardIndex
 */

/** @param {ArrayMeta} meta @returns {number} Chunks a shard has room for. */
export function chunksPerShard(meta) {
  return product(meta.shard.map((n, axis) => n / meta.chunk[axis]));
}

/** @param {ArrayMeta} meta @returns {number} Bytes of a shard's index. */
export function indexBytes(meta) {
  return 16 * chunksPerShard(meta) + (meta.index?.checksum ? 4 : 0);
}

/**
 * Read a shard index: an offset and a length (unsigned 64 bits) for each chunk, then a checksum.
 *
 * @param {Uint8Array} bytes
 * @param {ArrayMeta} meta
 * @param {number | null} total  Size of the shard, where known.
 * @param {string} where
 * @returns {ShardIndex}
 */
export function parseShardIndex(bytes, meta, total, where) {
  const body = meta.index?.checksum ? stripCrc32c(bytes) : bytes;
  const count = chunksPerShard(meta);
  if (body === null || body.length !== 16 * count) throw damaged(where, 'the index of this shard is damaged (checksum)');
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const offsets = new Float64Array(count);
  const lengths = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const at = 16 * i;
    if (view.getUint32(at + 4, true) === 0xffffffff && view.getUint32(at, true) === 0xffffffff) continue; // missing
    offsets[i] = unsigned64(view, at);
    lengths[i] = unsigned64(view, at + 8);
    if (total !== null && offsets[i] + lengths[i] > total) {
      throw damaged(where, 'the index of this shard points outside the file');
    }
  }
  return { offsets, lengths };
}

/** @param {DataView} view @param {number} at @returns {number} */
function unsigned64(view, at) {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
