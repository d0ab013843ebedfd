// @ts-check
import { findExtreme } from './search_extreme.js';
import { walk } from './search_walk.js';

/**
 * A trigger that looks back: it becomes high at a sample that reaches `enter` and low again at one below `leave`.
 *
 * What lies between the two, and NaN, leaves it as it is, so that noise on an edge counts once. All comparisons are made
 * on values in units, `code * gain - offset`, never on rounded codes.
 *
 * @typedef {import('./search_tree.js').Reader} Reader
 * @typedef {import('./search_tree.js').Selection} Selection
 * @typedef {import('./search_tree.js').Breath} Breath
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 * @typedef {import('./search_walk.js').Visitor} Visitor
 * @typedef {import('./dataset.js').Calibration} Calibration
 *
 * @typedef {'unknown' | 'low' | 'high'} State
 * @typedef {{at: number, state: State, code: number}} Change   The first sample of a new state.
 */

const SCOUTS = 3;

export class Trigger {
  #gain;
  #offset;

  /**
   * @param {Calibration} calibration
   * @param {number} enter @param {number} leave   At most `enter`.
   * @param {boolean} [mirrored]   Look at the values upside down: high are those at or below -enter.
   */
  constructor({ gain, offset }, enter, leave, mirrored = false) {
    this.enter = enter;
    this.leave = leave;
    this.#gain = mirrored ? -gain : gain;
    this.#offset = mirrored ? -offset : offset;
  }

  /** @param {number} code @returns {State} Of this sample alone; unknown for one that leaves the trigger as it is. */
  state(code) {
    const value = code * this.#gain - this.#offset;
    if (value >= this.enter) return 'high';
    return value < this.leave ? 'low' : 'unknown';
  }

  /**
   * @param {Numbers} codes @param {number} from   The first to look at. @param {State} state   Before it.
   * @returns {number} Index of the first sample of another state; the length of `codes` when there is none.
   */
  seek(codes, from, state) {
    const [gain, offset, enter, leave] = [this.#gain, this.#offset, this.enter, this.leave]; // read once: the loops are long
    const count = codes.length;
    let i = from;
    if (state === 'low') while (i < count && !(codes[i] * gain - offset >= enter)) i += 1;
    else if (state === 'high') while (i < count && !(codes[i] * gain - offset < leave)) i += 1;
    else while (i < count && this.state(codes[i]) === 'unknown') i += 1;
    return i;
  }

  /** @param {number} min @param {number} max   Codes. @param {State} state @returns {boolean} Whether a sample of this state is between them. */
  holds(min, max, state) {
    const [low, high] = this.#gain < 0 ? [max, min] : [min, max];
    return state === 'high' ? high * this.#gain - this.#offset >= this.enter : low * this.#gain - this.#offset < this.leave;
  }
}

/** Searches one record for changes of a trigger. */
export class TriggerSearch {
  /**
   * @param {Reader} reader @param {Selection} selection @param {Trigger} trigger
   * @param {State} initial   Before the first sample: unknown, or low where a record that begins high begins with a change.
   * @param {Breath} breath
   */
  constructor(reader, selection, trigger, initial, breath) {
    this.reader = reader;
    this.selection = selection;
    this.trigger = trigger;
    this.initial = initial;
    this.breath = breath;
    this.samples = reader.dataset.samples;
  }

  /**
   * Changes in order.
   *
   * @param {number} from   The first sample to look at. @param {State} state   Before it.
   * @param {(change: Change) => boolean} found   True when that is enough.
   * @param {number} [scouts]
   * @returns {Promise<boolean>} Whether it was enough before the end of the record.
   */
  changes(from, state, found, scouts = 0) {
    const { trigger, samples } = this;
    /** @type {Visitor} */ const visitor = {
      may: (min, max) => (state !== 'high' && trigger.holds(min, max, 'high')) || (state !== 'low' && trigger.holds(min, max, 'low')),
      scan: (codes, first) => {
        for (let i = trigger.seek(codes, 0, state); i < codes.length; i = trigger.seek(codes, i + 1, state)) {
          const known = state !== 'unknown';
          state = trigger.state(codes[i]);
          if (known && found({ at: first + i, state, code: codes[i] })) return true;
        }
        return false;
      },
    };
    return walk(this.reader, this.selection, from, samples, visitor, { breath: this.breath, scouts, share: (at) => (at - from) / (samples - from || 1) });
  }

