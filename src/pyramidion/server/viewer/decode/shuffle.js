// @ts-check
/**
 * Undo Blosc's byte shuffle: `src` holds all first bytes of the elements, then all second bytes, ...
 *
 * @param {Uint8Array} src @param {Uint8Array} out @param {number} typesize
 */
export function unshuffle(src, out, typesize) {
  const count = Math.floor(src.length / typesize);
  for (let b = 0; b < typesize; b++) {
    const row = b * count;
    for (let i = 0, o = b; i < count; i++, o += typesize) out[o] = src[row + i];
  }
  out.set(src.subarray(count * typesize), count * typesize);
}

/**
 * Undo Blosc's bit shuffle: row `8 * b + k` of `src` holds bit `k` of byte `b` of every element, eight elements a byte.
 *
 * A block whose element count is no multiple of eight is stored as it is (c-blosc 1).
 *
 * @param {Uint8Array} src @param {Uint8Array} out @param {number} typesize
 */
export function bitUnshuffle(src, out, typesize) {
  const count = Math.floor(src.length / typesize);
  if (count % 8 !== 0) {
    out.set(src);
    return;
  }
  const row = count >> 3;
  const step = typesize;
  for (let b = 0; b < typesize; b++) {
    const r0 = b * 8 * row;
    for (let i = 0; i < row; i++) {
      const p = r0 + i;
      // Eight bytes, one a bit plane, are an 8 x 8 bit matrix in (hi, lo); its transpose is eight element bytes
      // (Hacker's Delight, 7-3). Planes are read from the highest down because bit 0 is the lowest.
      let hi = (src[p + 7 * row] << 24) | (src[p + 6 * row] << 16) | (src[p + 5 * row] << 8) | src[p + 4 * row];
      let lo = (src[p + 3 * row] << 24) | (src[p + 2 * row] << 16) | (src[p + row] << 8) | src[p];
      let t = (hi ^ (hi >>> 7)) & 0x00aa00aa;
      hi = hi ^ t ^ (t << 7);
      t = (lo ^ (lo >>> 7)) & 0x00aa00aa;
      lo = lo ^ t ^ (t << 7);
      t = (hi ^ (hi >>> 14)) & 0x0000cccc;
      hi = hi ^ t ^ (t << 14);
      t = (lo ^ (lo >>> 14)) & 0x0000cccc;
      lo = lo ^ t ^ (t << 14);
      t = (hi & 0xf0f0f0f0) | ((lo >>> 4) & 0x0f0f0f0f);
      lo = ((hi << 4) & 0xf0f0f0f0) | (lo & 0x0f0f0f0f);
      hi = t;
      let o = i * 8 * step + b;
      out[o] = lo; // typed arrays keep the low byte
      out[(o += step)] = lo >>> 8;
      out[(o += step)] = lo >>> 16;
      out[(o += step)] = lo >>> 24;
      out[(o += step)] = hi;
      out[(o += step)] = hi >>> 8;
      out[(o += step)] = hi >>> 16;
      out[o + step] = hi >>> 24;
    }
  }
  out.set(src.subarray(count * typesize), count * typesize);
}
