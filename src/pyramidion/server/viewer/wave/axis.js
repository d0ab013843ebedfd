// @ts-check
import { formatTo, niceStep, prefixed, prefixPower, scaled } from '../frame/si.js';

/**
 * @typedef {object} Axis
 * @property {{value: number, label: string}[]} ticks
 * @property {number} step
 * @property {string} unit       With prefix, for the tick labels.
 * @property {{value: number, label: string} | null} base   When set, tick labels count from here.
 */

/**
 * Ticks between two values.
 *
 * Where the labels would need many digits (nanoseconds a second after the start) they count from a round base value.
 *
 * @param {number} min @param {number} max
 * @param {number} count   About how many ticks.
 * @param {string} unit
 * @returns {Axis}
 */
export function axis(min, max, count, unit) {
  const step = niceStep((max - min) / Math.max(1, count));
  const largest = Math.max(Math.abs(min), Math.abs(max));
  const relative = largest / step > 2e6;
  const stepPower = Math.floor(Math.log10(step) + 1e-9);
  const round = 10 ** (3 * Math.floor(stepPower / 3) + 3);
  // A round value inside the view, else the last one before it.
  const inside = Math.floor(max / round) * round;
  const baseValue = !relative ? 0 : inside >= min ? inside : Math.floor(min / round) * round;
  const power = prefixPower(relative ? Math.max(step, max - baseValue, baseValue - min) : Math.max(largest, step));
  const decimals = Math.max(0, power - stepPower);
  const ticks = [];
  const first = Math.ceil((min - baseValue) / step - 1e-6);
  const last = Math.floor((max - baseValue) / step + 1e-6);
  for (let i = first; i <= last && ticks.length < 100; i++) {
    const number = scaled(i * step, power, decimals);
    ticks.push({ value: baseValue + i * step, label: relative && i > 0 ? `+${number}` : number });
  }
  const base = relative ? { value: baseValue, label: formatTo(baseValue, round, unit) } : null;
  return { ticks, step, unit: prefixed(power, unit), base };
}
