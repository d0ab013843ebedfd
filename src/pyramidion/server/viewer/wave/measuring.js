// @ts-check
/**
 * What a stretch of samples measures: mean, RMS, state levels, frequency, duty factor, transition times. Pure arithmetic.
 *
 * Terms are those of IEEE Std 181-2011 (transitions, pulses and related waveforms). State levels, by its histogram method: the
 * range from the smallest to the largest code is cut into 100 equal bins; base is the mean of the samples in the fullest bin of the lower
 * half, top that of the upper half (of equally full bins the outermost). Where such a bin holds less than a tenth of the
 * samples of its half, or the two lie closer than a third of the range, there are no two states (noise, a ramp): base and
 * top are then the smallest and the largest sample. Reference levels lie at 10, 50 and 90 % from base to top; instants
 * between two samples are interpolated linearly.
 *
 * A cycle goes from one crossing of the 50 % level to the next one of the same direction. A crossing counts when the signal
 * goes from 40 % or below to 60 % or above (or back); its instant is the first crossing of 50 % on that way. A rise is the time from the
 * last upward crossing of 10 % to the next one of 90 %, a fall from the last downward crossing of 90 % to the next one of 10 %.
 *
 * NaN are left out of all sums, and nothing is measured across them.
 *
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 *
 * @typedef {object} Levels
 * @property {number} base
 * @property {number} top
 * @property {boolean} bistable   False: they are the smallest and the largest sample.
 *
 * @typedef {object} Timing       Times are counted in samples.
 * @property {number} cycles      Whole ones.
 * @property {number} period      Mean of them; NaN without any.
 * @property {number} duty        Share of them above 50 %; NaN without any.
 * @property {{count: number, mean: number}} rise
 * @property {{count: number, mean: number}} fall
 *
 * @typedef {object} Measured     Values are in units, times in samples.
 * @property {number} count       Samples that are numbers.
 * @property {number} nans
 * @property {number} clipped     At or beyond the ends of the converter.
 * @property {number} mean        NaN, as all that follow, where some are infinite or none is a number.
 * @property {number} rms
 * @property {number} deviation   RMS without the mean: the standard deviation of the samples (divided by their count).
 * @property {Levels | null} levels   Null where the samples are all the same.
 * @property {Timing | null} timing
 */

const SLICE = 1 << 16; // samples between two pauses
const BINS = 100;
const STATE_SHARE = 0.1; // of the samples of a half that its fullest bin must hold
const STATE_DISTANCE = 1 / 3; // of the range between base and top, at least
const HYSTERESIS = 0.1; // of the amplitude, on both sides of 50 %

/**
 * Measure samples, with a pause every few thousand of them.
 *
 * @param {Numbers} codes @param {number} gain @param {number} offset   value = code * gain - offset
 * @param {readonly [number, number] | null} clip   Lowest and highest code of the converter.
 * @returns {Generator<number, Measured>} Yields the share that is done.
 */
export function* measure(codes, gain, offset, clip) {
  const sums = yield* sum(codes, clip);
  const { count, nans, clipped, total, min, max } = sums;
  const mean = total / count;
  /** @type {Measured} */
  const measured = { count, nans, clipped, mean: NaN, rms: NaN, deviation: NaN, levels: null, timing: null };
  if (!Number.isFinite(mean)) return measured;
  const spread = yield* scatter(codes, mean, min, max);
  measured.mean = mean * gain - offset;
  measured.deviation = Math.sqrt(spread.squares / count) * Math.abs(gain);
  measured.rms = Math.hypot(measured.mean, measured.deviation);
  if (min === max) return measured;
  const found = stateLevels(spread.counts, spread.sums, min, max);
  // A negative gain turns the signal over: then the lower state of the codes is the upper one of the values.
  const [low, high] = gain < 0 ? [found.top, found.base] : [found.base, found.top];
  measured.levels = { base: low * gain - offset, top: high * gain - offset, bistable: found.bistable };
  measured.timing = yield* timing(codes, low, high);
  return measured;
}

