// @ts-check
import { formatCount, formatShort } from '../frame/si.js';
import { areaBetween, countTiles, pixelsInside, tilesWith } from './geometry.js';
import { lengthText, valueText } from './texts.js';

/**
 * A distance or a rectangle in one plane, between two positions in pixels of level 0.
 *
 * @typedef {import('./geometry.js').Plane} Plane
 * @typedef {import('./dataset.js').ImageDataset} ImageDataset
 * @typedef {import('./pane.js').Pane} Pane
 * @typedef {{kind: 'line' | 'box', plane: Plane, from: {h: number, v: number}, to: {h: number, v: number}}} Measure
 *
 * @typedef {{count: number, sum: number, min: number, max: number}} Sums
 * @typedef {{label: string, mean: number, min: number, max: number, count: number}} Summary   Of one channel.
 * @typedef {object} Measured
 * @property {number} width     In units of the horizontal axis, pixels where it has none.
 * @property {number} height
 * @property {number | null} length   Of the line between its ends; null where the two axes have different units.
 * @property {string} unit
 * @property {Summary[]} channels     Of a rectangle.
 * @property {number | null} level    The values are from this one; null while they are not here.
 */

const BYTES = 32 * 2 ** 20; // of chunks that the values of a rectangle are fetched from
const PRIORITY = 10; // after what is on the screen

/**
 * What the values of a rectangle are made of, wherever it lies: of the finest level of which that is little enough.
 *
 * @param {Measure} measure @param {Pane} pane @param {import('./tiles.js').Slice} slice
 * @param {number} finest   Level to begin with, if it is finer than the one drawn.
 * @returns {import('../fetch/scheduler.js').Want[]}
 */
export function wantsOf({ kind, from, to }, { plane, levels, level: drawn, tiles }, slice, finest) {
  for (let k = Math.min(finest, drawn); kind === 'box' && k < levels.length; k++) {
    const level = levels[k];
    const span = tilesWith(level, plane, pixelsInside(level, plane.h, from.h, to.h), pixelsInside(level, plane.v, from.v, to.v));
    if (countTiles(span) * level.bytes * tiles.look.visible.length > BYTES) continue;
    return tiles.list(level, plane, slice, span).flatMap((tile) => tiles.chunks(tile).map((chunk) => ({ chunk, priority: PRIORITY })));
  }
  return [];
}

/**
 * @param {readonly import('./sampling.js').Patch[]} patches
 * @returns {Sums} Of all values; NaN are left out.
 */
export function summarise(patches) {
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  for (const { data, at, down, right, width, height } of patches) {
    for (let y = 0; y < height; y++) {
      let from = at + y * down;
      for (let x = 0; x < width; x++, from += right) {
        const value = data[from];
        if (value !== value) continue; // NaN
        count += 1;
        sum += value;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
  }
  return { count, sum, min, max };
}

/**
 * @param {Measure} measure @param {ImageDataset} dataset
 * @param {Pane} pane   Its values are taken.
 * @param {number} finest   Level to take them from, if they are here.
 * @param {Map<string, Sums>} known   What came out before, for this area.
 * @returns {Measured}
 */
export function evaluate({ kind, plane, from, to }, dataset, pane, finest, known) {
  const unit = dataset.unit[plane.h];
  const same = unit === dataset.unit[plane.v];
  const width = Math.abs(to.h - from.h) * (unit ? dataset.scale[plane.h] : 1);
  const height = Math.abs(to.v - from.v) * (dataset.unit[plane.v] ? dataset.scale[plane.v] : 1);
  /** @type {Measured} */ const measured = { width, height, length: same ? Math.hypot(width, height) : null, unit, channels: [], level: null };
  if (kind === 'line') return measured;
  for (const { index, label } of pane.tiles.look.visible) {
    const { patches, level, slice } = pane.patches(index, areaBetween(from, to), finest);
    if (patches.length === 0) continue;
    const key = `${index} ${level.number} ${slice?.t} ${slice?.point[plane.n]}`;
    const sums = known.get(key) ?? summarise(patches);
    known.set(key, sums);
    const { count, sum, min, max } = sums;
    measured.channels.push({ label, mean: sum / count, min, max, count });
    measured.level = Math.max(measured.level ?? 0, level.number);
  }
  return measured;
}

/**
 * A measurement in numbers, for a table.
 *
 * @param {Measure} measure @param {Measured} measured @param {ImageDataset} dataset @returns {[string, string][]}
 */
export function measureRows({ kind, plane, from, to }, measured, dataset) {
  const [across, down] = [Math.abs(to.h - from.h), Math.abs(to.v - from.v)];
  const pixels = (/** @type {number} */ n) => valueText(Math.round(n * 100) / 100);
  const known = dataset.unit[plane.h] && dataset.unit[plane.v];
  /** @type {[string, string][]} */ const rows = known ? [['Size', `${lengthText(dataset, plane.h, across)} × ${lengthText(dataset, plane.v, down)}`]] : [];
  rows.push(['Pixels', `${pixels(across)} × ${pixels(down)} px`]);
  if (kind === 'line') return [['Distance', describeMeasure({ kind, plane, from, to }, measured, dataset)[0]], ...rows];
  for (const { label, mean, min, max, count } of measured.channels) {
    const name = measured.channels.length > 1 ? `${label}, ` : '';
    const title = (/** @type {string} */ what) => (name ? `${name}${what}` : what.charAt(0).toUpperCase() + what.slice(1));
    rows.push([title('mean'), valueText(mean)], [title('values'), `${valueText(min)} to ${valueText(max)}`], [title('count'), formatCount(count)]);
  }
  if (measured.level !== null) rows.push(['Values from', measured.level === 0 ? 'every pixel' : `level ${measured.level}`]);
  return rows;
}

/** @param {Measure} measure @param {Measured} measured @param {ImageDataset} dataset @returns {string[]} Lines of text. */
export function describeMeasure({ kind, plane, from, to }, measured, dataset) {
  const [across, down] = [Math.abs(to.h - from.h), Math.abs(to.v - from.v)];
  if (kind === 'line') {
    const { length, unit } = measured;
    return [length === null ? 'no common unit' : unit ? formatShort(length, unit, 4) : `${valueText(Math.round(length * 100) / 100)} px`];
  }
  const units = dataset.unit[plane.h] ? ` (${across} × ${down} px)` : '';
  const lines = [`${lengthText(dataset, plane.h, across)} × ${lengthText(dataset, plane.v, down)}${units}`];
  for (const { label, mean, min, max } of measured.channels) {
    const name = measured.channels.length > 1 ? `${label}: ` : '';
    lines.push(`${name}mean ${valueText(mean)}, ${valueText(min)} to ${valueText(max)}`);
  }
  if (measured.level) lines.push(`values of level ${measured.level}`);
  return lines;
}
