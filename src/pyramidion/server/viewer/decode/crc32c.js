// @ts-check
/** Tables for eight bytes a step ("slicing by 8"); reflected Castagnoli polynomial. */
const TABLES = makeTables();

/** @returns {Uint32Array[]} */
function makeTables() {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
    tables[0][n] = c;
  }
  for (let n = 0; n < 256; n++) {
    for (let t = 1; t < 8; t++) {
      const c = tables[t - 1][n];
      tables[t][n] = tables[0][c & 255] ^ (c >>> 8);
    }
  }
  return tables;
}

/**
 * CRC-32C (Castagnoli) of `bytes`, as RFC 3720 defines it.
 *
 * @param {Uint8Array} bytes
 * @returns {number} unsigned 32 bits
 */
export function crc32c(bytes) {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  const n = bytes.length;
  let crc = 0xffffffff;
  let i = 0;
  for (const stop = n - 7; i < stop; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      t7[crc & 255] ^ t6[(crc >>> 8) & 255] ^ t5[(crc >>> 16) & 255] ^ t4[crc >>> 24] ^
      t3[bytes[i + 4]] ^ t2[bytes[i + 5]] ^ t1[bytes[i + 6]] ^ t0[bytes[i + 7]];
  }
  for (; i < n; i++) crc = t0[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The bytes before a trailing little-endian checksum, or null when it does not match.
 *
 * @param {Uint8Array} bytes
 * @returns {Uint8Array | null}
 */
export function stripCrc32c(bytes) {
  if (bytes.length < 4) return null;
  const body = bytes.subarray(0, bytes.length - 4);
  const stored = new DataView(bytes.buffer, bytes.byteOffset + body.length, 4).getUint32(0, true);
  return crc32c(body) === stored ? body : null;
}
