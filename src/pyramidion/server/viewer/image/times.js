// @ts-check
/**
 * Times and durations in words. Pure text.
 */

/** @param {number} seconds @returns {string} `12 ms`, `1.3 s`, `2 min 5 s` */
export function ageText(seconds) {
  if (seconds < 0.9995) return `${Math.max(0, Math.round(1000 * seconds))} ms`;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : durationText(seconds);
}

/** @param {number} seconds @returns {string} `2 h 13 min`, `4 min 5 s`, `12 s` */
export function durationText(seconds) {
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** @param {number} time   Unix seconds. @returns {string} The local time of day, to a millisecond: `14:03:05.123`. */
export function dayTime(time) {
  const date = new Date(Math.round(1000 * time));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
