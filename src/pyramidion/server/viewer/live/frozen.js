// @ts-check
import { Late } from '../frame/late.js';

/**
 * One frame, held: all of it at full resolution, so that zooming never shows another frame.
 *
 * @typedef {import('./types.js').Picture} Picture
 */
export class Frozen {
  active = false;
  /** Its full resolution is on its way. */
  coming = false;
  /** The whole frame; until it is here, what was shown of one. @type {Picture | null} */ picture = null;

  /** @type {Picture | null} */ #coarse = null;

  /** @param {import('./fetching.js').Camera} camera @param {() => void} changed */
  constructor(camera, changed) {
    this.camera = camera;
    this.changed = changed;
    /** The arithmetic. */
    this.numbers = new Late(() => import('./numbers.js'), changed);
  }

  /** All pixels of the frame are here. */
  get whole() {
    return this.picture !== null && this.picture.scale === 1 && this.picture.ask.region === null;
  }

  /** @param {Picture | null} shown   What is kept should the server be gone. */
  async hold(shown) {
    this.active = true;
    this.picture = shown;
    this.#coarse = null;
    this.coming = true;
    await Promise.all([this.numbers.come(), this.#fetch(shown)]);
    this.coming = false;
    this.changed();
  }

  /** @param {Picture | null} shown */
  async #fetch(shown) {
    if (!shown || this.whole) return;
    try {
      // The server has one frame, the newest: that one is held, and shown from now on.
      const picture = await this.camera.latest({ region: null, scale: 1 });
      if (this.active && picture) this.picture = picture;
    } catch {
      // What was shown stays, as coarse as it was.
    }
  }

  release() {
    this.active = false;
    this.picture = this.#coarse = null;
  }

  /** @param {number} scale @returns {Picture | null} The frame as coarse as that. */
  at(scale) {
    const numbers = this.numbers.here;
    if (!this.picture || !this.whole || scale === 1 || !numbers) return this.picture;
    if (this.#coarse?.scale !== scale) this.#coarse = numbers.shrink(this.picture, scale);
    return this.#coarse;
  }
}
