// @ts-check
import { formatCount, formatShort, formatTo } from '../frame/si.js';
import { visibleSamples } from './columns.js';
import { placeText, valueOf } from './texts.js';

/**
 * The view in numbers, for those who cannot see the picture. Pure text.
 *
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Calibration} Calibration
 * @typedef {import('./window.js').Window} Window
 */

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
