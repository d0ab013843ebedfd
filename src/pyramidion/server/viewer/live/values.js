// @ts-check
import { Late } from '../frame/late.js';

const EVERY = 200; // ms between two countings
const SHARE = 4; // counting and fetching may take one part in so many of the time

/**
 * The values of a region: from the picture where that has every pixel of it, else fetched for it, at a calm rate.
 *
 * @typedef {import('./types.js').Picture} Picture
 * @typedef {import('./types.js').Region} Region
 */
export class RegionValues {
  /** @type {import('./types.js').Statistics | null} */ result = null;
  coming = false;

  #due = 0;
  #abort = new AbortController();

  /** @param {import('./fetching.js').Camera} camera @param {() => void} changed */
  constructor(camera, changed) {
    this.camera = camera;
    this.changed = changed;
    /** The arithmetic. */
    this.numbers = new Late(() => import('./numbers.js'), changed);
  }

  /** The region is another one. */
  forget() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.result = null;
    this.#due = 0;
  }

  /**
   * With a frame of the screen.
   *
   * @param {number} now @param {Region | null} region @param {Picture | null} picture   What is shown. @param {boolean} fetching   It may be fetched.
   */
  step(now, region, picture, fetching) {
    const numbers = region && this.numbers.get();
    if (!numbers || now < this.#due) return;
    if (picture && numbers.covers(picture, region)) {
      if (this.result?.number !== picture.number) this.#count(picture, region, performance.now());
    } else if (fetching && !this.coming) {
      void this.#fetch(region);
    }
  }

  /** @param {Region} region */
  async #fetch(region) {
    const { signal } = this.#abort;
    const begun = performance.now();
    this.coming = true;
    try {
      const picture = await this.camera.latest({ region, scale: 1 }, { signal });
      if (picture && !signal.aborted) this.#count(picture, region, begun);
    } catch {
      this.#due = performance.now() + 5 * EVERY; // whoever fetches the picture says what is wrong
    }
    this.coming = false;
  }

  /** @param {Picture} picture @param {Region} region @param {number} begun */
  #count(picture, region, begun) {
    this.result = this.numbers.here?.statistics(picture, region) ?? null;
    const now = performance.now();
    this.#due = now + Math.max(EVERY, SHARE * (now - begun));
    this.changed();
  }
}
