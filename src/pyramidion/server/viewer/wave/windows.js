// @ts-check
/**
 * Windows for spectra, as sums of cosines over whole periods: w[j] = sum over m of a[m] cos(2 pi m j / n).
 *
 * Two sums of a window tell what it does to a spectrum: its coherent gain, sum(w) / n, to lines; its equivalent noise
 * bandwidth, sum(w^2) / sum(w)^2 in units of the sampling rate, to noise. Both are corrected in `spectra.js`.
 *
 * Coefficients: F. J. Harris, "On the use of windows", Proc. IEEE 66 (1978); the flat top is HFT116D of G. Heinzel,
 * A. Ruediger and R. Schilling, "Spectrum and spectral density estimation by the DFT" (2002).
 *
 * @typedef {object} WindowShape
 * @property {string} id
 * @property {string} label
 * @property {readonly number[]} terms   a[0], a[1], ...
 */

/** @type {readonly WindowShape[]} */
export const WINDOWS = [
  { id: 'rectangular', label: 'Rectangular', terms: [1] },
  { id: 'hann', label: 'Hann', terms: [0.5, -0.5] },
  { id: 'blackman-harris', label: 'Blackman-Harris', terms: [0.35875, -0.48829, 0.14128, -0.01168] },
  { id: 'flat-top', label: 'Flat top', terms: [1, -1.9575375, 1.4780705, -0.6367431, 0.1228389, -0.0066288] },
];

/** @param {string} id @returns {WindowShape} The rectangular one for a name there is not. */
export function windowShape(id) {
  return WINDOWS.find((shape) => shape.id === id) ?? WINDOWS[0];
}

/**
 * @param {WindowShape} shape @param {number} n
 * @returns {{weights: Float64Array, sum: number, squares: number}} The window and the sums of w and of w^2.
 */
export function makeWindow({ terms }, n) {
  const weights = new Float64Array(n);
  let sum = 0;
  let squares = 0;
  for (let j = 0; j < n; j++) {
    let weight = terms[0];
    for (let m = 1; m < terms.length; m++) weight += terms[m] * Math.cos((2 * Math.PI * ((m * j) % n)) / n);
    weights[j] = weight;
    sum += weight;
    squares += weight * weight;
  }
  return { weights, sum, squares };
}

/**
 * Equivalent noise bandwidth, in bins.
 *
 * @param {{sum: number, squares: number}} sums @param {number} n @returns {number}
 */
export function noiseBandwidth({ sum, squares }, n) {
  return (n * squares) / (sum * sum);
}
