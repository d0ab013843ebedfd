// @ts-check
import { formatCount, formatShort, formatSi, formatTo } from '../frame/si.js';
import { visibleSamples } from './columns.js';

/**
 * What the panel says in words and numbers. Pure text.
 *
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Calibration} Calibration
 * @typedef {import('./window.js').Window} Window
 */

/** @param {Calibration} calibration @param {number} position In samples. @returns {number} */
export function timeAt(calibration, position) {
  return calibration.start + position * calibration.interval;
}

/** Sample intervals from time zero up to which float64 times still resolve a thousandth of a sample. */
const FINE = 1e12;

/** @param {Calibration} calibration @param {...number} positions @returns {boolean} Whether times tell samples apart there. */
export function isFine({ start, interval }, ...positions) {
  return positions.every((position) => Math.abs(start / interval + position) < FINE) && Math.abs(start / interval) < FINE;
}

/**
 * Where times are counted from when they are shown: where the clock starts so far away that they no longer tell samples
 * apart, from the first sample.
 *
 * @param {Calibration} calibration @param {...number} positions @returns {{start: number, from: string}} `from`: in words; '' for the clock itself.
 */
export function shownStart(calibration, ...positions) {
  return isFine(calibration, ...positions) ? { start: calibration.start, from: '' } : { start: 0, from: 'from sample 0' };
}

/** @param {string} time @param {string} from   As `shownStart` has it. @returns {string} */
export function clockText(time, from) {
  return from ? `${time} ${from}` : time;
}

/** @param {Calibration} calibration @param {number} position   In samples. @param {number} resolution @param {string} unit @returns {string} Its time. */
export function placeText(calibration, position, resolution, unit) {
  const { start, from } = shownStart(calibration, position);
  return clockText(formatTo(start + position * calibration.interval, resolution, unit), from);
}

/** The beginning of a text; never half a sign of two parts, of which no link can be made. @param {string} text @param {number} length @returns {string} */
export function whole(text, length) {
  return text.slice(0, length).replace(/\p{Surrogate}/gu, '');
}

/** @param {Calibration} calibration @param {number} code @returns {number} */
export function valueOf(calibration, code) {
  return code * calibration.gain - calibration.offset;
}

/**
 * @param {number} factor
 * @param {'whole' | 'loading' | 'partial'} state   Partial: some of it could not be had, and is drawn coarser.
 * @returns {string}
 */
export function levelText(factor, state) {
  const text = factor === 1 ? 'every sample' : `min and max of ${formatCount(factor)} samples a bin`;
  return text + { whole: '', loading: ' · loading', partial: ' · coarser where that could not be read' }[state];
}

/** @param {WaveDataset} dataset @param {readonly import('./dataset.js').Selection[]} selections @param {Calibration} calibration  Of the first. */
export function captionText(dataset, selections, calibration) {
  const { channels, trcs, segments } = dataset.shape;
  const [selection] = selections;
  const parts = [];
  if (channels > 1) parts.push(selections.map(({ ch }) => dataset.channelName(ch)).join(', '));
  if (trcs > 1) parts.push(`Trace ${selection.trc}`);
  if (segments > 1) parts.push(`Segment ${selection.seg}`);
  if (calibration.trigger !== null) parts.push(`trigger at ${formatShort(calibration.trigger, dataset.timeUnit, 9)}`);
  return parts.join(' · ');
}

/** @param {WaveDataset} dataset @param {Calibration} calibration @param {Window} window @returns {string} */
export function summaryText(dataset, calibration, { a, b }) {
  const { first, end } = visibleSamples(a, b, dataset.samples);
  const count = end - first;
  return `${formatSi((b - a) * calibration.interval, dataset.timeUnit)} · ${formatCount(count)} sample${count === 1 ? '' : 's'}`;
}
