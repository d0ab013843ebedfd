// @ts-check
/**
 * One time cursor for all that is looked at together: Unix seconds, in this page and in others of the same origin.
 */
export class Clock {
  /** @type {number | null} */ time = null;
  /** @type {Set<(time: number, by: unknown) => void>} */ #listeners = new Set();
  /** @type {BroadcastChannel | null} */ #channel = null;

  constructor() {
    if (typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel('pyramidion-clock');
    this.#channel.onmessage = ({ data }) => {
      if (typeof data === 'number' && Number.isFinite(data)) this.#tell(data, null);
    };
  }

  /** @param {number} time @param {unknown} by   Who says so, and is not told. */
  set(time, by) {
    if (!Number.isFinite(time) || time === this.time) return;
    this.#tell(time, by);
    this.#channel?.postMessage(time);
  }

  /** @param {(time: number, by: unknown) => void} listener */
  listen(listener) {
    this.#listeners.add(listener);
  }

  /** @param {number} time @param {unknown} by */
  #tell(time, by) {
    this.time = time;
    for (const listener of this.#listeners) listener(time, by);
  }
}
