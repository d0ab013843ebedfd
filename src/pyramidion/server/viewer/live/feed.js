// @ts-check
import { asViewerError } from '../store/errors.js';
import { requestsAtOnce, retryAfter, sameAsk } from './asking.js';

/**
 * @typedef {import('./types.js').Ask} Ask
 * @typedef {import('./types.js').Picture} Picture
 * @typedef {import('./types.js').Pending} Pending
 */

const WAIT = 1000; // ms that the server may wait for the next frame
const PATIENCE = 60; // ms that a request for another view may still take
const QUIET = 300; // ms until the next try where no frame is there yet

/**
 * Fetches one frame after the other, paced by the display: each frame of the screen allows one request, and no more are
 * on their way than the connection needs. So nothing queues up: a slow connection skips frames and never lags.
 */
export class Feed {
  /** The newest picture, until it is taken. @type {Picture | null} */ arrived = null;
  /** Number of the newest frame; -1 for none. */
  newest = -1;
  /** What the newest picture was asked for as. @type {Ask | null} */ received = null;
  /** Why the last request failed. @type {import('../store/errors.js').ViewerError | null} */ trouble = null;
  /** When the next try is due (`performance.now()`). */
  retryAt = 0;
  /** Milliseconds from asking for something small to having it. */
  roundTrip = 0;
  /** Frames a second that the camera takes. */
  rate = 0;

  /** Milliseconds that the bytes of a picture take, about. */ #took = 0;
  /** @type {Set<Pending>} */ #pending = new Set();
  #failures = 0;
  /** What the view needs; null while nothing is to be fetched. @type {Ask | null} */ #ask = null;
  /** The screen has shown a frame since the last request. */
  #paced = false;
  #sent = -Infinity;

  /** @param {import('./fetching.js').Camera} camera @param {() => void} restarted   Frame numbers begin anew. */
  constructor(camera, restarted) {
    this.camera = camera;
    this.restarted = restarted;
  }

  /** Once for each frame of the screen. @param {number} now @param {Ask} ask   What the view needs. */
  step(now, ask) {
    this.#ask = ask;
    this.#paced = true;
    for (const pending of this.#pending) if (pending.waits && now - pending.started > PATIENCE && !sameAsk(pending.ask, ask)) pending.abort.abort();
    this.#send();
  }

  /** @returns {Picture | null} What has arrived since the last call. */
  take() {
    const { arrived } = this;
    this.arrived = null;
    return arrived;
  }

  /** Let go of everything on its way, until the next step. */
  stop() {
    this.#ask = null;
    for (const pending of this.#pending) pending.abort.abort();
  }

  /** Try again now. */
  retry() {
    this.retryAt = 0;
  }

  /** Ask for the next frame, if it is time and there is room for it. */
  #send() {
    const now = performance.now();
    const ask = this.#ask;
    if (!ask || !this.#paced || now < this.retryAt) return;
    const cost = this.roundTrip + this.#took;
    const most = requestsAtOnce(cost, this.rate);
    if (this.#pending.size >= most || now - this.#sent < cost / most - 4) return;
    // Of another view the frame that is shown will do, and at once.
    const waits = this.newest >= 0 && this.received !== null && sameAsk(this.received, ask);
    if (!waits && [...this.#pending].some((pending) => sameAsk(pending.ask, ask))) return;
    this.#paced = false;
    this.#sent = now;
    void this.#fetch({ ask, waits, started: now, seen: this.newest, abort: new AbortController() });
  }

  /** @param {Pending} pending */
  async #fetch(pending) {
    this.#pending.add(pending);
    const { ask, waits, seen, abort: { signal } } = pending;
    try {
      this.#accept(await this.camera.latest(ask, waits ? { after: seen, wait: WAIT, signal } : { signal }), pending);
      this.#failures = 0;
      this.trouble = null;
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
    this.#pending.delete(pending);
    this.#send();
  }

  /** @param {Picture | null} picture @param {Pending} pending */
  #accept(picture, { seen, ask }) {
    if (!picture) {
      if (this.newest < 0) this.retryAt = performance.now() + QUIET;
      return;
    }
    this.#took += (picture.took - this.#took) / 8;
    // What was asked for after a frame was here cannot be older than that, unless the camera began anew.
    if (picture.number < seen) {
      this.newest = -1;
      this.restarted();
    }
    const overtaken = picture.number < this.newest;
    const { received } = this;
    const known = picture.number === this.newest && received !== null && sameAsk(received, ask);
    // Two requests may be on their way: of a view that was left, once the new one is here, nothing is shown again.
    const left = this.#ask !== null && received !== null && sameAsk(received, this.#ask) && !sameAsk(ask, this.#ask);
    if (overtaken || known || left) return;
    this.newest = picture.number;
    this.received = ask;
    this.arrived = picture;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#failures += 1;
    this.trouble = asViewerError(error, this.camera.where);
    this.retryAt = performance.now() + retryAfter(this.#failures);
    // Whoever answers next may be another run.
    this.newest = -1;
    this.received = null;
  }
}
