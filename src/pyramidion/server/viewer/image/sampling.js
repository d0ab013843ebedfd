// @ts-check
/**
 * Values of what is on the screen: samples for ranges and histograms.
 *
 * @typedef {import('./colour.js').Source} Source
 * @typedef {Source & {width: number, height: number}} Patch   A rectangle of elements.
 */

/**
 * Some of the values, evenly spread.
 *
 * @param {readonly Patch[]} patches @param {number} limit   About how many.
 * @returns {Float64Array} Ascending; NaN are left out.
 */
export function sample(patches, limit) {
  const total = patches.reduce((sum, { width, height }) => sum + width * height, 0);
  const step = Math.max(1, Math.ceil(Math.sqrt(total / limit)));
  const values = new Float64Array(patches.reduce((sum, { width, height }) => sum + Math.ceil(width / step) * Math.ceil(height / step), 0));
  let count = 0;
  for (const { data, at, down, right, width, height } of patches) {
    for (let y = 0; y < height; y += step) {
      for (let x = 0; x < width; x += step) {
        const value = data[at + y * down + x * right];
        if (!Number.isNaN(value)) values[count++] = value;
      }
    }
  }
  return values.subarray(0, count).sort();
}
