// @ts-check
import { formatCount } from '../frame/si.js';
import { lengthText, placeText, sizeText, valueText } from './texts.js';

/**
 * The view in numbers, for the table.
 *
 * @param {import('./panel.js').ImagePanel} panel @returns {[string, string][]}
 */
export function valueRows(panel) {
  const { dataset, place, look, pane, measuring } = panel;
  const { shape, unit } = dataset;
  const axes = /** @type {const} */ (['x', 'y', 'z']).filter((axis) => axis !== 'z' || dataset.volume);
  const where = (/** @type {'x' | 'y' | 'z'} */ axis, /** @type {number} */ at) => {
    const text = placeText(dataset, axis, at);
    return `${valueText(Math.round(at * 100) / 100)}${text ? ` · ${text}` : ''}`;
  };
  /** @type {[string, string][]} */ const rows = [
    ['Data', dataset.name],
    ['Size', sizeText(dataset)],
    ['Element type', dataset.dtype],
    ...axes.map((axis) => /** @type {[string, string]} */ ([`Pixel along ${axis}`, unit[axis] ? lengthText(dataset, axis, 1) : 'no unit'])),
    ['Planes', place.layout],
    ...axes.map((axis) => /** @type {[string, string]} */ ([`Middle of the view, ${axis}`, where(axis, place.centre[axis])])),
    ['Zoom', `${valueText(Number((place.zoom * pane.surface.scale).toPrecision(4)))} pixels of the screen for one of the image`],
  ];
  if (dataset.volume) for (const axis of axes) rows.push([`Slice ${axis}`, `${formatCount(place.point[axis])} of ${formatCount(shape[axis] - 1)}`]);
  if (dataset.movie) rows.push(['Time', `${place.t} of ${shape.t - 1}${unit.t ? ` · ${placeText(dataset, 't', place.t + 0.5)}` : ''}`]);
  for (const { label, visible, range } of look.channels.slice(0, 16)) {
    rows.push([label, visible ? (range ? `${valueText(range[0])} to ${valueText(range[1])}` : 'loading') : 'hidden']);
  }
  rows.push(['Colours', look.mapped ? look.map : 'of the channels'], ['Drawn from', panel.levelText()]);
  measuring.lines.forEach((line, i) => rows.push([i === 0 ? 'Measured' : '', line]));
  return rows;
}
