// @ts-check
/**
 * Element types and how their bytes become numbers a canvas can use.
 *
 * 64-bit integers become float64: exact to 2^53, which no digitiser reaches. float16 becomes float32.
 */

/** @typedef {Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array} Numbers */

/** Bytes an element has, for every element type the viewer reads. @type {Readonly<Record<string, number>>} */
export const ITEM_SIZE = Object.freeze({
  int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, int64: 8, uint64: 8, float16: 2, float32: 4, float64: 8,
});

/**
 * @param {Uint8Array} bytes  Whole elements; may be overwritten.
 * @param {string} dtype
 * @param {boolean} little    Byte order of the elements.
 * @returns {Numbers}
 */
export function toNumbers(bytes, dtype, little) {
  const size = ITEM_SIZE[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  if (!little && size > 1) swap(aligned, size);
  const buffer = /** @type {ArrayBuffer} */ (aligned.buffer);
  const at = aligned.byteOffset;
  const count = aligned.length / size;
  switch (dtype) {
    case 'int8': return new Int8Array(buffer, at, count);
    case 'uint8': return new Uint8Array(buffer, at, count);
    case 'int16': return new Int16Array(buffer, at, count);
    case 'uint16': return new Uint16Array(buffer, at, count);
    case 'int32': return new Int32Array(buffer, at, count);
    case 'uint32': return new Uint32Array(buffer, at, count);
    case 'float32': return new Float32Array(buffer, at, count);
    case 'float64': return new Float64Array(buffer, at, count);
    case 'float16': return halves(new Uint16Array(buffer, at, count));
    case 'int64': return Float64Array.from(new BigInt64Array(buffer, at, count), Number);
    case 'uint64': return Float64Array.from(new BigUint64Array(buffer, at, count), Number);
    default: throw new TypeError(`unknown element type ${dtype}`);
  }
}

/**
 * An array of one value, of the class `toNumbers` would give.
 *
 * @param {number} count @param {string} dtype @param {number} value
 * @returns {Numbers}
 */
export function filled(count, dtype, value) {
  const kind = toNumbers(new Uint8Array(0), dtype, true).constructor;
  return new (/** @type {new (n: number) => Numbers} */ (kind))(count).fill(value);
}

/** @param {Uint8Array} bytes @param {number} size */
function swap(bytes, size) {
  for (let i = 0; i < bytes.length; i += size) {
    for (let lo = i, hi = i + size - 1; lo < hi; lo++, hi--) {
      const byte = bytes[lo];
      bytes[lo] = bytes[hi];
      bytes[hi] = byte;
    }
  }
}

/** @param {Uint16Array} codes  IEEE 754 binary16. @returns {Float32Array} */
function halves(codes) {
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const sign = codes[i] & 0x8000 ? -1 : 1;
    const exponent = (codes[i] >> 10) & 31;
    const fraction = codes[i] & 1023;
    if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity;
    else if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else out[i] = sign * (1024 + fraction) * 2 ** (exponent - 25);
  }
  return out;
}
