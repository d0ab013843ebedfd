// @ts-check
/** @type {typeof import('../vendor/fzstd.js').decompress | null} */ let decompress = null;

/** Fetch the decoder; most stores do not need it, so it is not part of the page. */
export async function loadZstd() {
  ({ decompress } = await import('../vendor/fzstd.js'));
}

/**
 * Decode one Zstandard frame that must hold exactly `size` bytes; `loadZstd` comes first.
 *
 * @param {Uint8Array} src
 * @param {number} size
 * @returns {Uint8Array}
 */
export function decodeZstd(src, size) {
  if (!decompress) throw new Error('the zstd decoder is not loaded');
  const stated = contentSize(src);
  if (stated !== null && stated !== size) throw new RangeError(`zstd frame decodes to ${stated} bytes, ${size} expected`);
  const out = stated === null ? decompress(src) : decompress(src, new Uint8Array(size));
  if (out.length !== size) throw new RangeError(`zstd frame decodes to ${out.length} bytes, ${size} expected`);
  return out;
}

/**
 * The content size a Zstandard frame header states (RFC 8878, 3.1.1.1.4), or null when it states none.
 *
 * Read before decoding, so that a false header cannot make the page allocate more than the chunk it belongs to.
 *
 * @param {Uint8Array} src
 * @returns {number | null}
 */
export function contentSize(src) {
  if (src.length < 6 || src[0] !== 0x28 || src[1] !== 0xb5 || src[2] !== 0x2f || src[3] !== 0xfd) {
    throw new RangeError('no zstd frame');
  }
  const flags = src[4];
  const single = (flags >> 5) & 1;
  const at = 5 + (1 - single) + [0, 1, 2, 4][flags & 3];
  const width = flags >> 6 ? 1 << (flags >> 6) : single;
  if (width === 0) return null;
  if (src.length < at + width) throw new RangeError('zstd frame ends inside its header');
  let size = 0;
  for (let i = width - 1; i >= 0; i--) size = size * 256 + src[at + i];
  return width === 2 ? size + 256 : size;
}
