// @ts-check
import { formatShort } from '../frame/si.js';
import { summarise } from './sampling.js';
import { lengthText, valueText } from './texts.js';

/**
 * A distance or a rectangle in one plane, between two positions in pixels of level 0.
 *
 * @typedef {import('./geometry.js').Plane} Plane
 * @typedef {import('./dataset.js').ImageDataset} ImageDataset
 * @typedef {{kind: 'line' | 'box', plane: Plane, from: {h: number, v: number}, to: {h: number, v: number}}} Measure
 *
 * @typedef {{label: string, mean: number, min: number, max: number, count: number}} Summary   Of one channel.
 * @typedef {object} Measured
 * @property {number} width     In units of the horizontal axis, pixels where it has none.
 * @property {number} height
 * @property {number | null} length   Of the line between its ends; null where the two axes have different units.
 * @property {string} unit
 * @property {Summary[]} channels     Of a rectangle.
 * @property {number | null} level    The values are from this one; null while they are not here.
 */

/**
 * @param {Measure} measure @param {ImageDataset} dataset
 * @param {import('./pane.js').Pane} pane   Its values are taken.
 * @returns {Measured}
 */
export function evaluate({ kind, plane, from, to }, dataset, pane) {
  const unit = dataset.unit[plane.h];
  const same = unit === dataset.unit[plane.v];
  const width = Math.abs(to.h - from.h) * (unit ? dataset.scale[plane.h] : 1);
  const height = Math.abs(to.v - from.v) * (dataset.unit[plane.v] ? dataset.scale[plane.v] : 1);
  /** @type {Measured} */ const measured = { width, height, length: same ? Math.hypot(width, height) : null, unit, channels: [], level: null };
  if (kind === 'line') return measured;
  for (const { index, label } of pane.tiles.look.visible) {
    const { patches, level, whole } = pane.patches(index, { h0: from.h, h1: to.h, v0: from.v, v1: to.v });
    if (patches.length === 0) continue;
    const { count, sum, min, max } = summarise(patches);
    measured.channels.push({ label, mean: sum / count, min, max, count });
    measured.level = whole ? level.number : Math.max(measured.level ?? 0, level.number);
  }
  return measured;
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