/** @param {Numbers} codes @param {readonly [number, number] | null} clip @returns {Generator<number, {count: number, nans: number, clipped: number, total: number, min: number, max: number}>} */
function* sum(codes, clip) {
  const [lowest, highest] = clip ?? [-Infinity, Infinity];
  let [nans, clipped, total, lost, min, max] = [0, 0, 0, 0, Infinity, -Infinity];
  for (let from = 0; from < codes.length; from += SLICE) {
    const to = Math.min(codes.length, from + SLICE);
    for (let i = from; i < to; i++) {
      const code = codes[i];
      if (code !== code) {
        nans += 1;
        continue;
      }
      if (clip && (code <= lowest || code >= highest)) clipped += 1;
      if (code < min) min = code;
      if (code > max) max = code;
      // Neumaier's sum: what the addition rounds away is added up beside it.
      const next = total + code;
      lost += Math.abs(total) >= Math.abs(code) ? total - next + code : code - next + total;
      total = next;
    }
    yield (to / codes.length) / 3;
  }
  return { count: codes.length - nans, nans, clipped, total: Number.isFinite(total) ? total + lost : total, min, max };
}

/**
 * Squares of the distances from the mean, and the histogram.
 *
 * @param {Numbers} codes @param {number} mean @param {number} min @param {number} max
 * @returns {Generator<number, {squares: number, counts: Float64Array, sums: Float64Array}>}
 */
function* scatter(codes, mean, min, max) {
  const counts = new Float64Array(BINS);
  const sums = new Float64Array(BINS); // of what lies above `min`, which keeps small differences exact
  const scale = max > min ? BINS / (max - min) : 0;
  let [squares, lost] = [0, 0];
  for (let from = 0; from < codes.length; from += SLICE) {
    const to = Math.min(codes.length, from + SLICE);
    for (let i = from; i < to; i++) {
      const code = codes[i];
      if (code !== code) continue;
      const distance = code - mean;
      const square = distance * distance - lost; // Kahan's sum
      const next = squares + square;
      lost = next - squares - square;
      squares = next;
      const above = code - min;
      const bin = Math.min(BINS - 1, Math.floor(above * scale));
      counts[bin] += 1;
      sums[bin] += above;
    }
    yield (1 + to / codes.length) / 3;
  }
  return { squares, counts, sums };
}

/**
 * The levels of the two states; see the top of this file.
 *
 * @param {Float64Array} counts   Samples in each bin. @param {Float64Array} sums   Of them, above `min`.
 * @param {number} min @param {number} max
 * @returns {Levels}
 */
export function stateLevels(counts, sums, min, max) {
  const half = counts.length / 2;
  const lower = fullest(counts.subarray(0, half));
  const upper = counts.length - 1 - fullest(counts.slice(half).reverse());
  const share = (/** @type {number} */ bin, /** @type {number} */ from) => counts[bin] / counts.subarray(from, from + half).reduce((a, b) => a + b);
  const base = min + sums[lower] / counts[lower];
  const top = min + sums[upper] / counts[upper];
  const bistable = share(lower, 0) >= STATE_SHARE && share(upper, half) >= STATE_SHARE && top - base >= (max - min) * STATE_DISTANCE;
  return bistable ? { base, top, bistable } : { base: min, top: max, bistable };
}

/** @param {Float64Array} counts @returns {number} The first of the largest. */
function fullest(counts) {
  let best = 0;
  for (let i = 1; i < counts.length; i++) if (counts[i] > counts[best]) best = i;
  return best;
}

/**
 * @param {Numbers} codes
 * @param {number} base @param {number} top   In codes; base may be the larger number, then larger codes are lower.
 * @returns {Generator<number, Timing>}
 */
function* timing(codes, base, top) {
  const scale = 1 / (top - base);
  const crossings = new Crossings();
  const transitions = new Transitions();
  let before = NaN;
  for (let from = 0; from < codes.length; from += SLICE) {
    const to = Math.min(codes.length, from + SLICE);
    for (let i = from; i < to; i++) {
      const share = (codes[i] - base) * scale; // 0 at base, 1 at top
      if (share !== share) {
        crossings.interrupt();
        transitions.interrupt();
      } else {
        crossings.see(i, before, share);
        transitions.see(i, before, share);
      }
      before = share;
    }
    yield (2 + to / codes.length) / 3;
  }
  crossings.interrupt();
  const { cycles, span, high } = crossings.rising.cycles >= crossings.falling.cycles ? crossings.rising : crossings.falling;
  return { cycles, period: span / cycles, duty: high / span, rise: transitions.rise.result, fall: transitions.fall.result };
}

