// @ts-check
import { Estimate } from '../spectra.js';
import { windowShape } from '../windows.js';

/**
 * Transforms off the main thread. One message in, one out: `begin` a spectrum, `add` pieces of samples, get the `result`.
 *
 * @typedef {import('../../decode/numbers.js').Numbers} Numbers
 * @typedef {{kind: 'begin', length: number, shape: string, centred: boolean}
 *   | {kind: 'add', codes: Numbers, gain: number, offset: number}
 *   | {kind: 'result'}} Order
 * @typedef {{id: number, order: Order}} Question
 * @typedef {{id: number, gap?: number, spectrum?: import('../spectra.js').Spectrum}} Answer
 *   `gap` is the place of a sample that is no finite number; its piece was not added.
 */

// The page and the worker scope cannot both be declared to the type checker; this is all that is used of the worker's.
const scope = /** @type {{onmessage: unknown, postMessage: (message: Answer, transfer?: Transferable[]) => void}} */ (/** @type {unknown} */ (self));

/** @type {Estimate | null} */ let estimate = null;

scope.onmessage = (/** @type {MessageEvent<Question>} */ { data: { id, order } }) => {
  if (order.kind === 'begin') {
    estimate = new Estimate(order.length, windowShape(order.shape), order.centred);
    scope.postMessage({ id });
  } else if (order.kind === 'add') {
    const { codes, gain, offset } = order;
    const values = new Float64Array(codes.length);
    let gap = -1;
    for (let i = codes.length - 1; i >= 0; i--) {
      values[i] = codes[i] * gain - offset;
      if (!Number.isFinite(values[i])) gap = i;
    }
    if (gap < 0) estimate?.add(values);
    scope.postMessage(gap < 0 ? { id } : { id, gap });
  } else {
    const spectrum = estimate?.result();
    estimate = null;
    scope.postMessage({ id, spectrum }, spectrum && [/** @type {ArrayBuffer} */ (spectrum.rms.buffer)]);
  }
};