  /**
   * The last sample before `end` that is high or low, or of one of the two.
   *
   * @param {number} end @param {State} [wanted]
   * @returns {Promise<Change | null>}
   */
  async last(end, wanted = 'unknown') {
    const { trigger } = this;
    /** @type {Change | null} */ let found = null;
    /** @type {Visitor} */ const visitor = {
      may: (min, max) => (wanted !== 'low' && trigger.holds(min, max, 'high')) || (wanted !== 'high' && trigger.holds(min, max, 'low')),
      scan: (codes, first) => {
        for (let i = codes.length - 1; i >= 0; i--) {
          const state = trigger.state(codes[i]);
          if (state === 'unknown' || (wanted !== 'unknown' && state !== wanted)) continue;
          found = { at: first + i, state, code: codes[i] };
          return true;
        }
        return false;
      },
    };
    await walk(this.reader, this.selection, 0, end, visitor, { breath: this.breath, backwards: true, share: (at) => 1 - at / (end || 1) });
    return found;
  }

  /** @param {number} from @param {State} state @returns {Promise<Change | null>} The first sample from `from` on that is in a state. */
  async first(from, state) {
    /** @type {Change | null} */ let found = null;
    await this.changes(from, opposite(state), (change) => {
      found = change;
      return true;
    });
    return found;
  }

  /** @param {number} position @returns {Promise<State>} Of the trigger once the samples up to `position` have passed. */
  async stateAt(position) {
    return (await this.last(Math.min(this.samples, Math.floor(position) + 1)))?.state ?? this.initial;
  }

  /**
   * The first change after a position to a state.
   *
   * @param {number} position @param {(state: State) => boolean} wanted
   * @returns {Promise<Change | null>}
   */
  async next(position, wanted) {
    const from = Math.max(0, Math.floor(position) + 1);
    if (from >= this.samples) return null;
    /** @type {Change | null} */ let found = null;
    await this.changes(from, await this.stateAt(from - 1), (change) => {
      if (wanted(change.state)) found = change;
      return found !== null;
    });
    return found;
  }

  /**
   * The last change before a position to a state.
   *
   * @param {number} position @param {(state: State) => boolean} wanted
   * @returns {Promise<Change | null>}
   */
  async previous(position, wanted) {
    let now = await this.last(Math.max(0, Math.min(this.samples, Math.ceil(position))));
    while (now) {
      /** @type {Change | null} */ const before = await this.last(now.at, opposite(now.state));
      if (!before && (this.initial === 'unknown' || this.initial === now.state)) return null;
      if (wanted(now.state)) return this.first(before ? before.at + 1 : 0, now.state);
      now = before;
    }
    return null;
  }

  /**
   * The whole stretch of which `at` is the first high sample.
   *
   * @param {number} at @param {'least' | 'greatest'} kind   Which code is the peak.
   * @returns {Promise<{from: number, to: number, peak: number, code: number}>}
   */
  async excursion(at, kind) {
    const low = await this.first(at + 1, 'low');
    return this.peakOf(at, low?.at ?? this.samples, kind);
  }

  /** @param {number} from @param {number} to @param {'least' | 'greatest'} kind */
  async peakOf(from, to, kind) {
    const peak = await findExtreme(this.reader, this.selection, from, to, kind, this.breath);
    if (!peak) throw new Error('an excursion without a number'); // its first sample is one
    return { from, to, peak: peak.at, code: peak.code };
  }

  /** All changes from the start. @param {(change: Change) => boolean} found @returns {Promise<boolean>} */
  all(found) {
    return this.changes(0, this.initial, found, SCOUTS);
  }
}

/** @param {State} state @returns {State} */
function opposite(state) {
  return state === 'high' ? 'low' : 'high';
}
