// @ts-check
import { edges } from './columns.js';

/** What tests and scripts may ask of a waveform panel. @param {import('./panel.js').WavePanel} panel */
export function hooksOf(panel) {
  return {
    /** @param {Partial<import('./dataset.js').Selection> & Partial<import('./state.js').WaveView> & {t?: [number, number], samples?: [number, number]}} view */
    setView({ t, samples, ch, ...rest }) {
      panel.state.set({ ...rest, ...(ch === undefined ? {} : { channels: [ch] }) });
      if (samples) panel.setWindow({ a: samples[0], b: samples[1] });
      else if (t) panel.setTimes(t[0], t[1]);
    },
    view() {
      const { window, calibration, selection } = panel;
      const time = (/** @type {number} */ position) => calibration.start + position * calibration.interval;
      return { ...panel.state.value, ...selection, samples: [window.a, window.b], t: [time(window.a), time(window.b)], now: panel.now };
    },
    /** The smallest and largest code drawn in each device column; null where nothing is drawn. @param {number} [ch] */
    columns(ch = panel.selection.ch) {
      const trace = panel.plot.traces.find((one) => one.ch === ch);
      if (!trace?.columns) return null;
      const { columns, window, level } = trace;
      const { factor } = panel.dataset.levels[level];
      const plain = (/** @type {Float64Array} */ codes) => Array.from(codes, (code, x) => (columns.lo[x] <= columns.hi[x] ? code : null));
      const exact = columns.complete && factor <= (window.b - window.a) / columns.width;
      return {
        samples: [window.a, window.b], width: columns.width, samplesPerBin: factor, complete: columns.complete, lo: plain(columns.lo), hi: plain(columns.hi),
        /** Column x is the minimum and maximum of the samples edges[x] up to edges[x + 1]; null where bins are wider than columns. */
        edges: exact ? [...edges({ ...window, width: columns.width, samples: panel.dataset.samples }, factor)] : null,
      };
    },
    /** Where a code is drawn: device pixels from the top of the canvas. @param {number} code @param {number} [ch] */
    y: (/** @type {number} */ code, /** @type {number} */ ch) => panel.plot.verticalOf(code, ch),
    /** Bands of the plot: channel, top, height in device pixels and values at their edges. */
    rows: () => panel.plot.rows.map(({ ch, top, height, min, max }) => ({ ch, top, height, min, max })),
  };
}
