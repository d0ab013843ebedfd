// @ts-check
import { Fft, realFft } from './fft.js';
import { makeWindow, noiseBandwidth } from './windows.js';

/**
 * Spectra of real samples, and what their numbers mean. Pure.
 *
 * With the window w, S1 = sum(w), S2 = sum(w^2), X the transform of w x and fs the sampling rate, bin k (frequency k fs / n)
 * holds the RMS value of a line that lies there: sqrt(2) |X[k]| / S1, without the sqrt(2) for k = 0 and k = n / 2. The power
 * density is its square over the noise bandwidth, fs S2 / S1^2: 2 |X[k]|^2 / (fs S2). Several pieces: the mean of the squares
 * (P. D. Welch, 1967).
 *
 * @typedef {import('./windows.js').WindowShape} WindowShape
 *
 * @typedef {object} Spectrum
 * @property {Float64Array} rms    Of each frequency, in units of the samples.
 * @property {number} length       Samples of a piece, n.
 * @property {number} pieces
 * @property {number} mean         Of the samples, whether taken away or not.
 * @property {number} bandwidth    Equivalent noise bandwidth in bins.
 *
 * @typedef {'peak' | 'rms' | 'decibel' | 'density'} Kind   What is shown of a spectrum.
 */

/** The most samples in one transform. */
export const LONGEST = 2 ** 20;
/** The most samples read for one spectrum. */
export const MOST = 2 ** 24;

/**
 * How a stretch is cut: one piece, or pieces of the longest length that overlap by half or a little more and reach from
 * end to end.
 *
 * @param {number} count   Samples.
 * @param {number} [longest]
 * @returns {{length: number, starts: number[]}}
 */
export function cut(count, longest = LONGEST) {
  if (count <= longest) return { length: count, starts: [0] };
  const steps = Math.ceil((count - longest) / (longest / 2));
  return { length: longest, starts: Array.from({ length: steps + 1 }, (_, i) => Math.round((i * (count - longest)) / steps)) };
}

/** Takes pieces of one length, gives their spectrum. */
export class Estimate {
  #pieces = 0;
  #means = 0;
  /** @type {Fft | null} */ #plan = null;

  /** @param {number} length   Of each piece. @param {WindowShape} shape @param {boolean} centred   The mean of each piece is taken away first. */
  constructor(length, shape, centred) {
    this.length = length;
    this.centred = centred;
    this.window = makeWindow(shape, length);
    this.squares = new Float64Array(Math.floor(length / 2) + 1);
  }

