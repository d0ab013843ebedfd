// @ts-check
import { formatNumbers, parseNumbers } from '../frame/hash.js';
import { isFine, whole } from './texts.js';

/**
 * The waveform panel's view as part of a link: `v=1&p=wave&ch=0,1&trc=0&seg=0&t=<from>,<to>` with times in seconds; where
 * they differ from what is usual also `lay`, `segs`, the cursors `x` and `y`, `lens=<from>,<to>|...` and the notes
 * `n=<time>~<text>|...`, and how the spectrum is shown, `spec`.
 *
 * @typedef {import('./panel.js').WavePanel} WavePanel
 * @typedef {import('../frame/hash.js').HashState} HashState
 */

const LONGEST_NOTE = 200;
/** What this panel writes. */
const KEYS = ['t', 's', 'x', 'y', 'sx', 'sy', 'lay', 'segs', 'lens', 'n', 'spec'];

/**
 * @param {WavePanel} panel @param {HashState} before   Its unknown keys stay.
 * @returns {HashState}
 */
export function hashOf(panel, before) {
  const { channels, layout, trc, seg, window, cursors, notes, lenses, segments, spectrum } = panel.state.value;
  const { calibration } = panel;
  const time = (/** @type {number} */ position) => calibration.start + position * calibration.interval;
  const fine = isFine(calibration, window.a, window.b);
  // Where the clock starts so far away that seconds no longer tell samples apart, the link counts samples.
  const place = fine ? time : (/** @type {number} */ position) => position;
  const state = new Map(before);
  for (const key of KEYS) state.delete(key);
  state.set('v', '1').set('p', 'wave');
  state.set('ch', channels.join()).set('trc', String(trc)).set('seg', String(seg));
  state.set(fine ? 't' : 's', formatNumbers([window.a, window.b].map(place)));
  if (layout !== 'overlay') state.set('lay', layout);
  if (segments !== 'one') state.set('segs', segments);
  if (spectrum) state.set('spec', spectrum);
  for (const name of /** @type {const} */ (['x', 'y'])) {
    const at = cursors[name];
    if (at !== null) state.set(fine ? name : `s${name}`, String(place(at)));
  }
  if (lenses.length > 0) state.set('lens', lenses.map(({ a, b }) => formatNumbers([a, b].map(place))).join('|'));
  if (notes.length > 0) state.set('n', notes.map(({ at, text }) => `${place(at)}~${text.replaceAll('|', '/')}`).join('|'));
  return state;
}

/** @param {WavePanel} panel @param {HashState} state */
export function showHash(panel, state) {
  const view = panel.state.value;
  const number = (/** @type {string} */ key, /** @type {number} */ now) => (state.has(key) ? Number(state.get(key)?.split(',')[0]) : now);
  const channels = state.has('ch') ? (state.get('ch') ?? '').split(',').map(Number) : view.channels;
  panel.state.set({
    channels, trc: number('trc', view.trc), seg: number('seg', view.seg),
    layout: state.get('lay') === 'stacked' ? 'stacked' : 'overlay',
    segments: /** @type {'one'} */ (state.get('segs') ?? 'one'),
    spectrum: state.get('spec') ?? '',
  });
  showPlaces(panel, state);
}

/** The places in a link, once the channel is known whose clock they are told in. @param {WavePanel} panel @param {HashState} state */
function showPlaces(panel, state) {
  const { start, interval } = panel.calibration;
  const samples = parseNumbers(state.get('s'), 2);
  const times = parseNumbers(state.get('t'), 2);
  const position = (/** @type {number} */ place) => (samples ? place : tidy((place - start) / interval, start / interval));
  const cursor = (/** @type {'x' | 'y'} */ name) => {
    const place = parseNumbers(state.get(samples ? `s${name}` : name), 1);
    return place && position(place[0]);
  };
  const lenses = (state.get('lens') ?? '').split('|').map((text) => parseNumbers(text, 2)).filter((pair) => pair !== null);
  const notes = (state.get('n') ?? '').split('|').map((text) => {
    const at = text.indexOf('~');
    return { at: at > 0 ? position(Number(text.slice(0, at))) : NaN, text: whole(text.slice(at + 1), LONGEST_NOTE) };
  });
  panel.state.set({ cursors: { x: cursor('x'), y: cursor('y') }, lenses: lenses.map(([a, b]) => ({ a: position(a), b: position(b) })), notes });
  if (samples) panel.setWindow({ a: samples[0], b: samples[1] });
  else if (times) panel.setWindow({ a: position(times[0]), b: position(times[1]) });
}

/**
 * A position that was a sample, or an edge between two, before it was written as a time.
 *
 * @param {number} position @param {number} start   Of the clock, in samples: what is far away is written less finely. @returns {number}
 */
function tidy(position, start) {
  const near = Math.round(position * 2) / 2;
  return Math.abs(position - near) < 1e-6 + 1e-15 * (Math.abs(position) + Math.abs(start)) ? near : position;
}
