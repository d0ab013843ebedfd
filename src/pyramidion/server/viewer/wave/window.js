// @ts-check
/**
 * The visible part of a record: from position `a` to position `b`, in samples. Sample k sits at position k and fills
 * k - 1/2 to k + 1/2, so a record of n samples spans -1/2 to n - 1/2. Positions are float64: exact far beyond 10^12.
 *
 * @typedef {{a: number, b: number}} Window
 */

/** The narrowest window: one sample. */
const MIN_SPAN = 1;

/** @param {number} samples @returns {Window} */
export function wholeRecord(samples) {
  return { a: -0.5, b: samples - 0.5 };
}

/**
 * The window moved and, where needed, narrowed until it lies in the record; never narrower than one sample.
 *
 * @param {Window} window @param {number} samples
 * @returns {Window}
 */
export function clampWindow({ a, b }, samples) {
  if (!(Number.isFinite(a) && Number.isFinite(b))) return wholeRecord(samples);
  if (b < a) [a, b] = [b, a];
  const span = Math.max(MIN_SPAN, Math.min(samples, b - a));
  if (span !== b - a) {
    const centre = (a + b) / 2;
    a = centre - span / 2;
    b = centre + span / 2;
  }
  if (a < -0.5) return { a: -0.5, b: -0.5 + span };
  if (b > samples - 0.5) return { a: samples - 0.5 - span, b: samples - 0.5 };
  return { a, b };
}

/**
 * Zoom about a point: what lies at `anchor` stays there.
 *
 * @param {Window} window
 * @param {number} factor   Above 1 shows more, below 1 less.
 * @param {number} anchor   Share of the window's width, 0 to 1.
 * @param {number} samples
 * @returns {Window}
 */
export function zoomWindow({ a, b }, factor, anchor, samples) {
  const span = b - a;
  const wanted = Math.max(MIN_SPAN, Math.min(samples, span * factor));
  const fixed = a + span * anchor;
  return clampWindow({ a: fixed - wanted * anchor, b: fixed + wanted * (1 - anchor) }, samples);
}

/** @param {Window} window @param {number} share  Of the window's width; positive is later. @param {number} samples @returns {Window} */
export function panWindow({ a, b }, share, samples) {
  const shift = (b - a) * share;
  return clampWindow({ a: a + shift, b: b + shift }, samples);
}

/**
 * A window of a given span about the middle of another.
 *
 * @param {Window} window @param {number} span @param {number} samples
 * @returns {Window}
 */
export function spanWindow({ a, b }, span, samples) {
  const centre = (a + b) / 2;
  return clampWindow({ a: centre - span / 2, b: centre + span / 2 }, samples);
}
