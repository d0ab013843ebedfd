// @ts-check
import { setText } from '../frame/dom.js';
import { formatCount, formatSi } from '../frame/si.js';
import { placeText, valueOf } from './texts.js';

/** The pointer over the plot, and what is said and shown of the place where it is. */
export class Hover {
  /** Share of the width, and CSS pixels from the top. @type {{anchor: number, y: number} | null} */ #pointer = null;

  /** @param {import('./panel.js').WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
  }

  /** Share of the width; the middle while the pointer is elsewhere. */
  get anchor() {
    return this.#pointer?.anchor ?? 0.5;
  }

  /** @param {number | null} anchor   Null: it leaves. @param {number} y */
  move(anchor, y) {
    this.#pointer = anchor === null ? null : { anchor, y };
    this.show();
  }

  show() {
    const { cover, dataset, host, plot, view: { cursor, dot, readout } } = this.panel;
    const pointer = cover ? null : this.#pointer;
    const row = pointer && plot.rowAt(pointer.y * plot.surface.scale);
    const trace = row?.traces.find((one) => one === plot.active) ?? row?.traces[0];
    const what = pointer && trace?.columns ? describeColumn(trace.columns, trace.window, pointer.anchor, dataset, trace.calibration) : null;
    cursor.hidden = readout.hidden = !what;
    dot.hidden = !what || what.code === null || Number.isNaN(what.code);
    const named = what && trace && plot.traces.length > 1 ? `${dataset.channelName(trace.ch)}   ${what.text}` : (what?.text ?? '');
    host.pointed(named);
    if (!what || !pointer || !trace) return;
    cursor.style.left = dot.style.left = readout.style.left = `${what.share * 100}%`;
    if (what.code !== null) dot.style.top = `${plot.verticalOf(what.code, trace.ch) / plot.surface.scale}px`;
    setText(readout, named);
    readout.classList.toggle('on-left', pointer.anchor > 0.5);
    readout.style.top = `${pointer.y}px`;
  }
}

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
function describeColumn(columns, { a, b }, anchor, dataset, calibration) {
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
