// @ts-check
import { formatShort, niceStep, prefixed, prefixPower, scaled } from '../../frame/si.js';

/**
 * Axes of a spectrum: frequencies, amplitudes, decibels, powers of ten. Pure.
 *
 * @typedef {import('../spectra.js').Kind} Kind
 * @typedef {{value: number, label: string}} Tick   `value` in what is drawn: logarithms where the axis has them.
 */

/**
 * How high a value is drawn: itself, decibels, or the power of ten of a density.
 *
 * @param {Kind} kind @param {number} value   As `shown` of spectra.js gives it. @returns {number}
 */
export function heightOf(kind, value) {
  return kind === 'density' ? Math.log10(value) : value;
}

/**
 * The heights to show: linear ones from 0, logarithmic ones down to where little lies below, at most 200 dB.
 *
 * @param {Kind} kind @param {readonly number[]} tops   The highest of each column. @param {readonly number[]} bottoms   The lowest.
 * @returns {{min: number, max: number}}
 */
export function heightRange(kind, tops, bottoms) {
  const max = tops.reduce((largest, top) => (top > largest && top < Infinity ? top : largest), -Infinity);
  if (kind === 'peak' || kind === 'rms') {
    const step = niceStep((max > 0 ? max : 1) / 20);
    return { min: 0, max: Math.ceil((1.06 * (max > 0 ? max : 1)) / step) * step };
  }
  const unit = kind === 'decibel' ? 10 : 1; // a decade of a density is 10 dB
  if (max === -Infinity) return { min: -10 * unit, max: 0 };
  const sorted = bottoms.filter(Number.isFinite).sort((p, q) => p - q);
  const low = sorted[Math.floor(0.02 * sorted.length)] ?? max;
  const top = Math.ceil((max + 0.2 * unit) / unit) * unit;
  return { min: Math.max(top - 20 * unit, Math.min(top - 4 * unit, Math.floor(low / unit) * unit)), max: top };
}

/**
 * @param {Kind} kind @param {{min: number, max: number}} range @param {number} count   About how many. @param {string} unit
 * @returns {{ticks: Tick[], unit: string}}
 */
export function heightTicks(kind, { min, max }, count, unit) {
  const rough = (max - min) / Math.max(1, count);
  const step = kind === 'density' ? Math.max(1, Math.ceil(rough)) : niceStep(rough);
  const values = multiples(min, max, step);
  if (kind === 'density') return { ticks: values.map((value) => ({ value, label: tenTo(value) })), unit };
  if (kind === 'decibel') return { ticks: values.map((value) => ({ value, label: scaled(value, 0, step < 1 ? 1 : 0) })), unit };
  const power = prefixPower(max);
  const decimals = Math.max(0, power - Math.floor(Math.log10(step) + 1e-9));
  return { ticks: values.map((value) => ({ value, label: scaled(value, power, decimals) })), unit: prefixed(power, unit) };
}

/**
 * @param {number} from @param {number} to   Frequencies. @param {boolean} log @param {number} count @param {string} unit
 * @returns {{ticks: Tick[], unit: string}}   `value` is the frequency.
 */
export function frequencyTicks(from, to, log, count, unit) {
  if (log && to / from > 12) return { ticks: decades(from, to, count).map((value) => ({ value, label: formatShort(value, unit, 3) })), unit: '' };
  const step = niceStep((to - from) / Math.max(1, count));
  const power = prefixPower(to);
  const decimals = Math.max(0, power - Math.floor(Math.log10(step) + 1e-9));
  return { ticks: multiples(from, to, step).map((value) => ({ value, label: scaled(value, power, decimals) })), unit: prefixed(power, unit) };
}

/** @param {number} from @param {number} to @param {number} count @returns {number[]} Powers of ten, with 2 and 5 times of them where there is room. */
function decades(from, to, count) {
  const wide = Math.log10(to / from);
  const leads = count >= 3 * wide ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(wide / Math.max(1, count)));
  const values = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    if (power % every === 0) for (const lead of leads) values.push(lead * 10 ** power);
  }
  return values.filter((value) => value >= from && value <= to);
}

/** @param {number} min @param {number} max @param {number} step @returns {number[]} */
function multiples(min, max, step) {
  const values = [];
  for (let i = Math.ceil(min / step - 1e-6); i <= max / step + 1e-6 && values.length < 100; i++) values.push(i * step);
  return values;
}

/** @param {number} power @returns {string} `10⁻³` */
export function tenTo(power) {
  return `10${String(power).replace(/./g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)]))}`;
}
