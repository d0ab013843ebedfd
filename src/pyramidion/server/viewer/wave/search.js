// @ts-check
import { findExtreme } from './search_extreme.js';
import { findQuiet } from './search_quiet.js';
import { Breath, cover, readStretch, slices } from './search_tree.js';
import { Trigger, TriggerSearch } from './search_trigger.js';

/**
 * Answers questions about a record, or about all segments of a channel, from the top of the pyramid.
 *
 * Values are in units. A crossing is the first sample at or above level + hysteresis / 2 after one below
 * level - hysteresis / 2, or the other way round. An excursion begins with the first sample at or beyond its threshold
 * and ends before the first one that is back by more than the hysteresis; its extreme is what is found. Quiet is the
 * longest stretch without a sample outside level - band ... level + band. NaN is no sample in all of this.
 *
 * @typedef {import('./reader.js').Reader} Reader
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./search_trigger.js').State} State
 *
 * @typedef {{kind: 'crossing', level: number, edge: 'rising' | 'falling' | 'either', hysteresis: number}} Crossing
 * @typedef {{kind: 'beyond', level: number, side: 'above' | 'below', hysteresis: number}} Beyond
 * @typedef {{kind: 'greatest' | 'least'}} Extreme
 * @typedef {{kind: 'quiet', level: number, band: number}} Quiet
 * @typedef {Crossing | Beyond | Extreme | Quiet} Question
 *
 * @typedef {object} Hit
 * @property {number} seg
 * @property {number} at       The sample that was found; the first of a stretch.
 * @property {number} code     Of that sample; NaN for a stretch.
 * @property {'rising' | 'falling' | ''} edge
 * @property {number} from     The stretch it stands for: an excursion, a quiet stretch, or the sample itself,
 * @property {number} to       without this sample.
 *
 * @typedef {object} Scope
 * @property {'record' | 'segments'} scope   This segment, or all of its channel and trace.
 * @property {AbortSignal} [signal]
 * @property {(share: number) => void} [progress]   Told now and then what share is decided.
 */

/** Hits that a list holds at most. */
export const MOST_HITS = 1000;
/** Chunks of segments that are fetched ahead of their turn. */
const WARM = 3;

/**
 * @param {Reader} reader @param {Selection} selection @param {Question} question
 * @param {Scope & {limit?: number, found?: (hits: readonly Hit[]) => void}} options   `found` is told the list while it grows.
 * @returns {Promise<{hits: Hit[], more: boolean}>} In order of segments and time; `more`: the list is full, there may be more.
 */
export async function findAll(reader, selection, question, options) {
  if (question.kind !== 'crossing' && question.kind !== 'beyond') return { hits: await findBest(reader, selection, question, options), more: false };
  const { limit = MOST_HITS, found = () => {} } = options;
  /** @type {Hit[]} */ const hits = [];
  for await (const { at, breath } of records(reader, selection, options, 1)) {
    const full = await new Record(reader, at, question, breath).all(hits, limit, () => found(hits));
    if (full) return { hits, more: true };
  }
  return { hits, more: false };
}

/**
 * The next hit after a place, or the last one before it; where they are asked for, in the segments that follow too.
 *
 * @param {Reader} reader @param {Selection} selection   Its segment is where to begin. @param {Crossing | Beyond} question
 * @param {number} position @param {1 | -1} direction @param {Scope} options
 * @returns {Promise<Hit | null>}
 */
export async function findNear(reader, selection, question, position, direction, options) {
  for await (const { at, breath } of records(reader, selection, options, direction, true)) {
    const record = new Record(reader, at, question, breath);
    const edge = direction > 0 ? -1 : reader.dataset.samples;
    const hit = await record.near(at.seg === selection.seg ? position : edge, direction);
    if (hit) return hit;
  }
  return null;
}

/**
 * @param {Reader} reader @param {Selection} selection @param {Extreme | Quiet} question @param {Scope} options
 * @returns {Promise<Hit[]>} One hit, the first of equals, or none.
 */
async function findBest(reader, selection, question, options) {
  const { samples } = reader.dataset;
  const { gain } = reader.dataset.calibration(selection);
  const kind = (question.kind === 'greatest') === gain >= 0 ? 'greatest' : 'least';
  /** @type {Hit | null} */ let best = null;
  for await (const { at, breath } of records(reader, selection, options, 1)) {
    if (question.kind === 'quiet') {
      const band = { low: question.level - question.band, high: question.level + question.band };
      const found = await findQuiet(reader, at, band, breath, best ? best.to - best.from : 0);
      if (found) best = { seg: at.seg, at: found.from, code: NaN, edge: '', from: found.from, to: found.from + found.length };
    } else {
      const found = await findExtreme(reader, at, 0, samples, kind, breath, best?.code);
      if (found) best = { seg: at.seg, at: found.at, code: found.code, edge: '', from: found.at, to: found.at + 1 };
    }
  }
  return best ? [best] : [];
}

/**
 * The records to search, one after the other; the beginnings of those that follow are fetched ahead.
 *
 * @param {Reader} reader @param {Selection} selection @param {Scope} options @param {1 | -1} direction
 * @param {boolean} [here]   Begin with the selected segment.
 */
