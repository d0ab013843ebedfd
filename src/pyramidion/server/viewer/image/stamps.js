// @ts-check
/**
 * The times of many frames, of which only a few are read: a page here and there.
 *
 * @typedef {object} Page
 * @property {number} from
 * @property {Float64Array} values
 */

export const PAGE = 4096; // stamps read at once: 32 KiB
const MOST_PAGES = 64;

export class Stamps {
  /** The newest used last. @type {Map<number, Promise<Page>>} */ #pages = new Map();

  /**
   * @param {() => number} count   How many there are; may grow.
   * @param {(from: number, to: number) => Promise<Float64Array>} read   Those from one number up to, without, another; ascending.
   */
  constructor(count, read) {
    this.count = count;
    this.read = read;
  }

  /** @param {number} number @returns {Promise<number>} The time of a frame; NaN where there is none. */
  async at(number) {
    if (!(number >= 0 && number < this.count())) return NaN;
    const { from, values } = await this.#page(number);
    return values[number - from];
  }

  /**
   * The last frame that was taken by a time.
   *
   * Times grow about evenly, so its place is guessed from both ends; every third guess is the middle, in case they do not.
   *
   * @param {number} time @returns {Promise<number>} -1 where all are later.
   */
  async find(time) {
    let [low, high] = [0, this.count() - 1];
    let [first, last] = await Promise.all([this.at(low), this.at(high)]);
    if (!(first <= time)) return -1;
    if (last <= time) return high;
    for (let round = 1; high - low > 1; round++) {
      const share = round % 3 === 0 ? 0.5 : (time - first) / (last - first);
      const guess = Math.max(low + 1, Math.min(high - 1, low + Math.floor(share * (high - low))));
      const { from, values } = await this.#page(guess);
      const end = Math.min(high, from + values.length); // without
      const found = lastBy(values, Math.max(low, from) - from, end - from, time) + from;
      if (found < Math.max(low, from)) [high, last] = [from, values[0]];
      else if (found < end - 1) return found;
      else [low, first] = [found, values[found - from]];
    }
    return low;
  }

  /** @param {number} number @returns {Promise<Page>} */
  async #page(number) {
    const from = number - (number % PAGE);
    const here = await this.#pages.get(from);
    if (here && number < from + here.values.length) {
      this.#keep(from, Promise.resolve(here));
      return here;
    }
    const coming = this.read(from, Math.min(from + PAGE, this.count())).then((values) => ({ from, values }));
    this.#keep(from, coming);
    try {
      return await coming;
    } catch (error) {
      this.#pages.delete(from);
      throw error;
    }
  }

  /** @param {number} from @param {Promise<Page>} page */
  #keep(from, page) {
    this.#pages.delete(from);
    this.#pages.set(from, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MOST_PAGES) return;
      this.#pages.delete(oldest);
    }
  }
}

/**
 * @param {Float64Array} values   Ascending. @param {number} from @param {number} to   Without. @param {number} time
 * @returns {number} The last one of them that is not later; `from - 1` for none.
 */
function lastBy(values, from, to, time) {
  let [low, high] = [from - 1, to];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= time) low = middle;
    else high = middle;
  }
  return low;
}
