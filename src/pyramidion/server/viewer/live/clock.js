// @ts-check
/**
 * The live picture and the time cursor that all panels share.
 *
 * New pictures come by themselves: they move nobody else, unless a person wants that (`leads`). A frozen picture does: it
 * is a moment that somebody chose.
 */
const EVERY = 100; // ms between two times told while others follow

export class LiveClock {
  /** The others follow each new picture. */
  leads = false;

  /** Unix seconds. @type {number | null} */ #cursor = null;
  #told = -Infinity;

  /** @param {import('./panel.js').LivePanel} panel */
  constructor(panel) {
    this.panel = panel;
  }

  /** @returns {number | null} Seconds from the time cursor to the picture that is shown; null where there is none, or it comes along. */
  get behind() {
    const { picture } = this.panel;
    return this.#cursor === null || this.leads || !picture ? null : picture.time - this.#cursor;
  }

  /** Let the others follow, or no longer. */
  toggle() {
    this.leads = !this.leads;
    this.#told = -Infinity;
    this.panel.host.say(this.leads ? 'What else is open follows the live picture' : 'What else is open stays where it is');
    if (this.leads) this.#tell();
  }

  /** A new picture is here. @param {number} now   Milliseconds. */
  advance(now) {
    if (!this.leads || now - this.#told < EVERY) return;
    this.#told = now;
    this.#tell();
  }

  /** The picture was frozen. */
  frozen() {
    this.#tell();
  }

  /** Another panel has set the cursor: whoever moves there does not want to be dragged along. @param {number} time   Unix seconds. */
  show(time) {
    this.#cursor = time;
    if (this.leads) this.toggle();
  }

  #tell() {
    const { picture, host } = this.panel;
    if (!picture || !Number.isFinite(picture.time)) return;
    this.#cursor = picture.time;
    host.time(picture.time);
  }
}
