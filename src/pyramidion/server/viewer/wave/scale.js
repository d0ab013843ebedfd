// @ts-check
import { niceStep } from '../frame/si.js';

/**
 * The vertical range to show: the visible extremes with some air, rounded outwards so that it does not tremble.
 *
 * @param {{min: number, max: number} | null} values   Those that are seen, in units.
 * @param {number} step       The least by which two values can differ; 0 where there are no steps.
 * @returns {{min: number, max: number} | null} In units.
 */
export function valueRange(values, step) {
  if (!values) return null;
  let { min, max } = values;
  if (!(max > min)) {
    // A flat line: some steps of room on both sides, or a share of its value.
    const room = 4 * step || Math.abs(min) * 0.1 || 1;
    min -= room;
    max += room;
  }
  const air = (max - min) * 0.06;
  const round = niceStep((max - min) / 20);
  return { min: Math.floor((min - air) / round) * round, max: Math.ceil((max + air) / round) * round };
}
