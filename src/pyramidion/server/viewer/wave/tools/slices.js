// @ts-check
import { nextTurn } from '../../frame/turn.js';

/**
 * Long arithmetic in short pieces, so that the page never stands still.
 */

const PIECE = 12; // ms

/**
 * Run a generator to its end, with a pause whenever a few milliseconds have passed.
 *
 * @template R
 * @param {Generator<number, R>} work   Yields the share that is done, often.
 * @param {AbortSignal} signal
 * @param {(share: number) => void} [progress]
 * @returns {Promise<R>} Rejects with the signal's reason once it is aborted.
 */
export async function inSlices(work, signal, progress) {
  let began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - began < PIECE) continue;
    progress?.(/** @type {number} */ (value));
    await nextTurn();
    began = performance.now();
  }
}
