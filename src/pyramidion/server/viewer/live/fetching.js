// @ts-check
import { ITEM_SIZE, toNumbers } from '../decode/numbers.js';
import { ViewerError } from '../store/errors.js';

/**
 * The newest frame of a camera over HTTP, or a part of it.
 *
 * @typedef {import('./types.js').Ask} Ask
 * @typedef {import('./types.js').Picture} Picture
 */

const KINDS = /** @type {Record<string, string>} */ ({ i: 'int', u: 'uint', f: 'float' });

const SPARE = 3; // pieces of memory kept for frames that come

/** A camera behind a server. */
export class Camera {
  /** @type {ArrayBuffer[]} */ #spare = [];

  /** @param {URL} base   Address of the server. @param {import('../store/http.js').Traffic} traffic */
  constructor(base, traffic) {
    this.base = new URL(base.href);
    this.base.pathname = `${base.pathname.replace(/\/+$/, '')}/`;
    this.base.hash = '';
    this.traffic = traffic;
  }

  /** @returns {string} The address for messages: no query, so no secrets. */
  get where() {
    return this.base.origin + this.base.pathname;
  }

  /** @param {string} path @returns {URL} An address on the server. */
  url(path) {
    const url = new URL(path, this.base);
    url.search = this.base.search;
    return url;
  }

  /**
   * @param {Ask} ask @param {import('./types.js').Wish} [wish]
   * @returns {Promise<Picture | null>} Null when no frame is there, or none that is new enough.
   */
  async latest(ask, { after = -1, wait = 0, signal } = {}) {
    const url = this.url('latest');
    const { region, scale } = ask;
    if (region) for (const [key, value] of Object.entries({ x: region.x, y: region.y, w: region.width, h: region.height })) url.searchParams.set(key, String(value));
    if (scale > 1) url.searchParams.set('scale', String(scale));
    if (after >= 0) url.searchParams.set('after', String(after));
    if (wait > 0) url.searchParams.set('wait', String(wait));
    const response = await this.#send(url, signal);
    const begun = performance.now();
    const bytes = await this.#body(response, signal, sizeOf(response.headers));
    if (!response.ok || bytes.length === 0) return null;
    return { ...picture(bytes, response.headers, ask, this.where), took: performance.now() - begun };
  }

  /** Nobody looks at a picture any more: the next may have its memory. @param {Picture} picture */
  recycle({ data }) {
    if (this.#spare.length < SPARE) this.#spare.push(/** @type {ArrayBuffer} */ (data.buffer));
  }

  /** @param {AbortSignal} [signal] @returns {Promise<Record<string, any>>} How camera and recording stand. */
  async info(signal) {
    const response = await this.#send(this.url('info'), signal);
    const text = new TextDecoder().decode(await this.#body(response, signal, 0));
    if (!response.ok) return {};
    try {
      return JSON.parse(text);
    } catch {
      throw new ViewerError(`${this.where}info`, 'not valid JSON', 'Check the address: it must be that of a camera server', 'json');
    }
  }

  /** @param {URL} url @param {AbortSignal} [signal] @returns {Promise<Response>} An answer with data, or one that says there are none yet. */
  async #send(url, signal) {
    this.traffic.requests += 1;
    /** @type {Response} */ let response;
    try {
      response = await fetch(url, { cache: 'no-store', signal: signal ?? null });
    } catch (error) {
      throw signal?.aborted ? error : this.#silent();
    }
    if (response.ok || response.status === 304 || response.status === 503) return response;
    this.traffic.errors += 1;
    const detail = await response.json().then(({ detail }) => `: ${String(detail)}`, () => '');
    if (response.status === 404) throw new ViewerError(`${this.where}${url.pathname.split('/').at(-1)}`, 'there is no live camera here (404)', 'Start one with `pyramidion acquire`, or check the address', 'missing');
    throw new ViewerError(`${this.where}${url.pathname.split('/').at(-1)}`, `the server answered ${response.status}${detail}`, 'Look at its log', 'status');
  }

  /** @param {Response} response @param {AbortSignal | undefined} signal @param {number} size   Bytes that should come; 0 where that is not known. */
  async #body(response, signal, size) {
    try {
      const reader = size > 0 ? bytesReader(response) : null;
      const bytes = reader ? await this.#fill(reader, size) : new Uint8Array(await response.arrayBuffer());
      this.traffic.bytes += bytes.length;
      return bytes;
    } catch (error) {
      throw signal?.aborted ? error : this.#silent();
    }
  }

