// @ts-check
import { formatNumbers, parseNumbers } from '../frame/hash.js';

/**
 * The waveform panel's view as part of a link: `v=1&p=wave&ch=0&trc=0&seg=0&t=<from>,<to>` with times in seconds.
 *
 * @typedef {import('./panel.js').WavePanel} WavePanel
 * @typedef {import('../frame/hash.js').HashState} HashState
 */

/** Sample intervals from time zero up to which float64 seconds still resolve a thousandth of a sample. */
const FINE = 1e12;

/**
 * @param {WavePanel} panel @param {HashState} before   Its unknown keys stay.
 * @returns {HashState}
 */
export function hashOf(panel, before) {
  const { selection, window, calibration } = panel;
  const state = new Map(before);
  state.delete('t');
  state.delete('s');
  state.set('v', '1').set('p', 'wave');
  state.set('ch', String(selection.ch)).set('trc', String(selection.trc)).set('seg', String(selection.seg));
  const ends = [window.a, window.b].map((position) => calibration.start + position * calibration.interval);
  const fine = Math.max(...ends.map(Math.abs)) / calibration.interval < FINE;
  // Where the clock starts so far away that seconds no longer tell samples apart, the link counts samples.
  state.set(fine ? 't' : 's', formatNumbers(fine ? ends : [window.a, window.b]));
  return state;
}

/** @param {WavePanel} panel @param {HashState} state */
export function showHash(panel, state) {
  const whole = (/** @type {string} */ key, /** @type {number} */ now) => (state.has(key) ? Number(state.get(key)?.split(',')[0]) : now);
  const { ch, trc, seg } = panel.selection;
  panel.select({ ch: whole('ch', ch), trc: whole('trc', trc), seg: whole('seg', seg) });
  const samples = parseNumbers(state.get('s'), 2);
  const times = parseNumbers(state.get('t'), 2);
  if (samples) panel.setWindow({ a: samples[0], b: samples[1] });
  else if (times) panel.setTimes(times[0], times[1]);
}