/** @param {number} i @param {number} before @param {number} now @param {number} level @returns {number} When the level was crossed, in samples. */
function instant(i, before, now, level) {
  return i - 1 + (level - before) / (now - before);
}

/** Crossings of the 50 % level, with hysteresis, and the cycles between them. */
class Crossings {
  rising = new Cycles();
  falling = new Cycles();
  /** 1 above, -1 below, 0 not known yet. */
  #state = 0;
  #up = NaN;
  #down = NaN;

  /** @param {number} i @param {number} before @param {number} now   Shares of the amplitude. */
  see(i, before, now) {
    if (now <= 0.5 - HYSTERESIS) {
      if (before > 0.5 && Number.isNaN(this.#down)) this.#down = instant(i, before, now, 0.5);
      if (this.#state === 1) this.#cross(this.#down, this.falling, this.rising);
      this.#state = -1;
      this.#up = NaN;
    } else if (now >= 0.5 + HYSTERESIS) {
      if (before < 0.5 && Number.isNaN(this.#up)) this.#up = instant(i, before, now, 0.5);
      if (this.#state === -1) this.#cross(this.#up, this.rising, this.falling);
      this.#state = 1;
      this.#down = NaN;
    } else if (before < 0.5 && now >= 0.5) {
      if (Number.isNaN(this.#up)) this.#up = instant(i, before, now, 0.5);
    } else if (before > 0.5 && now <= 0.5) {
      if (Number.isNaN(this.#down)) this.#down = instant(i, before, now, 0.5);
    }
  }

  /** @param {number} at @param {Cycles} same @param {Cycles} other   Of the other direction. */
  #cross(at, same, other) {
    same.cross(at, same === this.falling);
    other.opposite(at);
  }

  /** Nothing is known of what comes between. */
  interrupt() {
    this.rising.close();
    this.falling.close();
    this.#state = 0;
    this.#up = this.#down = NaN;
  }
}

/** Cycles between crossings of one direction. */
class Cycles {
  cycles = 0;
  span = 0;
  high = 0;
  #last = NaN;
  #between = NaN;

  /** @param {number} at @param {boolean} falling */
  cross(at, falling) {
    if (!Number.isNaN(this.#last)) {
      this.cycles += 1;
      this.span += at - this.#last;
      this.high += falling ? at - this.#between : this.#between - this.#last;
    }
    this.#last = at;
  }

  /** @param {number} at   A crossing of the other direction. */
  opposite(at) {
    this.#between = at;
  }

  close() {
    this.#last = this.#between = NaN;
  }
}

/** Rises from 10 to 90 % and falls from 90 to 10 %. */
class Transitions {
  rise = new Durations();
  fall = new Durations();

  /** @param {number} i @param {number} before @param {number} now   Shares of the amplitude. */
  see(i, before, now) {
    if (now > before) {
      if (before < 0.1 && now >= 0.1) this.rise.begin(instant(i, before, now, 0.1));
      if (before < 0.9 && now >= 0.9) this.rise.end(instant(i, before, now, 0.9));
    } else if (now < before) {
      if (before > 0.9 && now <= 0.9) this.fall.begin(instant(i, before, now, 0.9));
      if (before > 0.1 && now <= 0.1) this.fall.end(instant(i, before, now, 0.1));
    }
  }

  interrupt() {
    this.rise.begin(NaN);
    this.fall.begin(NaN);
  }
}

/** The mean of durations that begin, perhaps again, and end. */
class Durations {
  count = 0;
  total = 0;
  #from = NaN;

  /** @param {number} at */
  begin(at) {
    this.#from = at;
  }

  /** @param {number} at */
  end(at) {
    if (Number.isNaN(this.#from)) return;
    this.count += 1;
    this.total += at - this.#from;
    this.#from = NaN;
  }

  get result() {
    return { count: this.count, mean: this.total / this.count };
  }
}
