// @ts-check
import { niceStep } from '../frame/si.js';

/**
 * The vertical range to show: the visible extremes with some air, rounded outwards so that it does not tremble.
 *
 * @param {{min: number, max: number} | null} codes   Visible codes.
 * @param {number} gain @param {number} offset        value = code * gain - offset
 * @param {boolean} steps     Codes are whole numbers: one step is the least that can differ.
 * @returns {{min: number, max: number} | null} In units.
 */
export function valueRange(codes, gain, offset, steps) {
  if (!codes) return null;
  const p = codes.min * gain - offset;
  const q = codes.max * gain - offset;
  let min = Math.min(p, q);
  let max = Math.max(p, q);
  if (!(max > min)) {
    // A flat line: some codes of room on both sides, or a share of its value where there are no steps.
    const room = (steps ? 4 * Math.abs(gain) : Math.abs(p) * 0.1) || 1;
    min -= room;
    max += room;
  }
  const air = (max - min) * 0.06;
  const step = niceStep((max - min) / 20);
  return { min: Math.floor((min - air) / step) * step, max: Math.ceil((max + air) / step) * step };
}
