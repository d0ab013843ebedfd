// @ts-check
import { cut } from '../spectra.js';

/**
 * Reads a stretch piece by piece and has its spectrum computed by a worker.
 *
 * @typedef {import('../spectra.js').Spectrum} Spectrum
 * @typedef {import('./spectrumworker.js').Answer} Answer
 * @typedef {import('./spectrumworker.js').Order} Order
 *
 * @typedef {object} Job
 * @property {import('../dataset.js').Selection} selection
 * @property {import('../dataset.js').Calibration} calibration
 * @property {number} first
 * @property {number} end        Samples from `first` up to, not including, `end`.
 * @property {string} shape      Name of the window.
 * @property {boolean} centred   The mean is taken away.
 */

/** A stretch that has no spectrum: a sample of it is no number. */
export class GapError extends Error {
  /** @param {number} at   The sample. */
  constructor(at) {
    super(`sample ${at} is no number`);
    this.at = at;
  }
}

/** The worker, and who waits for it. */
export class Analyst {
  /** @type {Map<number, {resolve: (answer: Answer) => void, reject: (error: Error) => void}>} */ #waiting = new Map();
  /** @type {Worker | null} */ #worker = null;
  #id = 0;

  /** @param {Order} order @returns {Promise<Answer>} */
  ask(order) {
    this.#worker ??= this.#start();
    const id = ++this.#id;
    this.#worker.postMessage({ id, order });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #start() {
    const worker = new Worker(new URL('./spectrumworker.js', import.meta.url), { type: 'module' });
    worker.onmessage = (/** @type {MessageEvent<Answer>} */ { data }) => {
      this.#waiting.get(data.id)?.resolve(data);
      this.#waiting.delete(data.id);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.stop('The worker that computes spectra stopped');
    };
    return worker;
  }

  /** @param {string} [why] */
  stop(why = 'stopped') {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}

/**
 * @param {import('../reader.js').Reader} reader @param {Analyst} analyst @param {Job} job
 * @param {AbortSignal} signal @param {(share: number) => void} progress
 * @returns {Promise<Spectrum>} Rejects with a GapError where a sample is no number.
 */
export async function spectrumOf(reader, analyst, { selection, calibration, first, end, shape, centred }, signal, progress) {
  const { length, starts } = cut(end - first);
  const read = (/** @type {number} */ i) => {
    const coming = i < starts.length ? reader.samples(first + starts[i], first + starts[i] + length, selection, signal) : null;
    coming?.catch(() => {}); // it is told where it is awaited
    return coming;
  };
  let coming = read(0);
  let begun = false;
  for (let i = 0; i < starts.length; i++) {
    const codes = await coming;
    signal.throwIfAborted();
    if (!codes) break;
    coming = read(i + 1); // the next piece is on its way while this one is computed
    if (!begun) await analyst.ask({ kind: 'begin', length, shape, centred });
    begun = true;
    signal.throwIfAborted();
    const { gap } = await analyst.ask({ kind: 'add', codes, gain: calibration.gain, offset: calibration.offset });
    signal.throwIfAborted();
    if (gap !== undefined) throw new GapError(first + starts[i] + gap);
    progress((i + 1) / starts.length);
  }
  const { spectrum } = await analyst.ask({ kind: 'result' });
  signal.throwIfAborted();
  if (!spectrum) throw new Error('The worker that computes spectra lost its place');
  return spectrum;
}
