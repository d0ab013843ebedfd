// @ts-check
/**
 * From numbers to pixels through lookup tables. No elements, no state.
 *
 * A pixel is one unsigned 32-bit number, bytes red, green, blue, opacity (the order of ImageData on little-endian machines).
 *
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 * @typedef {import('./channels.js').Range} Range
 * @typedef {import('./channels.js').Rgb} Rgb
 *
 * @typedef {object} Shade   How one channel is coloured.
 * @property {Uint8Array} colours   256 of them, three bytes each.
 * @property {Range} range
 * @property {Rgb} [under]          Of values below the range; the first colour by default.
 * @property {Rgb} [over]
 * @property {Uint32Array | null} table  A pixel for each value, for element types of at most 16 bits.
 * @property {number} first              The value of the table's first entry.
 * @property {Uint32Array} pixels        The 256 colours as pixels, then under and over.
 *
 * @typedef {object} Source   A rectangle of elements in a decoded chunk.
 * @property {Numbers} data
 * @property {number} at       The first one.
 * @property {number} down     Elements from a row to the next,
 * @property {number} right    and from a column to the next.
 */

const SMALL = /** @type {Record<string, [number, number]>} */ ({
  uint8: [0, 256], int8: [-128, 256], uint16: [0, 65536], int16: [-32768, 65536],
});

/**
 * @param {Uint8Array} colours @param {Range} range @param {string} dtype @param {{under?: Rgb, over?: Rgb}} [marks]
 * @returns {Shade}
 */
export function makeShade(colours, range, dtype, { under, over } = {}) {
  const pixels = new Uint32Array(258);
  for (let i = 0; i < 256; i++) pixels[i] = pixel(colours[3 * i], colours[3 * i + 1], colours[3 * i + 2]);
  pixels[256] = under ? pixel(...under) : pixels[0];
  pixels[257] = over ? pixel(...over) : pixels[255];
  const [first, count] = SMALL[dtype] ?? [0, 0];
  const shade = { colours, range, under, over, pixels, first, table: count ? new Uint32Array(count) : null };
  if (shade.table) {
    const [low, high] = range;
    const scale = 255 / (high - low);
    for (let i = 0; i < count; i++) {
      const value = first + i;
      shade.table[i] = pixels[value < low ? 256 : value > high ? 257 : ((value - low) * scale + 0.5) | 0];
    }
  }
  return shade;
}

/** @param {number} r @param {number} g @param {number} b @returns {number} Opaque. */
function pixel(r, g, b) {
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * Colour one channel into `out`; elements that are no numbers stay as they are (transparent at first).
 *
 * @param {Uint32Array} out   Rows of `width` pixels.
 * @param {number} width @param {number} height @param {Source} source @param {Shade} shade
 * @param {boolean} add   Add to what is there, as light does.
 */
export function paint(out, width, height, source, shade, add) {
  const row = new Uint32Array(add ? width : 0);
  for (let y = 0; y < height; y++) {
    const target = add ? row : out.subarray(y * width, (y + 1) * width);
    const at = source.at + y * source.down;
    if (shade.table) tableRow(target, source, at, shade.table, shade.first);
    else computedRow(target, source, at, shade);
    if (add) addRow(out, y * width, row);
  }
}

/** @param {Uint32Array} target @param {Source} source @param {number} at @param {Uint32Array} table @param {number} first */
function tableRow(target, { data, right }, at, table, first) {
  const count = target.length;
  if (right === 1 && first === 0) for (let x = 0; x < count; x++) target[x] = table[data[at + x]];
  else for (let x = 0, from = at; x < count; x++, from += right) target[x] = table[data[from] - first];
}

/** @param {Uint32Array} target @param {Source} source @param {number} at @param {Shade} shade */
function computedRow(target, { data, right }, at, { range: [low, high], pixels }) {
  const scale = 255 / (high - low);
  for (let x = 0, from = at; x < target.length; x++, from += right) {
    const value = data[from];
    if (value >= low) target[x] = pixels[value > high ? 257 : ((value - low) * scale + 0.5) | 0];
    else target[x] = value < low ? pixels[256] : 0; // what is neither is no number
  }
}

/** @param {Uint32Array} out @param {number} at @param {Uint32Array} row */
function addRow(out, at, row) {
  for (let x = 0; x < row.length; x++) {
    const a = out[at + x];
    const b = row[x];
    if (b === 0) continue;
    let r = (a & 255) + (b & 255);
    let g = ((a >>> 8) & 255) + ((b >>> 8) & 255);
    let s = ((a >>> 16) & 255) + ((b >>> 16) & 255);
    if (r > 255) r = 255;
    if (g > 255) g = 255;
    if (s > 255) s = 255;
    out[at + x] = (0xff000000 | (s << 16) | (g << 8) | r) >>> 0;
  }
}
