// @ts-check
/**
 * Decode gzip or zlib with the browser's own decoder; exactly `size` bytes must come out.
 *
 * @param {Uint8Array} src
 * @param {number} size
 * @param {'gzip' | 'deflate'} format  `deflate` is the browser's name for zlib.
 * @returns {Promise<Uint8Array>}
 */
export async function inflate(src, size, format) {
  const stream = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (src)]).stream().pipeThrough(new DecompressionStream(format));
  const reader = stream.getReader();
  const out = new Uint8Array(size);
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > size) {
      await reader.cancel();
      throw new RangeError(`${format} stream decodes to more than ${size} bytes`);
    }
    out.set(value, at);
    at += value.length;
  }
  if (at !== size) throw new RangeError(`${format} stream decodes to ${at} bytes, ${size} expected`);
  return out;
}
