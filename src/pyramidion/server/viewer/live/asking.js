// @ts-check
import { areaOf } from '../image/geometry.js';

/**
 * Which part of the sensor is asked for, and how finely: what the canvas can show, and no more. Plain arithmetic.
 *
 * @typedef {import('./types.js').Ask} Ask
 * @typedef {import('./types.js').Region} Region
 * @typedef {{x: number, y: number}} Size
 */

/**
 * @param {import('../image/geometry.js').Frame} frame @param {Size} sensor
 * @returns {Ask}
 */
export function askFor(frame, sensor) {
  const scale = Math.max(1, Math.min(64, Math.round(1 / Math.max(frame.kh, frame.kv))));
  const { h0, h1, v0, v1 } = areaOf(frame);
  // Edges on whole blocks: the same pixels are averaged wherever the view lies.
  const [x0, x1] = blocks(h0, h1, scale, sensor.x);
  const [y0, y1] = blocks(v0, v1, scale, sensor.y);
  const whole = x0 === 0 && y0 === 0 && x1 === sensor.x && y1 === sensor.y;
  const outside = x1 <= x0 || y1 <= y0;
  return { region: whole || outside ? null : { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }, scale };
}

/** @param {number} from @param {number} to @param {number} scale @param {number} size @returns {[number, number]} */
function blocks(from, to, scale, size) {
  return [Math.max(0, Math.floor(from / scale) * scale), Math.min(size, Math.ceil(to / scale) * scale)];
}

/** @param {Ask} a @param {Ask} b @returns {boolean} */
export function sameAsk(a, b) {
  return a.scale === b.scale && sameRegion(a.region, b.region);
}

/** @param {Region | null} a @param {Region | null} b @returns {boolean} */
export function sameRegion(a, b) {
  return a === b || (a !== null && b !== null && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height);
}

/**
 * The whole pixels between two positions.
 *
 * @param {{h: number, v: number}} from @param {{h: number, v: number}} to @param {Size} sensor
 * @returns {Region | null} Null outside the sensor.
 */
export function regionBetween(from, to, sensor) {
  const x0 = Math.max(0, Math.floor(Math.min(from.h, to.h)));
  const y0 = Math.max(0, Math.floor(Math.min(from.v, to.v)));
  const x1 = Math.min(sensor.x, Math.ceil(Math.max(from.h, to.h)));
  const y1 = Math.min(sensor.y, Math.ceil(Math.max(from.v, to.v)));
  return x1 > x0 && y1 > y0 ? { x: x0, y: y0, width: x1 - x0, height: y1 - y0 } : null;
}

/** @param {Region} region @param {Size} sensor @returns {Region} Moved and cut so that it lies on the sensor. */
export function inside({ x, y, width, height }, sensor) {
  const w = Math.max(1, Math.min(sensor.x, Math.round(width)));
  const h = Math.max(1, Math.min(sensor.y, Math.round(height)));
  return { x: Math.max(0, Math.min(sensor.x - w, Math.round(x))), y: Math.max(0, Math.min(sensor.y - h, Math.round(y))), width: w, height: h };
}

/**
 * How many requests may be on their way: one where answers come within a frame of the screen; more where they take longer,
 * if the camera takes more than one frame meanwhile.
 *
 * @param {number} cost   Milliseconds that an answer takes, without waiting for a frame. @param {number} rate   Frames a second.
 * @returns {number}
 */
export function requestsAtOnce(cost, rate) {
  const most = cost < 13 ? 1 : cost < 40 ? 2 : 3;
  return Math.max(1, Math.min(most, Math.ceil((rate * cost) / 1000)));
}

/** @param {number} failures   In a row. @returns {number} Milliseconds until the next try. */
export function retryAfter(failures) {
  return Math.min(5000, 250 * 2 ** (failures - 1));
}
