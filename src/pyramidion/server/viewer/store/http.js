// @ts-check
import { ViewerError } from './errors.js';

/**
 * What went over the wire so far; one object for all stores of the page.
 *
 * @typedef {{requests: number, bytes: number, errors: number}} Traffic
 */

/**
 * @typedef {object} ReadOptions
 * @property {AbortSignal} [signal]
 * @property {(received: number) => void} [progress]  Called with the bytes received so far.
 * @property {'no-store' | 'no-cache' | 'default'} [cache]
 */

/**
 * Reads keys of a store over HTTP. A missing key is `null`, everything else that is not data is a ViewerError:
 * a failed read must never look like a missing chunk, because that would be drawn as the fill value.
 */
export class HttpStore {
  #suffixRefused = false;

  /**
   * @param {URL} base       Address of the store's folder; a query (a signature, a token) is sent with every key.
   * @param {Traffic} traffic
   */
  constructor(base, traffic) {
    this.base = base;
    this.traffic = traffic;
  }

  /** @param {string} path @returns {string} The address of a key. */
  url(path) {
    const url = new URL(this.base.href);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path ? `/${path}` : ''}`;
    url.hash = '';
    return url.href;
  }

  /** @param {string} path @returns {string} The address for messages: no query, so no secrets. */
  where(path) {
    const url = new URL(this.url(path));
    try {
      return decodeURI(url.origin + url.pathname);
    } catch {
      return url.origin + url.pathname; // a stray percent sign
    }
  }

  /**
   * The whole value of a key.
   *
   * @param {string} path @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer> | null>}
   */
  async get(path, options = {}) {
    const response = await this.#send(path, {}, options);
    if (response === null) return null;
    return this.#body(response, path, options);
  }

  /**
   * `length` bytes from `start` on.
   *
   * @param {string} path @param {number} start @param {number} length @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer> | null>}
   */
  async range(path, start, length, options = {}) {
    const wanted = `bytes=${start}-${start + length - 1}`;
    const response = await this.#send(path, { headers: { Range: wanted } }, options);
    if (response === null) return null;
    if (response.status !== 206) {
      await response.body?.cancel();
      throw this.#noRanges(path, response.status);
    }
    const stated = contentRange(response);
    if (stated && (stated.start !== start || stated.end !== start + length - 1)) {
      await response.body?.cancel();
      if (stated.start === start && stated.end < start + length - 1) throw this.#short(path, stated.end + 1, start + length);
      throw this.#otherBytes(path, wanted);
    }
    const bytes = await this.#body(response, path, options);
    if (bytes.length !== length) throw this.#broken(path, bytes.length, length);
    return bytes;
  }

  /**
   * The last `length` bytes, and the size of the whole value where the server states it.
   *
   * A suffix range needs no size beforehand, so this is one request. Servers that refuse it (some do not know suffix
   * ranges, some do not allow the header from another origin) are asked for the size first from then on.
   *
   * @param {string} path @param {number} length @param {ReadOptions} [options]
   * @returns {Promise<{bytes: Uint8Array<ArrayBuffer>, total: number | null} | null>}
   */
  async suffix(path, length, options = {}) {
    if (!this.#suffixRefused) {
      const answer = await this.#trySuffix(path, length, options);
      if (answer !== 'refused') return answer;
    }
    const head = await this.#send(path, { method: 'HEAD' }, options);
    if (head === null) return null;
    const total = Number(head.headers.get('Content-Length') ?? NaN);
    if (!(total > 0)) throw this.#noRanges(path, head.status);
    if (total < length) throw this.#short(path, total, length);
    const bytes = await this.range(path, total - length, length, options);
    this.#suffixRefused = true;
    return bytes && { bytes, total };
  }

  /**
   * @param {string} path @param {number} length @param {ReadOptions} options
   * @returns {Promise<{bytes: Uint8Array<ArrayBuffer>, total: number | null} | null | 'refused'>}
   */
  async #trySuffix(path, length, options) {
    const wanted = `bytes=-${length}`;
    /** @type {Response | null} */ let response;
    try {
      response = await this.#send(path, { headers: { Range: wanted } }, options);
    } catch (error) {
      const foreign = this.base.origin !== location.origin;
      if (foreign && error instanceof ViewerError && error.kind === 'network') return 'refused';
      throw error;
    }
    if (response === null) return null;
    if (response.status !== 206) {
      await response.body?.cancel();
      return 'refused';
    }
    const stated = contentRange(response);
    if (stated && stated.total !== null && stated.end !== stated.total - 1) {
      await response.body?.cancel();
      throw this.#otherBytes(path, wanted);
    }
    const bytes = await this.#body(response, path, options);
    if (bytes.length < length) throw this.#short(path, bytes.length, length);
    if (bytes.length > length) throw this.#otherBytes(path, wanted);
    return { bytes, total: stated?.total ?? null };
  }

  /**
   * @param {string} path @param {RequestInit} init @param {ReadOptions} options
   * @returns {Promise<Response | null>} A successful answer, or null for "not there".
   */
  async #send(path, init, options) {
    this.traffic.requests += 1;
    /** @type {Response} */ let response;
    try {
      // Data bypass the browser's cache: it would queue the ranges of one shard behind each other, and ours holds
      // the decoded chunks anyway.
      response = await fetch(this.url(path), { cache: options.cache ?? 'no-store', signal: options.signal ?? null, ...init });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      this.traffic.errors += 1;
      throw this.#network(path);
    }
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 404 || response.status === 410) return null;
    this.traffic.errors += 1;
    throw this.#status(path, response);
  }

  /**
   * @param {Response} response @param {string} path @param {ReadOptions} options
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async #body(response, path, options) {
    /** @type {Uint8Array<ArrayBuffer>[]} */ const parts = [];
    let received = 0;
    const reader = response.body?.getReader();
    try {
      for (;;) {
        const step = await reader?.read();
        if (!step || step.done) break;
        parts.push(step.value);
        received += step.value.length;
        this.traffic.bytes += step.value.length;
        options.progress?.(received);
      }
    } catch (error) {
      if (options.signal?.aborted) throw error;
      const stated = response.headers.get('Content-Length');
      throw this.#broken(path, received, stated ? Number(stated) : null);
    }
    return join(parts, received);
  }

  /** @param {string} path @returns {ViewerError} */
  #network(path) {
    const foreign = this.base.origin !== location.origin;
    return foreign
      ? new ViewerError(
          this.where(path),
          `${this.base.origin} gave this page no answer: it cannot be reached, or it does not allow pages from ${location.origin} to read it (CORS)`,
          `Run \`pyramidion check ${this.where('')} --origin ${location.origin}\`: it names the rule to add (CORS in a bucket, \`pyramidion serve --cors ORIGIN\`)`,
          'network',
        )
      : new ViewerError(this.where(path), 'the server gave no answer', 'Check that it is still running, then try again', 'network');
  }

  /** @param {string} path @param {Response} response @returns {ViewerError} */
  #status(path, response) {
    const code = `${response.status}${response.statusText ? ` ${response.statusText}` : ''}`;
    if (response.status === 401 || response.status === 403) {
      const mend = 'Ask for permission or for a new link; in a bucket, make the objects public and allow listing';
      return new ViewerError(this.where(path), `the server refused to hand it out (${code})`, mend, 'status');
    }
    if (response.status === 416) return this.#short(path, null, null);
    if (response.status >= 500) {
      return new ViewerError(this.where(path), `the server has a fault (${code})`, 'Look at its log, then try again', 'status');
    }
    return new ViewerError(this.where(path), `the server answered ${code}`, 'Check the address', 'status');
  }

  /** @param {string} path @param {number} status @returns {ViewerError} */
  #noRanges(path, status) {
    this.traffic.errors += 1;
    return new ViewerError(
      this.where(path),
      `this server does not support byte ranges (it answered ${status} to a request for a part)`,
      'Sharded stores need them: serve the folder with `pyramidion serve`, nginx, Apache or from a bucket',
      'range',
    );
  }

  /** @param {string} path @param {string} wanted @returns {ViewerError} */
  #otherBytes(path, wanted) {
    this.traffic.errors += 1;
    return new ViewerError(
      this.where(path), `the server sent other bytes than the ones asked for (${wanted})`,
      'A proxy or server in between handles ranges wrongly: open the data without it', 'range',
    );
  }

  /** @param {string} path @param {number | null} size @param {number | null} needed @returns {ViewerError} */
  #short(path, size, needed) {
    this.traffic.errors += 1;
    const detail = size === null ? '' : ` (${size} bytes, at least ${needed} needed)`;
    return new ViewerError(
      this.where(path), `the file is shorter than it must be${detail}`,
      'It was cut off, or is still being written: copy it again, or run `pyramidion verify`', 'damaged',
    );
  }

  /** @param {string} path @param {number} received @param {number | null} stated @returns {ViewerError} */
  #broken(path, received, stated) {
    this.traffic.errors += 1;
    const of = stated ? ` of ${stated}` : '';
    return new ViewerError(
      this.where(path), `the answer broke off after ${received}${of} bytes`,
      'The connection or the server failed in the middle: try again', 'network',
    );
  }
}

/**
 * @param {Response} response
 * @returns {{start: number, end: number, total: number | null} | null} Null where the header may not be read (CORS).
 */
function contentRange(response) {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('Content-Range') ?? '');
  if (!match) return null;
  return { start: Number(match[1]), end: Number(match[2]), total: match[3] === '*' ? null : Number(match[3]) };
}

/** @param {Uint8Array<ArrayBuffer>[]} parts @param {number} length @returns {Uint8Array<ArrayBuffer>} */
function join(parts, length) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
