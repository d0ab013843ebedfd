// @ts-check
import { h } from '../../frame/dom.js';
import { formatCount, formatShort, formatSi, niceStep } from '../../frame/si.js';
import { lanes } from '../under.js';
import { placeText, valueOf } from '../texts.js';
import { ColourLayer, DensityLayer } from './segmentlayers.js';

/**
 * What is written over a picture of many segments: numbers of lanes, trigger times, what the colours mean.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../types.js').Paint} Paint
 * @typedef {import('./segmentpicture.js').SegmentPicture} SegmentPicture
 * @typedef {import('./segmentpicture.js').Goal} Goal
 */

const LABEL_ROOM = 17; // CSS pixels that a label needs
const LEAST = 170; // CSS pixels of height with which there is room for a legend
const TIMED = 70; // CSS pixels of width that a trigger time needs
const BAR = { width: 132, height: 9, edge: 12, raised: 40 }; // CSS pixels; raised above the panel's own words on narrow screens

/**
 * Number and trigger time of the lanes beside the plot, and a sign at the current one.
 *
 * @param {Paint} paint @param {WavePanel} panel @param {Goal} goal
 */
export function drawLanes(paint, panel, { from, to, active }) {
  const { height, scale } = paint;
  const count = to - from;
  const { top } = lanes(count, height, scale);
  const timed = panel.dataset.calibration(active).trigger !== null && panel.view.yAxis.clientWidth >= TIMED;
  const step = Math.max(1, Math.round(niceStep(((timed ? 2 : 1) * LABEL_ROOM * scale * count) / height)));
  const ticks = [];
  for (let lane = Math.ceil(from / step) * step - from; lane < count; lane += step) {
    const { trigger } = panel.dataset.calibration({ ...active, seg: from + lane });
    const time = timed && trigger !== null ? h('small', {}, formatShort(trigger, panel.dataset.timeUnit, 5)) : null;
    const tick = h('span', { class: 'tick lane-name' }, formatCount(from + lane), time);
    const middle = (top(lane) + top(lane + 1)) / 2 / scale;
    tick.style.top = `${Math.max(LABEL_ROOM / 2, middle).toFixed(1)}px`;
    ticks.push(tick);
  }
  panel.view.yAxis.firstElementChild?.replaceChildren(...ticks, h('span', { class: 'unit' })); // values have no axis here
  const current = panel.selection.seg - from;
  if (current >= 0 && current < count) drawCurrent(paint, top(current), top(current + 1));
}

/** Point at the lane of the current segment from both ends. @param {Paint} paint @param {number} top @param {number} bottom */
function drawCurrent({ context, width, scale, css }, top, bottom) {
  const middle = (top + bottom) / 2;
  const size = 6 * scale;
  context.fillStyle = css('--accent');
  context.beginPath();
  context.moveTo(0, middle - size);
  context.lineTo(1.4 * size, middle);
  context.lineTo(0, middle + size);
  context.moveTo(width, middle - size);
  context.lineTo(width - 1.4 * size, middle);
  context.lineTo(width, middle + size);
  context.fill();
}

/** @param {Paint} paint @param {string} text @param {number} x @param {number} y   Of its middle. */
function label({ context, scale, css }, text, x, y) {
  const wide = context.measureText(text).width;
  context.globalAlpha = 0.82;
  context.fillStyle = css('--surface');
  context.fillRect(x - 4 * scale, y - 8 * scale, wide + 8 * scale, 16 * scale);
  context.globalAlpha = 1;
  context.fillStyle = css('--text');
  context.fillText(text, x, y);
}

/**
 * What the colours mean, at the lower left: counts of a density, values of lanes; for lines, what a lane spans.
 *
 * @param {Paint} paint @param {WavePanel} panel @param {SegmentPicture} picture @param {boolean} log
 */
