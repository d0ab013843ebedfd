// @ts-check
import { asViewerError } from '../store/errors.js';

/** What the server tells of camera and recording, asked for again and again at a calm rate. */
export class News {
  /** @type {import('./types.js').Info} */ info = {};
  /** Seconds that the server's clock is ahead of ours. */
  ahead = 0;
  /** @type {import('../store/errors.js').ViewerError | null} */ trouble = null;

  #timer = 0;
  #best = Infinity;

  /**
   * @param {import('./fetching.js').Camera} camera @param {number} every   Milliseconds.
   * @param {(roundTrip: number) => void} heard
   */
  constructor(camera, every, heard) {
    this.camera = camera;
    this.every = every;
    this.heard = heard;
  }

  start() {
    void this.#ask();
  }

  /** Ask now, and then as before. */
  hurry() {
    clearTimeout(this.#timer);
    void this.#ask();
  }

  /** @param {number} time   On the server's clock. @returns {number} Seconds since then. */
  age(time) {
    return Date.now() / 1000 + this.ahead - time;
  }

  async #ask() {
    const sent = performance.now();
    let roundTrip = NaN;
    try {
      this.info = await this.camera.info();
      roundTrip = performance.now() - sent;
      this.trouble = null;
      this.#setClock(roundTrip);
    } catch (error) {
      this.trouble = asViewerError(error, this.camera.where);
      this.#best = Infinity;
    }
    this.#timer = window.setTimeout(() => void this.#ask(), this.every);
    this.heard(roundTrip);
  }

  /** The quickest answer tells best what time it is there. @param {number} roundTrip */
  #setClock(roundTrip) {
    const { timestamp, age_s: age } = this.info;
    this.#best *= 1.02; // clocks drift: no answer is the best for ever
    if (!(timestamp > 0) || !Number.isFinite(age) || roundTrip > this.#best) return;
    this.#best = roundTrip;
    this.ahead = timestamp + age - (Date.now() - roundTrip / 2) / 1000;
  }
}
