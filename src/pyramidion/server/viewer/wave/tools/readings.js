// @ts-check
import { formatCount, formatSi, formatTo, scaled } from '../../frame/si.js';
import { placeText } from '../texts.js';

/**
 * Measurements as rows of text, and as numbers to copy. Pure text.
 *
 * @typedef {object} Units
 * @property {string} time
 * @property {string} value
 *
 * @typedef {object} Reading
 * @property {string} id
 * @property {string} label
 * @property {string} [full]   The label where nothing stands above it.
 * @property {string} text
 * @property {number | null} value   In base units; null where there is none.
 * @property {string} unit           Of `value`.
 */

const ORDER = [
  'samples', 'nans', 'clipped', 'min', 'min-at', 'max', 'max-at', 'peak-to-peak', 'mean', 'rms', 'deviation', 'base', 'top', 'frequency', 'period', 'cycles',
  'duty', 'rise', 'rises', 'fall', 'falls',
];
const DIGITS = 6;
const RATE_DIGITS = 7;

/** @param {string} timeUnit @returns {string} */
export function rateUnit(timeUnit) {
  return timeUnit === 's' ? 'Hz' : `1/${timeUnit}`;
}

/** @param {number} rate @param {string} timeUnit @returns {string} A frequency. */
export function rateText(rate, timeUnit) {
  // `k1/m` would say something else: a rate over anything but seconds has no prefix.
  return timeUnit === 's' ? formatSi(rate, 'Hz', RATE_DIGITS) : `${formatSi(rate, '', RATE_DIGITS)} ${rateUnit(timeUnit)}`;
}

/** @param {number} time   A distance on the axis. @param {number} interval @param {string} unit @returns {string} */
export function timeText(time, interval, unit) {
  return formatTo(time, interval / 10, unit);
}

/** @param {import('../dataset.js').Calibration} calibration @param {number} position   In samples. @param {string} unit @returns {string} A place on the axis. */
export function positionText(calibration, position, unit) {
  return placeText(calibration, position, calibration.interval / 10, unit);
}

/** @param {number} value @param {string} unit @returns {string} */
export function valueText(value, unit) {
  return formatSi(value, unit, DIGITS);
}

/** @param {number} share @returns {string} */
function percentText(share) {
  return `${scaled(share * 100, 0, 3)} %`;
}

/**
 * What is exact at any width: from the smallest and the largest code.
 *
 * @param {import('../reader.js').Extremes} extremes
 * @param {import('../dataset.js').Calibration} calibration @param {Units} units
 * @returns {Reading[]}
 */
export function extremeReadings({ min, max, minAt, maxAt }, calibration, units) {
  const { gain, offset, interval, start } = calibration;
  if (min === null || max === null || minAt === null || maxAt === null) return [];
  const ends = [{ value: min * gain - offset, at: minAt }, { value: max * gain - offset, at: maxAt }];
  const [low, high] = gain < 0 ? ends.reverse() : ends;
  const value = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number} */ number) =>
    ({ id, label, text: valueText(number, units.value), value: number, unit: units.value });
  const time = (/** @type {string} */ id, /** @type {string} */ full, /** @type {number} */ at) =>
    ({ id, label: 'at', full, text: positionText(calibration, at, units.time), value: start + at * interval, unit: units.time });
  return [
    value('min', 'Minimum', low.value), time('min-at', 'Minimum at', low.at),
    value('max', 'Maximum', high.value), time('max-at', 'Maximum at', high.at),
    value('peak-to-peak', 'Peak to peak', high.value - low.value),
  ];
}

/**
 * What needs every sample.
 *
 * @param {import('../measuring.js').Measured} measured
 * @param {import('../dataset.js').Calibration} calibration @param {Units} units
 * @returns {Reading[]}
 */
export function sampleReadings(measured, { interval }, units) {
  const { levels, timing } = measured;
  const reading = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number | undefined} */ number, /** @type {(n: number) => string} */ text, /** @type {string} */ unit) => {
    const known = number !== undefined && Number.isFinite(number);
    return { id, label, text: known ? text(number) : '\u2014', value: known ? number : null, unit };
  };
  const value = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number | undefined} */ number) =>
    reading(id, label, number, (n) => valueText(n, units.value), units.value);
  const time = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number | undefined} */ samples) =>
    reading(id, label, samples === undefined ? samples : samples * interval, (n) => formatSi(n, units.time, RATE_DIGITS), units.time);
  const rate = timing && timing.cycles > 0 ? 1 / (timing.period * interval) : undefined;
  const between = levels && !levels.bistable ? ' (smallest)' : '';
  const above = levels && !levels.bistable ? ' (largest)' : '';
  return [
    value('mean', 'Mean', measured.mean), value('rms', 'RMS', measured.rms), value('deviation', 'Standard deviation', measured.deviation),
    value('base', `Base${between}`, levels?.base), value('top', `Top${above}`, levels?.top),
    reading('frequency', 'Frequency', rate, (n) => rateText(n, units.time), rateUnit(units.time)),
    time('period', 'Period', timing?.period),
    reading('cycles', 'Whole cycles', timing?.cycles, formatCount, ''),
    reading('duty', 'Duty cycle', timing?.duty, percentText, ''),
    time('rise', 'Rise time 10–90 %', timing?.rise.mean), reading('rises', 'rises counted', timing?.rise.count, formatCount, ''),
    time('fall', 'Fall time 90–10 %', timing?.fall.mean), reading('falls', 'falls counted', timing?.fall.count, formatCount, ''),
  ];
}

/**
 * Rows of tab-separated numbers in base units, for a spreadsheet.
 *
 * @param {readonly string[]} names   Of the columns. @param {readonly (readonly Reading[])[]} columns   Rows are matched by their names.
 * @returns {string}
 */
export function tabbed(names, columns) {
  const clean = (/** @type {string} */ text) => text.replace(/\s+/g, ' ');
  const rows = unite(columns).map(({ id, label, full, unit }) => {
    const numbers = columns.map((readings) => readings.find((one) => one.id === id)?.value ?? '');
    return [clean(full ?? label), clean(unit), ...numbers.map(String)].join('\t');
  });
  return [['measurement', 'unit', ...names.map(clean)].join('\t'), ...rows].join('\n');
}

/** Every row that some column has. @param {readonly (readonly Reading[])[]} columns @returns {Reading[]} */
export function unite(columns) {
  const rows = columns.flat().filter(({ id }, i, all) => all.findIndex((one) => one.id === id) === i);
  return rows.sort((p, q) => ORDER.indexOf(p.id) - ORDER.indexOf(q.id));
}