export function drawLegend(paint, panel, picture, log) {
  const { context, height, scale } = paint;
  const { layer, range } = picture;
  const { valueUnit } = panel.dataset;
  if (height < LEAST * scale) return; // the drawer says it, too
  const edge = BAR.edge * scale;
  const bottom = height - (matchMedia('(max-width: 700px)').matches ? BAR.raised : BAR.edge) * scale;
  context.font = `${11.5 * scale}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  if (layer instanceof DensityLayer) {
    const words = layer.most > 1 ? ['1', `${formatCount(layer.most)} segments${log ? ', logarithmic' : ''}`] : ['', '1 segment'];
    drawBar(paint, bottom, ['--density-few', '--density-some', '--density-most'], words);
  } else if (layer instanceof ColourLayer) {
    const calibration = panel.dataset.calibration(picture.goal.active);
    const middle = valueOf(calibration, layer.middle);
    const reach = layer.reach * Math.abs(calibration.gain);
    drawBar(paint, bottom, ['--value-low', '--value-middle', '--value-high'], [formatSi(middle - reach, valueUnit, 3), formatSi(middle + reach, valueUnit, 3)]);
  } else if (range) {
    label(paint, `each lane ${formatShort(range.min, valueUnit, 3)} to ${formatShort(range.max, valueUnit, 3)}`, edge, bottom - 4 * scale);
  }
}

/** @param {Paint} paint @param {number} bottom @param {readonly string[]} colours @param {readonly string[]} words   Left and right of it. */
function drawBar(paint, bottom, colours, words) {
  const { context, scale, css } = paint;
  const [edge, high, gap] = [BAR.edge * scale, BAR.height * scale, 6 * scale];
  const widths = words.map((word) => context.measureText(word).width);
  const wide = BAR.width * scale;
  const y = bottom - high;
  context.globalAlpha = 0.86;
  context.fillStyle = css('--surface');
  context.fillRect(edge - gap, y - gap, widths[0] + widths[1] + wide + 4 * gap, high + 2 * gap);
  context.globalAlpha = 1;
  const left = edge + widths[0] + (widths[0] ? gap : 0);
  const shades = context.createLinearGradient(left, 0, left + wide, 0);
  colours.forEach((name, i) => shades.addColorStop(i / (colours.length - 1), css(name)));
  context.fillStyle = shades;
  context.fillRect(left, y, wide, high);
  context.strokeStyle = css('--line');
  context.lineWidth = scale;
  context.strokeRect(left, y, wide, high);
  context.fillStyle = css('--text');
  context.fillText(words[0], edge, y + high / 2);
  context.fillText(words[1], left + wide + gap, y + high / 2);
}

/**
 * What lies under the pointer.
 *
 * @param {WavePanel} panel @param {SegmentPicture} picture
 * @param {number} left @param {number} top   CSS pixels on the plot.
 * @returns {string}
 */
export function describeAt(panel, picture, left, top) {
  const { goal, layer, count, range } = picture;
  const { dataset, window, calibration } = panel;
  const { timeUnit, valueUnit } = dataset;
  const { width, height } = picture;
  const x = Math.floor(left * goal.scale * (width / goal.width));
  const y = Math.floor(top * goal.scale * (height / goal.height));
  if (x < 0 || y < 0 || x >= width || y >= height || !range) return '';
  const step = (window.b - window.a) / width;
  const time = placeText(calibration, window.a + (x + 0.5) * step, Math.max(1, step) * calibration.interval, timeUnit);
  if (layer instanceof DensityLayer) {
    const value = formatSi(range.max - ((y + 0.5) / height) * (range.max - range.min), valueUnit, 4);
    return `${time}   ${value}   ${formatCount(layer.countAt(x, y))} of ${formatCount(count)} segments`;
  }
  const seg = goal.from + Math.min(count - 1, Math.floor(((y + 0.5) / height) * count));
  const { trigger } = dataset.calibration({ ...goal.active, seg });
  return `${time}   segment ${formatCount(seg)}${trigger === null ? '' : `   trigger at ${formatShort(trigger, timeUnit, 9)}`}`;
}
