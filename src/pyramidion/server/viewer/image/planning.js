// @ts-check
import { Late } from '../frame/late.js';

/**
 * @typedef {import('./pane.js').Pane} Pane
 * @typedef {import('./panel.js').ImagePanel} ImagePanel
 */

const INTERVAL = 40; // ms between requests while the view keeps moving

/** Tells the scheduler what is needed, always together with the frame that shows it: never what an older frame showed. */
export class Planning {
  /** How one moved last. @type {import('./prefetch.js').Motion} */ motion = { axis: null, by: 1, dx: 0, dy: 0, towards: null };

  #due = false;
  #moved = false;
  #lastMove = -Infinity;
  #timer = 0;

  /** @param {ImagePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.top = panel.scheduler.interest();
    this.ahead = panel.scheduler.interest();
    /** What chooses what is fetched ahead; itself fetched when there is time. */
    this.chooser = new Late(() => import('./prefetch.js'), () => {
      this.due();
      panel.requestDraw();
    });
  }

  /** Nothing is to be told, now or soon. */
  get settled() {
    return !this.#due && this.#timer === 0 && !this.chooser.coming;
  }

  /** Plan with the next frame. */
  due() {
    this.#due = true;
  }

  /** The view is another one: plan with the next frame that is not too soon after the last move. */
  moved() {
    this.#due = this.#moved = true;
  }

  /** With a frame: state what it needs; the scheduler drops the rest. @param {readonly Pane[]} shown */
  run(shown) {
    if (!this.#due || this.#tooSoon()) return;
    this.#due = this.#moved = false;
    const { place, panes, tiles, measuring, player, scheduler } = this.panel;
    const { slice } = place;
    this.top.set(shown.flatMap((pane) => pane.top(slice).flatMap((tile) => tiles.chunks(tile).map((chunk) => ({ chunk, priority: 0 })))));
    for (const pane of panes) pane.interest.set(shown.includes(pane) ? pane.wants(slice, 1) : []);
    measuring.want(this.panel.measured, slice);
    if (!player.playing && scheduler.busy) return;
    const chooser = this.chooser.get();
    if (chooser) this.ahead.set(chooser.prefetch(shown, slice, this.motion, player.playing));
  }

  /** @returns {boolean} A move may wait for the next one; a frame then follows of itself. */
  #tooSoon() {
    const now = performance.now();
    const wait = this.#moved ? this.#lastMove + INTERVAL - now : 0;
    if (wait > 0) {
      this.#timer ||= window.setTimeout(() => {
        this.#timer = 0;
        this.panel.requestDraw();
      }, wait);
    } else if (this.#moved) {
      this.#lastMove = now;
    }
    return wait > 0;
  }
}