  /**
   * Read into memory that was used before: so many megabytes a second would keep the garbage collector busy.
   *
   * @param {ReadableStreamBYOBReader} reader @param {number} size @returns {Promise<Uint8Array<ArrayBuffer>>} All bytes that come, but at most one more than expected.
   */
  async #fill(reader, size) {
    const known = this.#spare.findIndex(({ byteLength }) => byteLength === size);
    let buffer = known < 0 ? new ArrayBuffer(size) : this.#spare.splice(known, 1)[0];
    for (let at = 0; at < size;) {
      const { value, done } = await reader.read(new Uint8Array(buffer, at, size - at));
      if (!value) break;
      buffer = /** @type {ArrayBuffer} */ (value.buffer);
      at += value.length;
      if (done) return new Uint8Array(buffer, 0, at);
    }
    const { done } = await reader.read(new Uint8Array(1)); // to the end, so that the connection can be used again
    return done ? new Uint8Array(buffer) : new Uint8Array(size + 1);
  }

  /** @returns {ViewerError} */
  #silent() {
    this.traffic.errors += 1;
    const foreign = this.base.origin !== location.origin;
    return new ViewerError(
      this.where, foreign ? `${this.base.origin} gave this page no answer: it cannot be reached, or it does not allow pages from ${location.origin} (CORS)` : 'the server gave no answer',
      'Check that the camera\u2019s program is still running', 'network',
    );
  }
}

/** @param {Response} response @returns {ReadableStreamBYOBReader | null} Null in browsers that have none. */
function bytesReader({ body }) {
  try {
    return body?.getReader({ mode: 'byob' }) ?? null;
  } catch {
    return null;
  }
}

/** @param {Headers} headers @returns {number} Bytes of the picture that they announce; 0 for none. */
function sizeOf(headers) {
  const [height, width] = (headers.get('X-Frame-Shape') ?? '').split(',').map(Number);
  const { dtype } = elementType(headers.get('X-Frame-Dtype') ?? '');
  return height * width * ITEM_SIZE[dtype] || 0;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes @param {Headers} headers @param {Ask} ask @param {string} where
 * @returns {Picture}
 */
export function picture(bytes, headers, ask, where) {
  const [height, width] = (headers.get('X-Frame-Shape') ?? '').split(',').map(Number);
  const { dtype, little } = elementType(headers.get('X-Frame-Dtype') ?? '');
  if (!(width * height > 0) || !(dtype in ITEM_SIZE) || bytes.length !== width * height * ITEM_SIZE[dtype]) {
    throw new ViewerError(
      `${where}latest`, `${bytes.length} bytes are no frame of ${height} × ${width} ${dtype || 'unknown'} pixels`,
      'A proxy in between may hide the headers X-Frame-Shape and X-Frame-Dtype: open the server\u2019s own page', 'damaged',
    );
  }
  return {
    data: toNumbers(bytes, dtype, little), dtype, width, height, ask, x: ask.region?.x ?? 0, y: ask.region?.y ?? 0, scale: ask.scale, took: 0,
    number: Number(headers.get('X-Frame-Number')), time: Number(headers.get('X-Timestamp')),
  };
}

/**
 * An element type as numpy writes it: `uint16` or `<u2`.
 *
 * @param {string} text @returns {{dtype: string, little: boolean}}
 */
export function elementType(text) {
  const match = /^([<>|=]?)([iuf])([1248])$/.exec(text);
  if (!match) return { dtype: text, little: true };
  return { dtype: `${KINDS[match[2]]}${8 * Number(match[3])}`, little: match[1] !== '>' };
}
