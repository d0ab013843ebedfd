// @ts-check
/**
 * A cache that is limited in bytes and drops what was used longest ago.
 *
 * @template V
 */
export class LruCache {
  /** @type {Map<string, {value: V, bytes: number}>} */ #entries = new Map();
  #bytes = 0;

  /**
   * @param {number} limit  Bytes to keep; one entry larger than this is kept alone.
   * @param {(value: V) => void} [dropped]  Called with what leaves the cache.
   */
  constructor(limit, dropped = () => {}) {
    this.limit = limit;
    this.dropped = dropped;
  }

  get bytes() {
    return this.#bytes;
  }

  get size() {
    return this.#entries.size;
  }

  /** @param {string} key @returns {V | undefined} The value, now the most recently used. */
  get(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key); // a Map keeps insertion order: the first key is the oldest
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** @param {string} key @returns {boolean} Whether it is there; its age does not change. */
  has(key) {
    return this.#entries.has(key);
  }

  /** @param {string} key @param {V} value @param {number} bytes */
  set(key, value, bytes) {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.limit || oldest === key) break;
      this.delete(oldest);
    }
  }

  /** @param {(key: string) => boolean} unwanted */
  deleteAll(unwanted) {
    for (const key of [...this.#entries.keys()]) if (unwanted(key)) this.delete(key);
  }

  /** @param {string} key */
  delete(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#bytes -= entry.bytes;
    this.#entries.delete(key);
    this.dropped(entry.value);
  }
}
