// @ts-check
import { openWaveform } from './dataset.js';
import { hashOf, showHash } from './link.js';
import { WavePanel } from './panel.js';

/**
 * Open a waveform store in a panel.
 *
 * @param {import('../frame/types.js').Page} page
 * @returns {Promise<import('../frame/types.js').Panel>}
 */
export async function openPanel({ store, group, scheduler, host }) {
  const dataset = await openWaveform(store, group);
  const panel = new WavePanel(dataset, scheduler, host);
  return {
    title: dataset.name,
    element: panel.element,
    actions: panel.actions,
    hint: 'Point at the trace for time and value',
    gestures: 'Wheel zooms at the pointer, dragging moves, Shift and dragging marks a stretch to zoom into. Two fingers zoom, one moves. Shift with the wheel or a key goes ten times as far.',
    settled: () => panel.settled,
    refresh: () => panel.refresh(),
    levelText: () => panel.levelText(),
    spoken: () => panel.spoken(),
    stats: () => statsOf(panel),
    showHash: (state) => showHash(panel, state),
    hash: (before) => hashOf(panel, before),
    hooks: async () => hooksOf(panel),
  };
}

/** @param {WavePanel} panel */
function statsOf(panel) {
  const level = panel.level >= 0 ? panel.dataset.levels[panel.level] : null;
  return {
    drawMs: panel.drawMs, level: level?.array.path ?? null, samplesPerBin: level?.factor ?? null, complete: panel.columns?.complete ?? false,
  };
}

/** @param {WavePanel} panel */
function hooksOf(panel) {
  return {
    /** @param {{ch?: number, trc?: number, seg?: number, t?: [number, number], samples?: [number, number]}} view */
    setView({ t, samples, ...selection }) {
      panel.select(selection);
      if (samples) panel.setWindow({ a: samples[0], b: samples[1] });
      else if (t) panel.setTimes(t[0], t[1]);
    },
    view() {
      const { selection, window, calibration } = panel;
      const time = (/** @type {number} */ position) => calibration.start + position * calibration.interval;
      return { ...selection, samples: [window.a, window.b], t: [time(window.a), time(window.b)] };
    },
    /** The smallest and largest code drawn in each device column; null where nothing is drawn. */
    columns() {
      const { columns, window, level, dataset } = panel;
      if (!columns) return null;
      const plain = (/** @type {Float64Array} */ codes) => Array.from(codes, (code, x) => (columns.lo[x] <= columns.hi[x] ? code : null));
      return {
        samples: [window.a, window.b], width: columns.width, samplesPerBin: dataset.levels[level].factor,
        complete: columns.complete, lo: plain(columns.lo), hi: plain(columns.hi),
      };
    },
    /** Where a code is drawn: device pixels from the top of the canvas. @param {number} code */
    y: (/** @type {number} */ code) => panel.verticalOf(code),
  };
}
