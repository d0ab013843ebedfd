// @ts-check
import { ahead, binsOf, cover, finer, Queue, readStretch, slices } from './search_tree.js';

/**
 * The smallest or largest code of a stretch and the first sample that has it, found from the top of the pyramid.
 *
 * Bins are looked into in the order of their extremes, so that little more than the way to the answer is read. NaN is
 * ignored.
 *
 * @typedef {import('./search_tree.js').Reader} Reader
 * @typedef {import('./search_tree.js').Selection} Selection
 * @typedef {import('./search_tree.js').Stretch} Stretch
 * @typedef {import('./search_tree.js').Breath} Breath
 *
 * @typedef {{bound: number, exact: boolean} & Stretch} Candidate   `bound`: no sample of it is beyond, signed so that more is better.
 */

/** Candidates that one stretch is divided into at most. */
const MAX_CANDIDATES = 16_384;
/** A stretch of this many samples is read as it is. */
const FEW_SAMPLES = 131_072;
const READ_AHEAD = 4;

/**
 * @param {Reader} reader @param {Selection} selection
 * @param {number} from @param {number} to   Samples; `to` is not included.
 * @param {'least' | 'greatest'} kind   In codes.
 * @param {Breath} breath
 * @param {number} [beyond]   Only a code beyond this one is an answer.
 * @returns {Promise<{code: number, at: number} | null>} Null where there is no number.
 */
export async function findExtreme(reader, selection, from, to, kind, breath, beyond) {
  const sign = kind === 'least' ? -1 : 1;
  const { levels } = reader.dataset;
  /** @type {Queue<Candidate>} */
  const queue = new Queue((p, q) => p.bound > q.bound || (p.bound === q.bound && p.from < q.from));
  // What some sample is known to reach: worse candidates are left out.
  let reached = -Infinity;
  const offer = (/** @type {Candidate} */ candidate, /** @type {boolean} */ whole) => {
    if (!(candidate.bound >= reached) || (beyond !== undefined && !(candidate.bound > sign * beyond))) return; // NaN too
    if (whole) reached = candidate.bound;
    queue.push(candidate);
  };

  /** @param {readonly Stretch[]} stretches @param {boolean} tell */
  const lookInto = async (stretches, tell) => {
    const total = stretches.reduce((sum, stretch) => sum + bins(stretch), 0);
    const group = Math.ceil(total / MAX_CANDIDATES);
    let seen = 0;
    for await (const { item, result } of ahead(slices(levels, stretches), READ_AHEAD, (s, signal) => readStretch(reader, selection, s, signal), breath.signal)) {
      const codes = sign > 0 ? result.max : result.min;
      if (levels[item.level].raw) offerSample(codes, item, sign, offer);
      else offerBins(codes, item, levels[item.level].factor, group, sign, offer);
      seen += bins(item);
      if (breath.due) await breath.rest(tell ? seen / total : 1);
    }
  };
  const bins = (/** @type {Stretch} */ stretch) => {
    const { first, end } = binsOf(levels, stretch);
    return end - first;
  };

  await lookInto(cover(levels, { level: startLevel(reader, selection, from, to), from, to }), true);
  for (let best = queue.pop(); best; best = queue.pop()) {
    if (best.exact) return { code: sign * best.bound, at: best.from };
    const wide = bins(best) > 1; // several bins that were counted together: look at them one by one
    const level = wide ? best.level : finer(levels, best.level, best.to - best.from);
    await lookInto(cover(levels, { level, from: best.from, to: best.to }), false);
  }
  return null;
}

/** @param {import('../decode/numbers.js').Numbers} codes @param {Stretch} slice @param {number} sign @param {(candidate: Candidate, whole: boolean) => void} offer */
function offerSample(codes, { level, from }, sign, offer) {
  let at = -1;
  let best = -Infinity;
  for (let i = 0; i < codes.length; i++) {
    const bound = sign * codes[i];
    if (bound > best || (at < 0 && bound === -Infinity)) [best, at] = [bound, i];
  }
  if (at >= 0) offer({ bound: best, exact: true, level, from: from + at, to: from + at + 1 }, true);
}

/**
 * @param {import('../decode/numbers.js').Numbers} codes @param {Stretch} slice @param {number} factor
 * @param {number} group   Bins counted together.
 * @param {number} sign @param {(candidate: Candidate, whole: boolean) => void} offer
 */
function offerBins(codes, { level, from, to }, factor, group, sign, offer) {
  const firstBin = Math.floor(from / factor);
  for (let i = 0; i < codes.length; i += group) {
    const stop = Math.min(codes.length, i + group);
    let bound = NaN;
    for (let j = i; j < stop; j++) if (!(sign * codes[j] <= bound) && !Number.isNaN(codes[j])) bound = sign * codes[j];
    const start = (firstBin + i) * factor;
    const end = (firstBin + stop) * factor;
    // Only a bin that lies in the stretch as a whole is known to have its extreme there. The last may be a shorter one.
    const whole = stop - i === 1 && start >= from && end <= to;
    offer({ bound, exact: false, level, from: Math.max(from, start), to: Math.min(to, end) }, whole);
  }
}

/**
 * Where to begin: at the top for a whole record, else with what is here, else with about a thousand bins, which cost one
 * request.
 *
 * @param {Reader} reader @param {Selection} selection @param {number} from @param {number} to @returns {number}
 */
function startLevel(reader, selection, from, to) {
  const { levels, samples } = reader.dataset;
  const raw = levels.length - 1;
  const span = to - from;
  if (span === samples) return 0;
  if (span <= FEW_SAMPLES) return raw;
  for (let k = raw - 1; k >= 0; k--) {
    const { first, end } = binsOf(levels, { level: k, from, to });
    if (end - first <= MAX_CANDIDATES && end <= levels[k].bins && reader.has(k, first, end, selection)) return k;
  }
  const fitting = levels.findIndex(({ factor, raw: samples }) => !samples && factor <= span / 1024);
  if (fitting >= 0) return fitting;
  return raw > 0 && levels[raw - 1].factor <= span / 8 ? raw - 1 : raw;
}
