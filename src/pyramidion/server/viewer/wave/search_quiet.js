// @ts-check
import { damaged } from '../store/errors.js';
import { ahead, binsOf, cover, Queue, readStretch, slices } from './search_tree.js';

/**
 * The longest stretch of a record without a sample outside a band.
 *
 * A bin whose minimum and maximum are known is known to hold a sample outside, or none. So the record is a row of
 * places that hold one: bins at first, single samples in the end. The longest gap between two of them, or inside one,
 * is looked for where it can be longest, until nothing else can be longer. NaN is not outside.
 *
 * @typedef {import('./search_tree.js').Reader} Reader
 * @typedef {import('./search_tree.js').Selection} Selection
 * @typedef {import('./search_tree.js').Stretch} Stretch
 * @typedef {import('./search_tree.js').Breath} Breath
 * @typedef {import('./dataset.js').Calibration} Calibration
 *
 * @typedef {object} Place     Samples `from` to `to` of which one or more are outside.
 * @property {number} from
 * @property {number} to
 * @property {number} level    Of the bins that told.
 * @property {Place | null} head   Once looked into: the first place in it,
 * @property {Place | null} tail   and the last.
 *
 * @typedef {{left: Place, right: Place, most: number, start: number}} Gap   Between two places, or inside one (`left` is `right`):
 *   `most` samples at most, from sample `start` on at the earliest.
 */

/** With more open questions than this, samples are read at once instead of asking finer levels. */
const MAX_OPEN = 50_000;
/** Places that one look may find in bins; more are taken together. */
const MAX_PLACES = 16_384;
/** A look into a bin goes to bins this much finer. */
const STEP = 16;
const READ_AHEAD = 3;
/** Between two counts of what is open. */
const COUNT_MS = 100;

/**
 * @param {Reader} reader @param {Selection} selection
 * @param {{low: number, high: number}} band   In units; both ends belong to it.
 * @param {Breath} breath
 * @param {number} [beyond]   Only a longer stretch is an answer.
 * @returns {Promise<{from: number, length: number} | null>}   The first of the longest; null when there is none.
 */
export async function findQuiet(reader, selection, band, breath, beyond = 0) {
  const search = new QuietSearch(reader, selection, band, breath, beyond);
  await search.run();
  return search.best.length > beyond ? search.best : null;
}

class QuietSearch {
  best;

  /** @type {Queue<Gap>} */
  #open = new Queue((p, q) => p.most > q.most || (p.most === q.most && p.start < q.start));
  #breath;
  #band;
  #counted = { share: 0, until: 0 };

  /**
   * @param {Reader} reader @param {Selection} selection @param {{low: number, high: number}} band
   * @param {Breath} breath @param {number} beyond
   */
  constructor(reader, selection, band, breath, beyond) {
    this.reader = reader;
    this.selection = selection;
    this.levels = reader.dataset.levels;
    this.samples = reader.dataset.samples;
    this.best = { from: -1, length: beyond };
    this.#breath = breath;
    this.#band = new Band(reader.dataset.calibration(selection), band);
  }

  async run() {
    const last = this.levels.length - 1;
    const before = sampleAt(-1, last); // the ends of the record bound stretches as samples outside do
    const tail = await this.#look({ level: 0, from: 0, to: this.samples }, before, null);
    this.#gap(tail ?? before, sampleAt(this.samples, last));
    for (let gap = this.#open.pop(); gap && this.#worth(gap); gap = this.#open.pop()) {
      if (gap.left === gap.right) await this.#lookInto(gap.left);
      else await this.#narrow(gap);
      if (this.#breath.due) await this.#breath.rest(this.#decided());
    }
  }

  /** Share of the record that cannot hold a longer stretch any more; counted now and then only. */
  #decided() {
    if (performance.now() > this.#counted.until) {
      const open = this.#open.items.reduce((sum, gap) => sum + (this.#worth(gap) ? gap.most : 0), 0);
      this.#counted = { share: Math.max(0, 1 - open / this.samples), until: performance.now() + COUNT_MS };
    }
    return this.#counted.share;
  }

