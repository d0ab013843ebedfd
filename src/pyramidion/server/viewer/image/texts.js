// @ts-check
import { formatCount, formatShort } from '../frame/si.js';

/**
 * What the panel says in words and numbers. Pure text.
 *
 * @typedef {import('./dataset.js').ImageDataset} ImageDataset
 * @typedef {import('./types.js').Extent} Extent
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {import('./axes.js').AxisName} AxisName
 */

/** @param {Pick<Level, 'size'>} level @returns {number} Pixels of level 0 in one of its pixels, along its longest side. */
function ratio({ size }) {
  return Math.round(100 * Math.max(size.x, size.y, size.z)) / 100;
}

/**
 * @param {ImageDataset} dataset @param {number} number  Of the level.
 * @param {{loading: boolean, partial: boolean, tooMuch: boolean}} state
 * @returns {string}
 */
export function levelText(dataset, number, { loading, partial, tooMuch }) {
  const { levels } = dataset;
  const name = levels.length > 1 ? `level ${number} of ${levels.length - 1}, ` : '';
  const rest = loading ? ' · loading' : partial ? ' · coarser where that could not be read' : tooMuch ? ' · only the middle: zoom in' : '';
  return `${name}${ratio(levels[number])}:1${rest}`;
}

/** @param {number} value @returns {string} A value of the data. */
export function valueText(value) {
  if (Number.isNaN(value)) return 'no number';
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? formatCount(value) : plain(value);
}

/** @param {number} value @returns {string} */
function plain(value) {
  if (!Number.isFinite(value)) return `${value < 0 ? '\u2212' : ''}∞`;
  return String(Number(value.toPrecision(7))).replace('-', '\u2212');
}

/** @param {Extent} dataset @param {AxisName} axis @param {number} position  In pixels of level 0. @returns {string} */
export function placeText(dataset, axis, position) {
  return dataset.unit[axis] ? formatShort(dataset.physical(axis, position), dataset.unit[axis], 6) : '';
}

/** @param {Extent} dataset @param {AxisName} axis @param {number} pixels @returns {string} A length. */
export function lengthText(dataset, axis, pixels) {
  return dataset.unit[axis] ? formatShort(pixels * dataset.scale[axis], dataset.unit[axis], 4) : `${valueText(Math.round(pixels * 100) / 100)} px`;
}

/**
 * What lies under the pointer.
 *
 * @param {Extent} dataset @param {{x: number, y: number, z: number}} at  Positions.
 * @param {readonly {label: string, value: number | null}[]} values   Null while it is not here.
 * @param {Pick<Level, 'size' | 'number'>} level   The one the values are from.
 * @returns {string}
 */
export function pointerText(dataset, at, values, level) {
  const axes = /** @type {('x' | 'y' | 'z')[]} */ (dataset.volume ? ['x', 'y', 'z'] : ['x', 'y']);
  const pixels = axes.map((axis) => `${axis} ${formatCount(Math.floor(at[axis]))}`).join('  ');
  const places = axes.map((axis) => placeText(dataset, axis, Math.floor(at[axis]) + 0.5)).filter(Boolean).join(', ');
  const shown = values.map(({ label, value }) => `${values.length > 1 ? `${label} ` : ''}${value === null ? '…' : valueText(value)}`).join('  ');
  const from = level.number > 0 ? ` at ${ratio(level)}:1` : '';
  return `${pixels}${places ? `   ${places}` : ''}   ${shown}${from}`;
}

/** @param {ImageDataset} dataset @returns {string} */
export function sizeText(dataset) {
  const { shape, axes } = dataset;
  return axes.map(({ name }) => `${formatCount(shape[name])} ${name}`).join(' × ');
}
