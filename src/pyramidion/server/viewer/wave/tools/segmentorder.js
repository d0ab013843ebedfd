// @ts-check
/**
 * The order of a million numbers in the time of a few frames: a radix sort, which takes the bits of each number as they are
 * stored (IEEE 754), so turned that they count upwards with it. A generator, to be run in slices (`slices.js`).
 */

const STEP = 2 ** 14; // numbers between two yields
const DIGIT = 16; // bits
const SIGN = 0x8000_0000;
const LAST = 0xffff_ffff; // both words of what is no number

/**
 * @param {Float64Array} values   May change meanwhile: each is looked at once.
 * @param {boolean} down   The largest first. Equal ones stay in order, and those that are no number come last, either way.
 * @returns {Generator<number, Uint32Array>} Where each is in `values`; yields the share that is done.
 */
export function* orderOf(values, down) {
  const count = values.length;
  const words = [new Uint32Array(count), new Uint32Array(count)]; // low, high
  let order = new Uint32Array(count);
  let next = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    order[i] = i;
    if (i % STEP === 0) yield (0.2 * i) / count;
  }
  yield* readKeys(values, down, words);
  for (let digit = 0; digit < 4; digit++) {
    const share = 0.4 + 0.15 * digit;
    const shift = DIGIT * (digit % 2);
    const places = yield* placesOf(words[digit >> 1], shift, share);
    if (!places) continue; // all have the same digit
    const word = words[digit >> 1];
    for (let i = 0; i < count; i++) {
      const at = order[i];
      next[places[(word[at] >>> shift) & 0xffff]++] = at;
      if (i % STEP === 0) yield share;
    }
    [order, next] = [next, order];
  }
  return order;
}

/** @param {Float64Array} values @param {boolean} down @param {Uint32Array[]} words   Filled. @returns {Generator<number, void>} */
function* readKeys(values, down, [lows, highs]) {
  const one = new Float64Array(1);
  const parts = new Uint32Array(one.buffer);
  const round = down ? LAST : 0;
  const [low, high] = new Uint32Array(Float64Array.of(-2).buffer)[0] === 0 ? [0, 1] : [1, 0]; // where the sign is
  for (let i = 0; i < values.length; i++) {
    one[0] = values[i] + 0; // no -0
    const turned = one[0] < 0 ? LAST : 0; // below 0 all bits, above it the sign alone
    const nan = one[0] !== one[0];
    lows[i] = nan ? LAST : parts[low] ^ turned ^ round;
    highs[i] = nan ? LAST : parts[high] ^ (turned | SIGN) ^ round;
    if (i % STEP === 0) yield 0.2 + (0.2 * i) / values.length;
  }
}

/**
 * @param {Uint32Array} word @param {number} shift @param {number} share
 * @returns {Generator<number, Uint32Array | null>} Where the first number with each digit goes; null where all have the same.
 */
function* placesOf(word, shift, share) {
  const counts = new Uint32Array(2 ** DIGIT);
  for (let i = 0; i < word.length; i++) {
    counts[(word[i] >>> shift) & 0xffff] += 1;
    if (i % STEP === 0) yield share;
  }
  let at = 0;
  for (let digit = 0; digit < counts.length; digit++) {
    const count = counts[digit];
    if (count === word.length) return null;
    counts[digit] = at;
    at += count;
  }
  return counts;
}
