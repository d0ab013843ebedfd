// @ts-check
const WHEEL_GAIN = 0.0022; // a notch of a mouse wheel (120) zooms by 1.3
const PINCH_GAIN = 0.01; // trackpads send pinching as a wheel with Ctrl and small steps
const MAX_WHEEL = 600;

/**
 * What a turn of the wheel means: how much to zoom, or how far to move sideways.
 *
 * @param {WheelEvent} event
 * @returns {{zoom: number, pan: number}} A factor (above 1 shows more), and CSS pixels to the right.
 */
export function wheelMeaning(event) {
  const unit = event.deltaMode === 1 ? 32 : event.deltaMode === 2 ? 400 : 1;
  const limit = (/** @type {number} */ delta) => Math.max(-MAX_WHEEL, Math.min(MAX_WHEEL, delta * unit));
  // Some browsers turn the wheel sideways while Shift is held.
  if (event.shiftKey) return { zoom: 10 ** Math.sign(event.deltaY || event.deltaX), pan: 0 };
  if (!event.ctrlKey && Math.abs(event.deltaX) > Math.abs(event.deltaY)) return { zoom: 1, pan: limit(event.deltaX) };
  return { zoom: Math.exp(limit(event.deltaY) * (event.ctrlKey ? PINCH_GAIN : WHEEL_GAIN)), pan: 0 };
}