  /** @param {Float64Array} samples   In units; overwritten. */
  add(samples) {
    const { weights } = this.window;
    const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
    const level = this.centred ? mean : 0;
    for (let j = 0; j < samples.length; j++) samples[j] = (samples[j] - level) * weights[j];
    const { re, im } = realFft(samples, (n) => (this.#plan ??= new Fft(n)));
    for (let k = 0; k < re.length; k++) this.squares[k] += re[k] * re[k] + im[k] * im[k];
    this.#pieces += 1;
    this.#means += mean;
  }

  /** @returns {Spectrum} */
  result() {
    const { length, window, squares } = this;
    const rms = new Float64Array(squares.length);
    for (let k = 0; k < rms.length; k++) {
      rms[k] = Math.sqrt(((single(k, length) ? 1 : 2) * squares[k]) / this.#pieces) / Math.abs(window.sum);
    }
    return { rms, length, pieces: this.#pieces, mean: this.#means / this.#pieces, bandwidth: noiseBandwidth(window, length) };
  }
}

/** @param {number} k @param {number} n @returns {boolean} Whether a bin has no mirror: a mean, or the highest frequency. */
function single(k, n) {
  return k === 0 || 2 * k === n;
}

/**
 * What is shown of the RMS value of a bin.
 *
 * @param {Kind} kind @param {number} rms @param {boolean} mirrored   False for k = 0 and k = n / 2.
 * @param {number} bandwidth   Noise bandwidth in Hz.
 * @returns {number}
 */
export function shown(kind, rms, mirrored, bandwidth) {
  if (kind === 'peak') return mirrored ? rms * Math.SQRT2 : rms;
  if (kind === 'decibel') return 20 * Math.log10(rms);
  return kind === 'density' ? (rms * rms) / bandwidth : rms;
}

/** @param {Kind} kind @param {Spectrum} spectrum @param {number} k @param {number} rate @returns {number} As `shown`. */
export function shownAt(kind, { rms, length, bandwidth }, k, rate) {
  return shown(kind, rms[k], !single(k, length), (bandwidth * rate) / length);
}

/**
 * The height of a line at a distance from a bin, relative to a line in its middle: the transform of the window, for long
 * windows. The distance is no whole number but 0.
 *
 * @param {readonly number[]} terms @param {number} distance   In bins. @returns {number}
 */
function lobe(terms, distance) {
  return Math.abs(distance) < 1e-9 ? 1 : Math.abs(Math.sin(Math.PI * distance)) * skirt(terms, distance);
}

/** How high the lobes of a window reach at a distance, whatever the line's place. @param {readonly number[]} terms @param {number} distance @returns {number} */
function skirt(terms, distance) {
  return Math.abs(terms.reduce((sum, term, m) => sum + (term * distance) / (distance * distance - m * m), 0) / (Math.PI * terms[0]));
}

/**
 * Where a line lies between the bins: as a parabola through the three highest would say, but exact, since the shape that
 * the window gives to a line is known.
 *
 * @param {readonly [number, number, number]} heights   Before, at and after the highest bin. @param {WindowShape} shape
 * @returns {{offset: number, height: number}} In bins from the middle one, and how high the line is.
 */
export function lineBetween([before, at, after], { terms }) {
  if (terms.length === 1) {
    const share = Math.max(before, after) / at; // of neighbours that are next to nothing the ratio would say nothing
    const offset = (Math.sign(after - before) * share) / (1 + share);
    return { offset, height: at / lobe(terms, offset) };
  }
  let low = -0.51; // not symmetrical, so that no step falls on 0, where the ratio cannot be computed
  let high = 0.5;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (lobe(terms, 1 - middle) * before < lobe(terms, 1 + middle) * after) low = middle;
    else high = middle;
  }
  const offset = (low + high) / 2;
  return { offset, height: at / lobe(terms, offset) };
}

/** How far a line stands out from the usual: noise alone rarely gets so far, even among a million bins. */
export const STANDS_OUT = 5;
/** Lobes of a line's window, and the few others that add to them. */
const SKIRT = 3;

/**
 * The highest lines of a stretch of a spectrum that stand out from what is usual there (its median), the highest first.
 *
 * @param {Spectrum} spectrum @param {WindowShape} shape
 * @param {number} from @param {number} to   Bins, `to` not included.
 * @param {number} most
 * @returns {{bin: number, rms: number}[]}  `bin` with its fraction.
 */
export function lines({ rms, length }, shape, from, to, most) {
  const reach = 2 * shape.terms.length - 1; // a line is a hill as wide as this to each side; its flanks are no lines
  const [first, last] = [Math.max(1, from), Math.min(to, rms.length - 1)];
  const least = STANDS_OUT * median(rms, first, last);
  /** @type {number[]} */ const tops = [];
  for (let k = first; k < last; k++) if (rms[k] > least && rms[k] > rms[k - 1] && rms[k] >= rms[k + 1]) tops.push(k);
  tops.sort((p, q) => rms[q] - rms[p]);
  /** @type {number[]} */ const kept = [];
  for (const k of tops) {
    if (kept.length === most) break;
    // What a stronger line casts around itself is no line.
    const cast = (/** @type {number} */ other) => Math.abs(other - k) < reach || rms[k] < SKIRT * rms[other] * skirt(shape.terms, Math.abs(other - k) - 0.5);
    if (!kept.some(cast)) kept.push(k);
  }
  return kept.map((k) => {
    // The mean and the highest frequency have no mirror: they count once, which must not look like a slope.
    const [before, after] = [k - 1, k + 1].map((at) => (single(at, length) ? Math.SQRT2 : 1) * rms[at]);
    const { offset, height } = lineBetween([before, rms[k], after], shape);
    return { bin: k + offset, rms: height };
  });
}

/** @param {Float64Array} values @param {number} from @param {number} to @returns {number} The median, of up to 4001 evenly spread ones; 0 for none. */
function median(values, from, to) {
  const step = Math.max(1, Math.floor((to - from) / 4001));
  const some = [];
  for (let k = from; k < to; k += step) some.push(values[k]);
  return some.sort((p, q) => p - q)[Math.floor(some.length / 2)] ?? 0;
}

/**
 * From bins to pixel columns: the smallest and the largest of each, so that no line is ever between two pixels.
 *
 * @param {Float64Array} rms
 * @param {number} width
 * @param {{from: number, to: number, log: boolean}} span   Bins at the left and right edge, with fractions.
 * @returns {{lo: Float64Array, hi: Float64Array}} Infinity and -Infinity in columns without a bin.
 */
export function spectrumColumns(rms, width, span) {
  const lo = new Float64Array(width).fill(Infinity);
  const hi = new Float64Array(width).fill(-Infinity);
  const first = Math.max(span.log ? 1 : 0, Math.ceil(span.from));
  const last = Math.min(rms.length - 1, Math.floor(span.to));
  for (let x = 0, k = first; x < width && k <= last; x++) {
    const edge = binAt(span, (x + 1) / width);
    for (; k <= last && (k < edge || x === width - 1); k++) {
      if (rms[k] < lo[x]) lo[x] = rms[k];
      if (rms[k] > hi[x]) hi[x] = rms[k];
    }
  }
  return { lo, hi };
}

/** @param {{from: number, to: number, log: boolean}} span @param {number} share @returns {number} The bin at a share of the width. */
export function binAt({ from, to, log }, share) {
  return log ? from * (to / from) ** share : from + (to - from) * share;
}

/** @param {{from: number, to: number, log: boolean}} span @param {number} bin @returns {number} Share of the width. */
export function shareOf({ from, to, log }, bin) {
  return log ? Math.log(bin / from) / Math.log(to / from) : (bin - from) / (to - from);
}
