// @ts-check
import { sample } from './sampling.js';

/**
 * How often values occur in what is on the screen.
 *
 * @typedef {{low: number, high: number, counts: Float64Array}} Counts   Of equal parts between `low` and `high`.
 */

export const BINS = 124;
const SAMPLES = 40_000;
const TAILS = 0.0005; // of the values may lie outside the histogram

/**
 * The histogram of the chosen channel, wide enough for its range.
 *
 * @param {Pick<import('./types.js').Coloured, 'look' | 'patches'>} panel @returns {Counts | null} Null where there is nothing to count.
 */
export function countValues(panel) {
  const { look } = panel;
  const values = sample(panel.patches(look.chosen), SAMPLES);
  if (values.length === 0) return null;
  const at = (/** @type {number} */ share) => values[Math.round(share * (values.length - 1))];
  const [first, last] = look.channels[look.chosen].range ?? [at(0), at(1)];
  const low = Math.min(at(TAILS), first);
  const high = Math.max(at(1 - TAILS), last);
  return high > low && Number.isFinite(high - low) ? { low, high, counts: histogram(values, low, high, BINS) } : null;
}

/**
 * @param {Float64Array} sorted @param {number} low @param {number} high @param {number} bins
 * @returns {Float64Array} How many values fall into each of as many equal parts.
 */
export function histogram(sorted, low, high, bins) {
  const counts = new Float64Array(bins);
  const scale = bins / (high - low);
  for (const value of sorted) {
    if (value >= low && value <= high) counts[Math.min(bins - 1, Math.floor((value - low) * scale))] += 1;
  }
  return counts;
}
