// @ts-check
import { shrink } from './numbers.js';

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
    if (!shown || this.whole) return;
    this.coming = true;
    try {
      // The server has one frame, the newest: that one is held, and shown from now on.
      const picture = await this.camera.latest({ region: null, scale: 1 });
      if (this.active && picture) this.picture = picture;
    } catch {
      // What was shown stays, as coarse as it was.
    }
    this.coming = false;
    this.changed();
  }

  release() {
    this.active = false;
    this.picture = this.#coarse = null;
  }

  /** @param {number} scale @returns {Picture | null} The frame as coarse as that. */
  at(scale) {
    if (!this.picture || !this.whole || scale === 1) return this.picture;
    if (this.#coarse?.scale !== scale) this.#coarse = shrink(this.picture, scale);
    return this.#coarse;
  }
}