  /** @param {Gap} gap @returns {boolean} Whether it may hold a longer stretch, or one as long that is earlier. */
  #worth({ most, start }) {
    return most > this.best.length || (most === this.best.length && start < this.best.from);
  }

  /** @param {Gap} gap   Between two places, of which one is no single sample. */
  async #narrow({ left, right }) {
    const open = [left, right].filter((place) => place.to - place.from > 1 && !place.head);
    // The wider of the two tells more.
    if (open.length > 0) await this.#lookInto(open.sort((p, q) => q.to - q.from - (p.to - p.from))[0]);
    this.#gap(left.tail ?? left, right.head ?? right);
  }

  /** Divide a place into smaller ones, once. @param {Place} place */
  async #lookInto(place) {
    if (place.head) return;
    const { level, from, to } = place;
    const wide = to - from > this.levels[level].factor; // several bins taken together
    const finerLevel = this.levels.findIndex(({ factor }, k) => k > level && factor * STEP <= this.levels[level].factor);
    const last = this.levels.length - 1;
    const next = this.#open.size > MAX_OPEN || finerLevel < 0 ? last : finerLevel;
    place.tail = await this.#look({ level: wide && next !== last ? level : next, from, to }, null, place);
    if (!place.head) throw damaged(this.reader.dataset.name, `an overview has values that none of the samples ${from} to ${to - 1} has`);
  }

  /**
   * Find the places of a stretch and the gaps between them.
   *
   * @param {Stretch} stretch @param {Place | null} before   The place in front of the stretch.
   * @param {Place | null} parent   Gets its first place.
   * @returns {Promise<Place | null>} The last place.
   */
  async #look(stretch, before, parent) {
    const { levels } = this;
    const stretches = cover(levels, stretch);
    const total = stretches.reduce((sum, part) => sum + (levels[part.level].raw ? 0 : binsOf(levels, part).end - binsOf(levels, part).first), 0);
    const group = Math.max(1, Math.ceil(total / MAX_PLACES));
    let place = before;
    const found = (/** @type {Place} */ next) => {
      if (place) this.#gap(place, next);
      else if (parent) parent.head = next;
      if (next.to - next.from > 1) this.#inside(next);
      place = next;
    };
    const read = (/** @type {Stretch} */ part, /** @type {AbortSignal} */ signal) => readStretch(this.reader, this.selection, part, signal);
    for await (const { item, result } of ahead(slices(levels, stretches), READ_AHEAD, read, this.#breath.signal)) {
      if (levels[item.level].raw) {
        const ends = this.#samples(result.min, item.from);
        if (ends) found(sampleAt(ends.first, item.level));
        if (ends) place = sampleAt(ends.last, item.level);
      } else {
        this.#bins(item, result, group, found);
      }
      if (this.#breath.due) await this.#breath.rest(parent ? this.#decided() : 0);
    }
    return place;
  }

  /**
   * Note the gaps between the samples outside.
   *
   * @param {import('../decode/numbers.js').Numbers} codes @param {number} from
   * @returns {{first: number, last: number} | null} The outermost samples outside.
   */
  #samples(codes, from) {
    const first = this.#band.seek(codes, 0);
    if (first === codes.length) return null;
    let last = first;
    for (let i = this.#band.seek(codes, first + 1); i < codes.length; i = this.#band.seek(codes, i + 1)) {
      if (i - last > this.best.length) this.#offer(from + last + 1, i - last - 1);
      last = i;
    }
    return { first: from + first, last: from + last };
  }

  /**
   * @param {Stretch} slice @param {import('./search_tree.js').Bins} bins @param {number} group   Bins taken together.
   * @param {(place: Place) => void} found
   */
  #bins({ level, from, to }, { min, max }, group, found) {
    const { factor } = this.levels[level];
    const firstBin = Math.floor(from / factor);
    for (let i = 0; i < min.length; i += group) {
      const stop = Math.min(min.length, i + group);
      let first = -1;
      let last = -1;
      for (let j = i; j < stop; j++) {
        if (!this.#band.left(min[j], max[j])) continue;
        if (first < 0) first = j;
        last = j;
      }
      if (first < 0) continue;
      found({ from: Math.max(from, (firstBin + first) * factor), to: Math.min(to, (firstBin + last + 1) * factor), level, head: null, tail: null });
    }
  }

  /** @param {Place} left @param {Place} right */
  #gap(left, right) {
    const start = left.from + 1;
    const most = right.to - 1 - start;
    if (left.to - left.from === 1 && right.to - right.from === 1) this.#offer(start, most);
    else this.#ask({ left, right, most, start });
  }

  /** @param {number} from @param {number} length   Of a stretch between two samples outside. */
  #offer(from, length) {
    const better = length > this.best.length || (length === this.best.length && from < this.best.from);
    if (better && length > 0) this.best = { from, length };
  }

  /** @param {Place} place   Of several samples. */
  #inside(place) {
    this.#ask({ left: place, right: place, most: place.to - place.from - 2, start: place.from + 1 });
  }

  /** @param {Gap} gap */
  #ask(gap) {
    if (gap.most > 0 && this.#worth(gap)) this.#open.push(gap);
  }
}

/** @param {number} at @param {number} level @returns {Place} */
function sampleAt(at, level) {
  return { from: at, to: at + 1, level, head: null, tail: null };
}

/** A band of values, asked about codes. */
class Band {
  /** @param {Calibration} calibration @param {{low: number, high: number}} band */
  constructor({ gain, offset }, { low, high }) {
    this.gain = gain;
    this.offset = offset;
    this.low = low;
    this.high = high;
  }

  /** @param {import('../decode/numbers.js').Numbers} codes @param {number} from @returns {number} Index of the next one outside, or the length. */
  seek(codes, from) {
    const { gain, offset, low, high } = this; // read once: the loop is long
    for (let i = from; i < codes.length; i++) {
      const value = codes[i] * gain - offset;
      if (value < low || value > high) return i;
    }
    return codes.length;
  }

  /** @param {number} min @param {number} max   Codes. @returns {boolean} Whether one of them is outside. */
  left(min, max) {
    const p = min * this.gain - this.offset;
    const q = max * this.gain - this.offset;
    return p < this.low || p > this.high || q < this.low || q > this.high;
  }
}
