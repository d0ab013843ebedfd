// @ts-check
/**
 * A module that is fetched when it is first needed, so that no page waits for what few views use.
 *
 * @template M
 */
export class Late {
  /** On its way. */
  coming = false;
  /** @type {M | null} */ #module = null;

  /** @param {() => Promise<M>} load @param {() => void} arrived */
  constructor(load, arrived) {
    this.load = load;
    this.arrived = arrived;
  }

  /** @returns {M | null} The module; null while it is not here. */
  get() {
    if (this.#module === null && !this.coming) {
      this.coming = true;
      void this.load().then((module) => {
        this.#module = module;
        this.coming = false;
        this.arrived();
      }, () => {
        this.coming = false; // the server is gone: what is here can still be looked at
      });
    }
    return this.#module;
  }
}
