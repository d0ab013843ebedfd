// @ts-check
/**
 * What a view is, in one place: a frozen record that everybody reads and only `set` changes.
 *
 * @template {object} T
 */
export class State {
  /** @type {T} */ #value;
  /** @type {Set<(changed: Set<keyof T>) => void>} */ #listeners = new Set();

  /**
   * @param {T} value
   * @param {(next: T) => T} settle   Brings a record into the bounds of the data.
   */
  constructor(value, settle) {
    this.settle = settle;
    this.#value = Object.freeze(settle(value));
  }

  get value() {
    return this.#value;
  }

  /** @param {Partial<T>} patch */
  set(patch) {
    const before = this.#value;
    const next = this.settle({ ...before, ...patch });
    const keys = /** @type {(keyof T)[]} */ (Object.keys(next));
    const changed = new Set(keys.filter((key) => next[key] !== before[key] && JSON.stringify(next[key]) !== JSON.stringify(before[key])));
    if (changed.size === 0) return;
    this.#value = Object.freeze(next);
    for (const listener of this.#listeners) listener(changed);
  }

  /** @param {(changed: Set<keyof T>) => void} listener   Called with the keys that changed. */
  listen(listener) {
    this.#listeners.add(listener);
  }
}
