// @ts-check
import { asViewerError } from '../store/errors.js';
import { decodeChunk } from './chain.js';

/**
 * Decodes chunks off the main thread: one message in, one message out, buffers handed over without a copy.
 *
 * @typedef {{bytes: Uint8Array<ArrayBuffer>, spec: import('./chain.js').ChunkSpec}} DecodeRequest
 * @typedef {{data?: import('./numbers.js').Numbers, ms: number,
 *            error?: import('../store/errors.js').PlainError}} DecodeAnswer
 */

// The page and the worker scope cannot both be declared to the type checker; this is all that is used of the worker's.
const scope = /** @type {{onmessage: unknown, postMessage: (message: unknown, transfer?: Transferable[]) => void}} */ (
  /** @type {unknown} */ (self)
);

scope.onmessage = async (/** @type {MessageEvent<DecodeRequest>} */ event) => {
  const { bytes, spec } = event.data;
  const start = performance.now();
  try {
    const data = await decodeChunk(bytes, spec);
    const ms = performance.now() - start;
    scope.postMessage(/** @type {DecodeAnswer} */ ({ data, ms }), [/** @type {ArrayBuffer} */ (data.buffer)]);
  } catch (error) {
    const ms = performance.now() - start;
    scope.postMessage(/** @type {DecodeAnswer} */ ({ ms, error: asViewerError(error, spec.where).toPlain() }));
  }
};
scope.postMessage({ ready: true });