async function* records(reader, selection, { scope, signal, progress }, direction, here = false) {
  const breath = new Breath({ signal, progress });
  const { segments } = reader.dataset.shape;
  const first = scope === 'record' || here ? selection.seg : 0;
  const count = scope === 'record' ? 1 : direction > 0 ? segments - first : first + 1;
  const step = segmentsPerChunk(reader);
  for (let done = 0; done < count; done++) {
    if (breath.due) await breath.rest(0);
    breath.part(done, count);
    for (let i = done === 0 ? 1 : WARM; i <= WARM && done % step === 0; i++) {
      if (done + i * step < count) warm(reader, { ...selection, seg: first + direction * (done + i * step) }, signal);
    }
    yield { at: { ...selection, seg: first + direction * done }, breath };
  }
}

/** @param {Reader} reader @param {Selection} selection @param {AbortSignal} [signal] */
function warm(reader, selection, signal) {
  const { levels, samples } = reader.dataset;
  const [head] = slices(levels, cover(levels, { level: 0, from: 0, to: samples }));
  readStretch(reader, selection, head, signal).catch(() => {}); // told when its turn comes
}

/** @param {Reader} reader @returns {number} */
function segmentsPerChunk({ dataset }) {
  const { array, raw } = dataset.levels[0];
  return array.chunk[array.chunk.length - (raw ? 2 : 3)] ?? 1;
}

/** One record and a question about where a trigger changes. */
class Record {
  /** @param {Reader} reader @param {Selection} selection @param {Crossing | Beyond} question @param {Breath} breath */
  constructor(reader, selection, question, breath) {
    const calibration = reader.dataset.calibration(selection);
    const { level, hysteresis } = question;
    this.seg = selection.seg;
    this.question = question;
    this.breath = breath;
    const mirrored = question.kind === 'beyond' && question.side === 'below';
    const upper = question.kind === 'crossing' ? level + hysteresis / 2 : mirrored ? -level : level;
    const trigger = new Trigger(calibration, upper, question.kind === 'crossing' ? level - hysteresis / 2 : upper - hysteresis, mirrored);
    this.search = new TriggerSearch(reader, selection, trigger, question.kind === 'crossing' ? 'unknown' : 'low', breath);
    /** The extreme of an excursion, in codes. @type {'least' | 'greatest'} */
    this.peak = mirrored === calibration.gain < 0 ? 'greatest' : 'least';
  }

  /**
   * @param {Hit[]} hits   Get what is found. @param {number} limit @param {() => void} report
   * @returns {Promise<boolean>} Whether the list is full.
   */
  all(hits, limit, report) {
    return this.question.kind === 'crossing' ? this.#allCrossings(hits, limit, report) : this.#allExcursions(hits, limit, report);
  }

  /** @param {Hit[]} hits @param {number} limit @param {() => void} report */
  #allCrossings(hits, limit, report) {
    return this.search.all((change) => {
      if (!this.#wanted(change.state)) return false;
      hits.push(this.#crossing(change));
      report();
      return hits.length >= limit;
    });
  }

  /** @param {Hit[]} hits @param {number} limit @param {() => void} report */
  async #allExcursions(hits, limit, report) {
    /** @type {{from: number, to: number}[]} */ const stretches = [];
    let open = -1;
    const full = await this.search.all(({ at, state }) => {
      if (state === 'high') {
        open = at;
        return false;
      }
      stretches.push({ from: open, to: at });
      open = -1;
      return hits.length + stretches.length >= limit;
    });
    if (open >= 0) stretches.push({ from: open, to: this.search.samples });
    for (const { from, to } of stretches) {
      hits.push(this.#excursion(await this.search.peakOf(from, to, this.peak)));
      report();
      if (this.breath.due) await this.breath.rest(1);
    }
    return full;
  }

  /** @param {number} position @param {1 | -1} direction @returns {Promise<Hit | null>} */
  async near(position, direction) {
    if (this.question.kind === 'beyond') return direction > 0 ? this.#nextExcursion(position) : this.#previousExcursion(position);
    const wanted = (/** @type {State} */ state) => this.#wanted(state);
    const change = direction > 0 ? await this.search.next(position, wanted) : await this.search.previous(position, wanted);
    return change && this.#crossing(change);
  }

  /** Excursions are ordered by their extremes: one that is under way comes next until its extreme has passed. @param {number} position */
  async #nextExcursion(position) {
    const { search } = this;
    const underWay = await search.previous(Math.floor(position) + 1, isHigh);
    const found = underWay && (await search.excursion(underWay.at, this.peak));
    if (found && found.peak > position) return this.#excursion(found);
    const start = await search.next(position, isHigh);
    return start && this.#excursion(await search.excursion(start.at, this.peak));
  }

  /** @param {number} position */
  async #previousExcursion(position) {
    const { search } = this;
    for (let start = await search.previous(position, isHigh); start; start = await search.previous(start.at, isHigh)) {
      const found = await search.excursion(start.at, this.peak);
      if (found.peak < position) return this.#excursion(found);
    }
    return null;
  }

  /** @param {State} state @returns {boolean} */
  #wanted(state) {
    const { question } = this;
    if (question.kind !== 'crossing' || question.edge === 'either') return true;
    return state === (question.edge === 'rising' ? 'high' : 'low');
  }

  /** @param {import('./search_trigger.js').Change} change @returns {Hit} */
  #crossing({ at, state, code }) {
    return { seg: this.seg, at, code, edge: isHigh(state) ? 'rising' : 'falling', from: at, to: at + 1 };
  }

  /** @param {{from: number, to: number, peak: number, code: number}} excursion @returns {Hit} */
  #excursion({ from, to, peak, code }) {
    return { seg: this.seg, at: peak, code, edge: '', from, to };
  }
}

/** @param {State} state @returns {boolean} */
function isHigh(state) {
  return state === 'high';
}
