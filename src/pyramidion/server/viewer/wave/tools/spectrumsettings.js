// @ts-check
import { parseNumbers } from '../../frame/hash.js';
import { WINDOWS } from '../windows.js';

/**
 * What is chosen for a spectrum, and how a link says it: words with commas between them, in any order, for what is not as
 * usual. `flat-top,peak,log,with-mean,1e6~2e6`
 *
 * @typedef {import('../spectra.js').Kind} Kind
 *
 * @typedef {object} Settings
 * @property {string} shape      Name of the window.
 * @property {Kind} kind
 * @property {boolean} log       Frequencies on a logarithmic axis.
 * @property {boolean} centred   The mean is taken away.
 * @property {{from: number, to: number} | null} zoomed   Frequencies at the edges; null for all.
 */

const KINDS = ['peak', 'rms', 'decibel', 'density'];
/** @type {Readonly<Settings>} */
export const USUAL = Object.freeze({ shape: 'hann', kind: 'decibel', log: false, centred: true, zoomed: null });

/** @param {string} text @returns {Settings} Words that it cannot use are passed over. */
export function readSettings(text) {
  /** @type {Settings} */ const settings = { ...USUAL };
  for (const word of text.split(',')) {
    const ends = parseNumbers(word.replace('~', ','), 2);
    if (WINDOWS.some(({ id }) => id === word)) settings.shape = word;
    else if (KINDS.includes(word)) settings.kind = /** @type {Kind} */ (word);
    else if (word === 'log') settings.log = true;
    else if (word === 'with-mean') settings.centred = false;
    else if (ends && ends[0] >= 0 && ends[0] < ends[1]) settings.zoomed = { from: ends[0], to: ends[1] };
  }
  return settings;
}

/** @param {Settings} settings @returns {string} '' where all is as usual. */
export function settingsText({ shape, kind, log, centred, zoomed }) {
  return [
    shape === USUAL.shape ? '' : shape, kind === USUAL.kind ? '' : kind, log ? 'log' : '', centred ? '' : 'with-mean',
    zoomed ? `${zoomed.from}~${zoomed.to}` : '',
  ].filter(Boolean).join();
}
