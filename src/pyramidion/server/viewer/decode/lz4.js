// @ts-check
/**
 * Decode one LZ4 block (no frame) into `out`, filling it exactly.
 *
 * Every read and write is checked against its buffer, so that damaged input ends in an error and never in wrong memory
 * or an endless loop. Format: the LZ4 block format description, version 1.6.
 *
 * @param {Uint8Array} src
 * @param {Uint8Array} out
 */
export function decodeLz4(src, out) {
  const srcEnd = src.length;
  const outEnd = out.length;
  let s = 0;
  let o = 0;
  while (s < srcEnd) {
    const token = src[s++];
    let literals = token >> 4;
    if (literals === 15) {
      let more;
      do {
        if (s >= srcEnd) throw new RangeError('LZ4 block ends inside a length');
        more = src[s++];
        literals += more;
      } while (more === 255);
    }
    if (s + literals > srcEnd || o + literals > outEnd) throw new RangeError('LZ4 literals run over the end');
    if (literals > 24) {
      out.set(src.subarray(s, s + literals), o);
      s += literals;
      o += literals;
    } else {
      for (const stop = s + literals; s < stop; ) out[o++] = src[s++];
    }
    if (s === srcEnd) break; // the last sequence has no match

    if (s + 2 > srcEnd) throw new RangeError('LZ4 block ends inside an offset');
    const offset = src[s] | (src[s + 1] << 8);
    s += 2;
    if (offset === 0 || offset > o) throw new RangeError('LZ4 match points before the start');
    let length = token & 15;
    if (length === 15) {
      let more;
      do {
        if (s >= srcEnd) throw new RangeError('LZ4 block ends inside a length');
        more = src[s++];
        length += more;
      } while (more === 255);
    }
    length += 4;
    if (o + length > outEnd) throw new RangeError('LZ4 match runs over the end');
    copyMatch(out, o, offset, length);
    o += length;
  }
  if (o !== outEnd) throw new RangeError(`LZ4 block decodes to ${o} bytes, ${outEnd} expected`);
}

/**
 * Copy `length` bytes from `offset` back; source and destination overlap when the match repeats itself.
 *
 * @param {Uint8Array} out @param {number} at @param {number} offset @param {number} length
 */
function copyMatch(out, at, offset, length) {
  const from = at - offset;
  if (offset === 1) {
    out.fill(out[from], at, at + length);
  } else if (length <= 24) {
    for (let i = 0; i < length; i++) out[at + i] = out[from + i];
  } else {
    // Doubling: what has been written is source for the next piece.
    let done = 0;
    let piece = Math.min(offset, length);
    while (done < length) {
      out.copyWithin(at + done, from, from + piece);
      done += piece;
      piece = Math.min(offset + done, length - done);
    }
  }
}
