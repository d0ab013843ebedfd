// @ts-check
import { ahead, cover, finer, readStretch, sliceSpan, slices } from './search_tree.js';

/**
 * Goes through a stretch of a record in order and looks only into bins that may matter.
 *
 * @typedef {import('./search_tree.js').Reader} Reader
 * @typedef {import('./search_tree.js').Selection} Selection
 * @typedef {import('./search_tree.js').Stretch} Stretch
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 *
 * @typedef {object} Visitor   May change its mind about what matters with every sample it sees.
 * @property {(min: number, max: number) => boolean} may   Whether samples between these codes matter now. NaN: there is no number.
 * @property {(codes: Numbers, first: number) => boolean} scan   Look at the samples from position `first` on; true when that is enough.
 *
 * @typedef {object} WalkOptions
 * @property {import('./search_tree.js').Breath} breath
 * @property {boolean} [backwards]   From the end; `scan` still gets its samples in their order.
 * @property {number} [scouts]       Bins that will probably matter next and are fetched ahead of their turn.
 * @property {(at: number) => number} share   What is decided when position `at` is reached.
 */

const READ_AHEAD = 3;

/**
 * @param {Reader} reader @param {Selection} selection
 * @param {number} from @param {number} to   Samples; `to` is not included.
 * @param {Visitor} visitor @param {WalkOptions} options
 * @returns {Promise<boolean>} Whether the visitor had enough.
 */
export async function walk(reader, selection, from, to, visitor, { breath, backwards = false, scouts = 0, share }) {
  const { levels } = reader.dataset;
  const { signal } = breath;
  const read = (/** @type {Stretch} */ stretch, /** @type {AbortSignal | undefined} */ stop) => readStretch(reader, selection, stretch, stop);
  const inside = (/** @type {number} */ level) => finer(levels, level, levels[level].factor);

  /** @param {Stretch} stretch @returns {Promise<boolean>} */
  const go = async (stretch) => {
    for await (const { item, result } of ahead(slices(levels, cover(levels, stretch), backwards), READ_AHEAD, read, signal)) {
      if (breath.due) await breath.rest(share(backwards ? item.to : item.from));
      const enough = levels[item.level].raw ? visitor.scan(result.min, item.from) : await goThrough(item, result);
      if (enough) return true;
    }
    return false;
  };

  /** @param {Stretch} slice @param {import('./search_tree.js').Bins} bins */
  const goThrough = async ({ level, from: start, to: end }, { min, max }) => {
    const { factor } = levels[level];
    const firstBin = Math.floor(start / factor);
    const count = min.length;
    const matters = (/** @type {number} */ i) => visitor.may(min[i], max[i]);
    // Bins are looked into together only as far as one read goes: after it the visitor may have changed its mind.
    const most = Math.max(1, Math.floor(sliceSpan(levels[inside(level)]) / factor));
    /** Neighbours that matter, as one stretch. @param {number} i @param {number} j @returns {Stretch} */
    const stretch = (i, j) => ({
      level: inside(level), from: Math.max(start, (firstBin + i) * factor), to: Math.min(end, (firstBin + j) * factor),
    });
    const scout = scouting(count, matters, { runs: scouts, most }, (i, j) => {
      const [head] = slices(levels, cover(levels, stretch(i, j)));
      read(head, signal).catch(() => {}); // it is read again in its turn, which then finds it here
    });
    for (let n = 0; n < count; ) {
      const i = backwards ? count - 1 - n : n;
      n += 1;
      if (!matters(i)) continue;
      for (let bins = 1; bins < most && n < count && matters(backwards ? count - 1 - n : n); bins++) n += 1;
      if (!backwards) scout(n);
      if (await go(backwards ? stretch(count - n, i + 1) : stretch(i, n))) return true;
      if (breath.due) await breath.rest(share((firstBin + i) * factor));
    }
    return false;
  };

  return go({ level: 0, from, to });
}

/**
 * Looks ahead for runs of bins that matter as far as one can tell now; not yet at the first one, which may tell more.
 *
 * @param {number} count @param {(i: number) => boolean} matters
 * @param {{runs: number, most: number}} limits   How many runs ahead, and how many bins a run has at most.
 * @param {(i: number, j: number) => void} found
 * @returns {(from: number) => void}   Call it with the bin that has been reached.
 */
function scouting(count, matters, { runs, most }, found) {
  /** @type {number[]} */ let known = [];
  let at = 0;
  let calls = 0;
  return (from) => {
    known = known.filter((i) => i >= from);
    at = Math.max(at, from);
    const wanted = Math.min(runs, calls++);
    while (known.length < wanted && at < count) {
      const i = at++;
      if (!matters(i)) continue;
      while (at < count && at - i < most && matters(at)) at += 1;
      known.push(i);
      found(i, at);
    }
  };
}
