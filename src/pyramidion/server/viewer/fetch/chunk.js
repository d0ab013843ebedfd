// @ts-check
/**
 * Where a chunk lies: plain arithmetic on grids, no input or output.
 *
 * @typedef {import('../store/metadata.js').ArrayMeta} ArrayMeta
 * @typedef {{array: ArrayMeta, at: readonly number[], key: string, file?: string}} Chunk
 *   A chunk of an array by its grid coordinates; `file` is filled in when it is first asked for.
 */

/** @param {ArrayMeta} array @param {readonly number[]} at @returns {Chunk} */
export function chunkOf(array, at) {
  return { array, at, key: `${array.path}#${at.join('.')}` };
}

/** @param {Chunk} chunk @returns {string} Path of the file that holds the chunk. */
export function fileOf(chunk) {
  const { array, at } = chunk;
  chunk.file ??= array.key(at.map((n, axis) => Math.floor((n * array.chunk[axis]) / array.shard[axis])));
  return chunk.file;
}

/** @param {Chunk} chunk @returns {number} Place of the chunk in its shard's index. */
export function placeInShard({ array, at }) {
  let place = 0;
  for (let axis = 0; axis < at.length; axis++) {
    const perShard = array.shard[axis] / array.chunk[axis];
    place = place * perShard + (at[axis] % perShard);
  }
  return place;
}

/** @param {Chunk} chunk @returns {string} The chunk as messages name it. */
export function nameOf(chunk) {
  return `${chunk.array.path || 'array'} chunk ${chunk.at.join('.')}`;
}
