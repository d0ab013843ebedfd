// @ts-check
import { visibleSamples } from '../columns.js';
import { shifted } from '../plot.js';

/**
 * Which samples a tool works on.
 *
 * @typedef {import('../dataset.js').Selection} Selection
 *
 * @typedef {object} Stretch
 * @property {Selection} selection
 * @property {import('../dataset.js').Calibration} calibration
 * @property {number} from   The first sample of it,
 * @property {number} to     and the one behind the last.
 */

/**
 * The samples of each visible channel in the window.
 *
 * @param {import('../panel.js').WavePanel} panel
 * @returns {Stretch[]} The active channel first.
 */
export function stretchesInView(panel) {
  return stretches(panel, panel.window);
}

/**
 * The samples of each visible channel from one position to another, both included.
 *
 * @param {import('../panel.js').WavePanel} panel @param {number} p @param {number} q   In samples of the active channel.
 * @returns {Stretch[]}
 */
export function stretchesBetween(panel, p, q) {
  return stretches(panel, { a: Math.min(p, q) - 0.5, b: Math.max(p, q) + 0.5 });
}

/** @param {import('../panel.js').WavePanel} panel @param {import('../window.js').Window} window @returns {Stretch[]} */
function stretches(panel, window) {
  const { dataset, selections } = panel;
  return selections.map((selection) => {
    const own = shifted(window, dataset, selections[0], selection);
    const { first, end } = visibleSamples(own.a, own.b, dataset.samples);
    return { selection, calibration: dataset.calibration(selection), from: first, to: end };
  });
}

/**
 * The sample of another channel that was taken nearest to a position of the active one.
 *
 * @param {import('../panel.js').WavePanel} panel @param {number} position @param {Selection} selection
 * @returns {number | null} Null where that lies outside its record.
 */
export function sampleAt(panel, position, selection) {
  const { a } = shifted({ a: position, b: position }, panel.dataset, panel.selection, selection);
  const sample = Math.round(a);
  return sample >= 0 && sample < panel.dataset.samples ? sample : null;
}
