// @ts-check
import { ViewerError } from '../store/errors.js';

/**
 * The axes of an image: which one is x, what its steps measure.
 *
 * @typedef {'t' | 'c' | 'z' | 'y' | 'x'} AxisName
 * @typedef {object} Axis
 * @property {AxisName} name
 * @property {string} unit     SI unit without prefix (`m`, `s`), else as written; '' when there is none.
 * @property {number} factor   Of that unit, in the unit that the scales are written in.
 * @typedef {Record<AxisName, number>} PerAxis
 */

/** @type {readonly AxisName[]} */
export const NAMES = ['t', 'c', 'z', 'y', 'x'];

/** What an array without words about its axes has, by their number. */
const USUAL = ['', '', 'yx', 'zyx', 'tzyx', 'tczyx'];

const PREFIXES = /** @type {Record<string, number>} */ ({
  yocto: -24, zepto: -21, atto: -18, femto: -15, pico: -12, nano: -9, micro: -6, milli: -3, centi: -2, deci: -1, deca: 1,
  hecto: 2, kilo: 3, mega: 6, giga: 9, tera: 12, peta: 15, exa: 18, zetta: 21, yotta: 24,
});
const SHORT = /** @type {Record<string, [string, number]>} */ ({
  m: ['m', 1], mm: ['m', 1e-3], um: ['m', 1e-6], 'µm': ['m', 1e-6], 'μm': ['m', 1e-6], nm: ['m', 1e-9], angstrom: ['m', 1e-10],
  s: ['s', 1], ms: ['s', 1e-3], us: ['s', 1e-6], 'µs': ['s', 1e-6], ns: ['s', 1e-9], minute: ['s', 60], hour: ['s', 3600],
  inch: ['m', 0.0254], foot: ['m', 0.3048], yard: ['m', 0.9144], mile: ['m', 1609.344], parsec: ['m', 3.0856775814913673e16],
});

/**
 * A unit as OME-Zarr names it (`micrometer`), in SI.
 *
 * @param {unknown} unit @returns {{unit: string, factor: number}}
 */
export function siUnit(unit) {
  if (typeof unit !== 'string' || unit === '' || unit === 'pixel') return { unit: '', factor: 1 };
  const short = SHORT[unit];
  if (short) return { unit: short[0], factor: short[1] };
  const match = /^([a-z]*?)(meter|metre|second)$/.exec(unit);
  if (match && (match[1] === '' || match[1] in PREFIXES)) {
    return { unit: match[2] === 'second' ? 's' : 'm', factor: match[1] === '' ? 1 : Number(`1e${PREFIXES[match[1]]}`) };
  }
  return { unit, factor: 1 };
}

/**
 * The axes as the metadata of an image give them; where they give none, as such arrays usually are.
 *
 * @param {unknown} stated   Objects with name, type and unit; or names; or nothing.
 * @param {number} rank @param {string} where
 * @returns {Axis[]}
 */
export function readAxes(stated, rank, where) {
  if (rank < 2 || rank > 5) throw refuse(where, `${rank} axes`, 'An image has two to five of t, c, z, y, x');
  const list = Array.isArray(stated) && stated.length === rank ? stated : [];
  const written = list.map((one) => (typeof one === 'string' ? { name: one } : (one ?? {})));
  const named = written.map(({ name, type }) => shortName(name, type));
  const names = named.length === rank && new Set(named).size === rank && named.every((name) => name !== null) ? named : [...USUAL[rank]];
  const order = /** @type {AxisName[]} */ (names);
  if (order.at(-1) !== 'x' || order.at(-2) !== 'y') {
    throw refuse(where, `the axes are ${order.join(', ')}`, 'The last two must be y and x: convert it with `pyramidion convert SRC DST.zarr`');
  }
  return order.map((name, i) => ({ name, ...siUnit(written[i]?.unit) }));
}

/** @param {unknown} name @param {unknown} type @returns {AxisName | null} */
function shortName(name, type) {
  const letter = String(name ?? '').toLowerCase();
  if (NAMES.includes(/** @type {AxisName} */ (letter))) return /** @type {AxisName} */ (letter);
  if (type === 'channel' || /^(ch|channels?)$/.test(letter)) return 'c';
  if (type === 'time' || /^(time|frames?)$/.test(letter)) return 't';
  return null;
}

/** @param {string} where @param {string} what @param {string} mend @returns {ViewerError} */
function refuse(where, what, mend) {
  return new ViewerError(where, what, mend, 'kind');
}
