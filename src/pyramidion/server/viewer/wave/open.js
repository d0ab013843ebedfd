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
  const panel = new WavePanel(dataset, scheduler, host, store.where(''));
  return {
    title: dataset.name,
    element: panel.element,
    actions: panel.actions,
    tools: panel.tools,
    firstTool: '',
    tree: async () => (await import('./tree.js')).treeOf(panel),
    timeline: dataset.clockAt(panel.selection) === null ? null : timelineOf(panel),
    hint: 'Point at the trace for time and value',
    gestures: 'Wheel zooms at the pointer, dragging moves, Shift and dragging marks a stretch to zoom into, pressing sets the time cursor. Two fingers zoom, one moves. Shift with the wheel or a key goes ten times as far.',
    settled: () => panel.settled,
    refresh: () => panel.refresh(),
    levelText: () => panel.levelText(),
    spoken: () => panel.spoken(),
    stats: () => statsOf(panel),
    showHash: (state) => showHash(panel, state),
    hash: (before) => hashOf(panel, before),
    hooks: async () => (await import('./hooks.js')).hooksOf(panel),
  };
}

/** @param {WavePanel} panel */
function statsOf(panel) {
  const level = panel.level >= 0 ? panel.dataset.levels[panel.level] : null;
  return {
    drawMs: panel.drawMs, level: level?.array.path ?? null, samplesPerBin: level?.factor ?? null, complete: panel.columns?.complete ?? false,
  };
}

/** @param {WavePanel} panel @returns {import('../frame/types.js').Timeline} */
function timelineOf(panel) {
  return {
    span: () => [panel.clockOf(-0.5), panel.clockOf(panel.dataset.samples - 0.5)].map(Number),
    show(time) {
      const { start, interval } = panel.calibration;
      const position = (time - (panel.dataset.clockAt(panel.selection) ?? NaN) - start) / interval;
      panel.showNow(position);
      panel.follow(position);
    },
  };
}
