// @ts-check
import { formatCount } from '../frame/si.js';
import { pointerText } from '../image/texts.js';

/**
 * What the live panel says of its picture. Pure text.
 *
 * @typedef {import('./types.js').Picture} Picture
 */

/** @param {Picture | null} picture @param {{active: boolean, coming: boolean, whole: boolean}} frozen @returns {string} */
export function levelText(picture, { active, coming, whole }) {
  if (!picture) return '';
  const { width, height, scale } = picture;
  const size = `${formatCount(width)} × ${formatCount(height)} at ${scale}:1`;
  if (!active) return size;
  return `${size} · ${coming ? 'frozen, the whole frame is coming' : whole ? 'frozen' : 'frozen, only what was shown'}`;
}

/**
 * What lies under the pointer.
 *
 * @param {import('./sensor.js').Sensor} sensor @param {Picture} picture @param {{h: number, v: number}} at
 * @returns {string} '' outside the sensor.
 */
export function pointedText(sensor, picture, { h, v }) {
  if (h < 0 || v < 0 || h >= sensor.shape.x || v >= sensor.shape.y) return '';
  const { scale } = picture;
  const level = { size: { t: 1, c: 1, z: 1, x: scale, y: scale }, number: scale > 1 ? 1 : 0 };
  return pointerText(sensor, { x: h, y: v, z: 0 }, [{ label: '', value: valueAt(picture, h, v) }], level);
}

/** @param {Picture} picture @param {number} h @param {number} v @returns {number | null} Null where the picture ends. */
export function valueAt({ data, x, y, width, height, scale }, h, v) {
  const column = Math.floor((h - x) / scale);
  const row = Math.floor((v - y) / scale);
  return column >= 0 && row >= 0 && column < width && row < height ? data[row * width + column] : null;
}
