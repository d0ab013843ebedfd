// @ts-check
import { ViewerError } from '../store/errors.js';
import { decodeChunk } from './chain.js';

/** @typedef {import('./chain.js').ChunkSpec} ChunkSpec */
/** @typedef {import('./numbers.js').Numbers} Numbers */
/** @typedef {{bytes: Uint8Array<ArrayBuffer>, spec: ChunkSpec, resolve: (data: Numbers) => void, reject: (error: unknown) => void}} Task */

/**
 * A few workers that decode chunks; where workers cannot start, the main thread decodes instead.
 */
export class DecodePool {
  /** Milliseconds spent decoding so far, over all workers. */
  decodeMs = 0;

  /** @type {Worker[]} */ #idle = [];
  /** @type {Set<Worker>} */ #workers = new Set();
  /** @type {Map<Worker, Task>} */ #running = new Map();
  /** @type {Task[]} */ #queue = [];
  #starting = 0;

  /** @param {number} [size]  Workers to start; by default one less than the cores, 2 to 4: the page mostly waits while they work. */
  constructor(size = Math.max(2, Math.min(4, (navigator.hardwareConcurrency || 2) - 1))) {
    for (let i = 0; i < size; i++) this.#start();
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes  The whole buffer is handed over to a worker: pass a copy of its own.
   * @param {ChunkSpec} spec
   * @returns {Promise<Numbers>}
   */
  decode(bytes, spec) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes, spec, resolve, reject });
      this.#pump();
    });
  }

  #start() {
    /** @type {Worker} */ let worker;
    try {
      worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    } catch {
      return; // no workers here, e.g. a page opened from disk
    }
    this.#starting += 1;
    worker.onmessage = (event) => {
      if (event.data.ready) {
        this.#starting -= 1;
        this.#workers.add(worker);
        this.#idle.push(worker);
      } else {
        this.#finish(worker, event.data);
      }
      this.#pump();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#lose(worker);
    };
  }

  /** @param {Worker} worker */
  #lose(worker) {
    if (this.#workers.delete(worker)) this.#idle = this.#idle.filter((other) => other !== worker);
    else this.#starting -= 1;
    const task = this.#running.get(worker);
    this.#running.delete(worker);
    worker.terminate();
    // Its bytes went with it, so the task cannot be given to another worker.
    task?.reject(new ViewerError(task.spec.where, 'the decoder stopped', 'Try again; a chunk may be too large for this browser', 'internal'));
    this.#pump();
  }

  /** @param {Worker} worker @param {import('./worker.js').DecodeAnswer} answer */
  #finish(worker, answer) {
    const task = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    this.decodeMs += answer.ms;
    if (!task) return;
    if (answer.data) task.resolve(answer.data);
    else if (answer.error) task.reject(ViewerError.fromPlain(answer.error));
  }

  #pump() {
    while (this.#queue.length > 0 && this.#idle.length > 0) {
      const worker = /** @type {Worker} */ (this.#idle.pop());
      const task = /** @type {Task} */ (this.#queue.shift());
      this.#running.set(worker, task);
      worker.postMessage({ bytes: task.bytes, spec: task.spec }, [task.bytes.buffer]);
    }
    if (this.#workers.size === 0 && this.#starting === 0) {
      for (const task of this.#queue.splice(0)) void this.#decodeHere(task);
    }
  }

  /** @param {Task} task */
  async #decodeHere(task) {
    const start = performance.now();
    try {
      task.resolve(await decodeChunk(task.bytes, task.spec));
    } catch (error) {
      task.reject(error);
    } finally {
      this.decodeMs += performance.now() - start;
    }
  }
}
