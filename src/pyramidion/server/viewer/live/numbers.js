// @ts-check
/**
 * Statistics of a rectangle, and coarser pictures. Plain arithmetic.
 *
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 * @typedef {import('./types.js').Picture} Picture
 * @typedef {import('./types.js').Region} Region
 * @typedef {import('./types.js').Statistics} Statistics
 */

/**
 * @param {Picture} picture @param {Region} region
 * @returns {boolean} Whether it has every pixel of a region.
 */
export function covers({ x, y, width, height, scale }, region) {
  return scale === 1 && region.x >= x && region.y >= y && region.x + region.width <= x + width && region.y + region.height <= y + height;
}

/**
 * @param {Picture} picture   One that covers the region. @param {Region} region
 * @returns {Statistics} NaN are left out. The standard deviation is that of all the values (division by their number).
 */
export function statistics({ data, x, y, width: stride, number }, { x: left, y: top, width, height }) {
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
  let first = NaN; // differences from one of the values: no digits are lost where all are large
  for (let row = 0; row < height; row++) {
    const start = (top - y + row) * stride + left - x;
    for (let at = start; at < start + width; at++) {
      const value = data[at];
      if (value !== value) continue; // NaN
      if (first !== first) first = value;
      const off = value - first;
      count += 1;
      sum += off;
      squares += off * off;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  const mean = sum / count;
  return { count, min, max, mean: first + mean, std: Math.sqrt(Math.max(0, squares / count - mean * mean)), number };
}

/**
 * A picture whose pixels are means of `scale` × `scale` ones, as the server makes them; the last ones of fewer.
 *
 * @param {Picture} picture   A whole frame. @param {number} scale
 * @returns {Picture}
 */
export function shrink(picture, scale) {
  if (scale === 1) return picture;
  const width = Math.ceil(picture.width / scale);
  const height = Math.ceil(picture.height / scale);
  const data = new (/** @type {new (n: number) => Numbers} */ (picture.data.constructor))(width * height);
  const whole = /int/.test(picture.dtype);
  const sums = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    const rows = Math.min(scale, picture.height - y * scale);
    sums.fill(0);
    for (let row = 0; row < rows; row++) addRow(sums, picture, y * scale + row, scale);
    for (let x = 0; x < width; x++) {
      const mean = sums[x] / (rows * Math.min(scale, picture.width - x * scale));
      data[y * width + x] = whole ? Math.round(mean) : mean;
    }
  }
  return { ...picture, data, width, height, scale, ask: { region: null, scale } };
}

/** @param {Float64Array} sums @param {Picture} picture @param {number} row @param {number} scale */
function addRow(sums, { data, width }, row, scale) {
  const start = row * width;
  for (let x = 0, at = start; x < sums.length; x++) {
    const end = Math.min(at + scale, start + width);
    let sum = 0;
    for (; at < end; at++) sum += data[at];
    sums[x] += sum;
  }
}
