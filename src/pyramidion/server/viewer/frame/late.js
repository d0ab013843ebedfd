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
  /** @type {Promise<M> | null} */ #promise = null;

  /** @param {() => Promise<M>} load @param {() => void} arrived */
  constructor(load, arrived) {
    this.load = load;
    this.arrived = arrived;
  }

  /** @returns {M | null} The module; null while it is not here. */
  get() {
    if (this.#module === null && !this.coming) void this.come();
    return this.#module;
  }

  /** @returns {M | null} The same, without asking for it. */
  get here() {
    return this.#module;
  }

  /** @returns {Promise<M | null>} Null where it cannot be had. */
  async come() {
    if (this.#module !== null) return this.#module;
    this.coming = true;
    this.#promise ??= this.load();
    try {
      const module = await this.#promise;
      const first = this.#module === null;
      this.#module = module;
      this.coming = false;
      if (first) this.arrived();
    } catch {
      this.coming = false; // the server is gone: what is here can still be looked at
      this.#promise = null;
    }
    return this.#module;
  }
}
