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

/**
 * @param {object} view
 * @param {WaveDataset} view.dataset
 * @param {readonly import('./types.js').Trace[]} view.traces   What is drawn, the active channel first.
 * @param {Calibration} view.calibration   Of the active channel.
 * @param {Window} view.window
 * @param {string} view.level
 * @returns {[string, string][]}
 */
export function valueRows({ dataset, traces, calibration, window, level }) {
  const { timeUnit, shape } = dataset;
  const seen = visibleSamples(window.a, window.b, dataset.samples);
  const resolution = calibration.interval / 10;
  const [active] = traces;
  if (!active) return [];
  /** @type {[string, string][]} */ const rows = [
    ['Data', dataset.name],
    ['Channel', `${active.ch} of ${shape.channels}`],
    ['Trace', `${active.selection.trc} of ${shape.trcs}`],
    ['Segment', `${active.selection.seg} of ${shape.segments}`],
    ['Samples in the record', formatCount(shape.samples)],
    ['Sample interval', formatShort(calibration.interval, timeUnit, 9)],
    ['Time of sample 0', formatTo(calibration.start, resolution, timeUnit)],
    ['Trigger time', calibration.trigger === null ? 'not recorded' : formatShort(calibration.trigger, timeUnit, 12)],
    ['View from', placeText(calibration, window.a, resolution, timeUnit)],
    ['View to', placeText(calibration, window.b, resolution, timeUnit)],
    ['View width', formatShort((window.b - window.a) * calibration.interval, timeUnit, 6)],
    ['Samples in view', formatCount(seen.end - seen.first)],
    ...traces.flatMap((trace) => extremeRows(dataset, trace, traces.length > 1)),
    ['Drawn from', level],
  ];
  return rows.concat(instrumentRows(dataset.attributes));
}

/** @param {WaveDataset} dataset @param {import('./types.js').Trace} trace @param {boolean} named @returns {[string, string][]} */
function extremeRows(dataset, { ch, columns, calibration }, named) {
  const codes = columns?.range();
  const ends = codes ? [valueOf(calibration, codes.min), valueOf(calibration, codes.max)] : null;
  const name = named ? `, ${dataset.channelName(ch)}` : '';
  const text = (/** @type {(...values: number[]) => number} */ which) => (ends ? formatShort(which(...ends), dataset.valueUnit, 6) : 'not loaded');
  return [[`Smallest value in view${name}`, text(Math.min)], [`Largest value in view${name}`, text(Math.max)]];
}

/** @param {Record<string, unknown>} attributes @returns {[string, string][]} The plain values the source left. */
function instrumentRows(attributes) {
  const own = /^(pyramidion|horiz_|vertical_|trigger_|clip_codes|multiscales|zarr_conventions)/;
  const rows = [];
  const instrument = attributes.instrument;
  const nested = typeof instrument === 'object' && instrument !== null ? Object.entries(instrument) : [];
  const flat = Object.entries(attributes).filter(([key]) => !own.test(key) && key !== 'instrument');
  for (const [key, value] of [...flat, ...nested]) {
    if (['string', 'number', 'boolean'].includes(typeof value)) rows.push(/** @type {[string, string]} */ ([key, String(value).slice(0, 200)]));
  }
  return rows.slice(0, 60);
}
