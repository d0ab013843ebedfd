// @ts-check
import { State } from '../frame/state.js';
import { clampWindow, wholeRecord } from './window.js';

/**
 * What a waveform view shows. Positions are in samples of the record of the active channel.
 *
 * @typedef {import('./window.js').Window} Window
 *
 * @typedef {object} WaveView
 * @property {readonly number[]} channels   Those that are shown; the first is the active one.
 * @property {'overlay' | 'stacked'} layout
 * @property {number} trc
 * @property {number} seg
 * @property {Window} window
 * @property {{x: number | null, y: number | null}} cursors
 * @property {readonly {at: number, text: string}[]} notes
 * @property {readonly Window[]} lenses
 * @property {'one' | 'under' | 'density'} segments   How the segments are shown.
 * @property {string} spectrum   How the spectrum is shown, in the words of `tools/spectrumsettings.js`; '' for as usual.
 */

const MOST_NOTES = 64;
const MOST_LENSES = 4;

/** @param {import('./dataset.js').WaveDataset} dataset @returns {State<WaveView>} */
export function waveState(dataset) {
  /** @type {WaveView} */ const first = {
    channels: [0], layout: 'overlay', trc: 0, seg: 0, window: wholeRecord(dataset.samples),
    cursors: { x: null, y: null }, notes: [], lenses: [], segments: 'one', spectrum: '',
  };
  return new State(first, (view) => settle(view, dataset));
}

/** @param {WaveView} view @param {import('./dataset.js').WaveDataset} dataset @returns {WaveView} */
function settle(view, dataset) {
  const { samples } = dataset;
  const { trc, seg } = dataset.clamp({ trc: view.trc, seg: view.seg });
  const channels = [...new Set(view.channels.map((ch) => dataset.clamp({ ch }).ch))];
  const sample = (/** @type {number | null} */ at) =>
    at === null || !Number.isFinite(at) ? null : Math.max(0, Math.min(samples - 1, Math.round(at)));
  return {
    channels: channels.length ? channels : [0],
    layout: view.layout === 'stacked' ? 'stacked' : 'overlay',
    trc, seg,
    window: clampWindow(view.window, samples),
    cursors: { x: sample(view.cursors.x), y: sample(view.cursors.y) },
    notes: view.notes.filter(({ at }) => Number.isFinite(at)).slice(0, MOST_NOTES).map(({ at, text }) => ({ at: Math.round(at), text })),
    lenses: view.lenses.slice(0, MOST_LENSES).map((lens) => clampWindow(lens, samples)),
    segments: dataset.shape.segments > 1 && (view.segments === 'under' || view.segments === 'density') ? view.segments : 'one',
    spectrum: view.spectrum,
  };
}
