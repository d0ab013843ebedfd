// @ts-check
import { formatCount, formatSi } from '../frame/si.js';
import { placeText, valueOf } from './texts.js';

/**
 * What lies under the pointer: the nearest sample where samples are drawn as a line, else the extremes of the column.
 *
 * @param {import('./columns.js').Columns} columns
 * @param {import('./window.js').Window} window
 * @param {number} anchor   Share of the width.
 * @param {import('./dataset.js').WaveDataset} dataset
 * @param {import('./dataset.js').Calibration} calibration
 * @returns {{share: number, text: string, code: number | null} | null}   `code` when it is one sample.
 */
export function describeColumn(columns, { a, b }, anchor, dataset, calibration) {
  const { timeUnit, valueUnit } = dataset;
  const position = a + (b - a) * anchor;
  const sample = Math.round(position);
  const run = columns.runs.find(({ first, count }) => sample >= first && sample < first + count);
  if (run) {
    const time = placeText(calibration, sample, calibration.interval / 10, timeUnit);
    const code = run.data[run.at + sample - run.first];
    const value = formatSi(valueOf(calibration, code), valueUnit, 5);
    return { share: (sample - a) / (b - a), code, text: `${time}   ${value}   sample ${formatCount(sample)}` };
  }
  const x = Math.max(0, Math.min(columns.width - 1, Math.floor(anchor * columns.width)));
  const resolution = Math.max(calibration.interval, ((b - a) / columns.width) * calibration.interval);
  const time = placeText(calibration, position, resolution, timeUnit);
  const [low, high] = [columns.lo[x], columns.hi[x]];
  if (!(low <= high)) return { share: anchor, code: null, text: `${time}   no value` };
  const ends = [valueOf(calibration, low), valueOf(calibration, high)].sort((p, q) => p - q);
  const text = low === high ? formatSi(ends[0], valueUnit, 5) : `${formatSi(ends[0], valueUnit, 4)} to ${formatSi(ends[1], valueUnit, 4)}`;
  return { share: anchor, code: null, text: `${time}   ${text}` };
}
