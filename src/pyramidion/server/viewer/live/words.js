// @ts-check
import { formatCount, formatSi } from '../frame/si.js';
import { ageText, durationText } from '../image/times.js';

/**
 * What is said of a camera and its recording. Pure text.
 *
 * @typedef {import('./types.js').Info} Info
 */

const REASONS = /** @type {Record<string, string>} */ ({
  camera: 'camera', driver: 'driver', ring: 'disk too slow', disk: 'disk full', interrupted: 'between two runs', unknown: 'unknown why',
});
const OLD = 2; // seconds after which a picture is called old, if no frame was due before

/** @param {number} rate @returns {string} Frames a second. */
export function rateText(rate) {
  if (!Number.isFinite(rate)) return '–';
  return rate >= 9.95 || rate < 0.05 ? formatCount(Math.round(rate)) : rate.toFixed(1);
}

/** @param {number} count @param {string} one @returns {string} */
export function plural(count, one) {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** @param {Info} info @returns {string} Why frames were lost, most first; '' when none were. */
export function lostReasons({ lost_by_reason: reasons }) {
  const known = Object.entries(reasons ?? {}).filter(([, count]) => Number(count) > 0);
  known.sort((a, b) => Number(b[1]) - Number(a[1]));
  return known.map(([reason, count]) => `${formatCount(Number(count))} ${REASONS[reason] ?? reason}`).join(', ');
}

/** @param {Info} info @returns {string} */
export function diskText({ free_bytes: free, seconds_left: left, state }) {
  if (!Number.isFinite(free)) return '';
  const time = state === 'recording' && Number.isFinite(left) ? ` · ${durationText(left)}` : '';
  return `${formatSi(free, 'B')}${time}`;
}

/** @param {number} share @returns {string} */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/**
 * @param {number} age   Seconds since the newest frame was taken. @param {number} rate   Frames a second.
 * @returns {boolean} Whether the picture is no picture of now any more.
 */
export function isStale(age, rate) {
  return age > Math.max(OLD, rate > 0 ? 3 / rate : 0);
}

/**
 * How camera and recording stand.
 *
 * @param {Info} info
 * @param {{seen: boolean, age: number, trouble: import('../store/errors.js').ViewerError | null, retryIn: number}} page
 *   Whether a frame was seen, how old it is, and what the page's own trouble is.
 * @returns {import('./types.js').Standing}
 */
export function standing(info, { seen, age, trouble, retryIn }) {
  const shown = seen ? ` The picture is ${ageText(age)} old.` : '';
  const again = retryIn > 0.5 ? ` Next try in ${Math.ceil(retryIn)} s.` : '';
  const over = ['finished', 'failed', 'camera lost'].includes(info.state);
  if (trouble && !(trouble.kind === 'network' && over)) {
    const mend = trouble.kind === 'network' ? '' : ` ${trouble.mend}.`;
    const what = trouble.kind === 'network' && trouble.what.length < 40 ? 'The server does not answer: the program may have ended' : upper(trouble.what);
    return { mood: 'gone', badge: 'No answer', text: `${what}.${mend}${shown}${again}` };
  }
  const frames = Number.isFinite(info.frames_stored) ? plural(info.frames_stored, 'frame') : '';
  switch (info.state) {
    case 'failed':
    case 'camera lost':
      return { mood: 'lost', badge: 'Camera lost', text: `${upper(String(info.error || 'The camera gives no sign any more'))}.${shown}${frames ? ` ${frames} are stored.` : ''}` };
    case 'finished':
      return { mood: 'finished', badge: 'Finished', text: info.store ? `The recording is complete${frames ? `: ${frames}` : ''}.${shown}` : `The camera was stopped.${shown}` };
    default:
  }
  if (!seen) return { mood: 'waiting', badge: 'Waiting', text: info.state === 'opening' ? 'The camera is being opened.' : 'Waiting for the first frame.' };
  const late = isStale(age, Number(info.fps)) ? `No new frame for ${ageText(age)}.` : '';
  if (info.state === 'recording') return { mood: 'recording', badge: 'Recording', text: late };
  if (info.state === 'stopping') return { mood: 'finished', badge: 'Stopping', text: 'The recording is being finished.' };
  if (info.state === 'waiting') return { mood: 'waiting', badge: 'Waiting', text: late || 'The camera waits for a trigger.' };
  return late ? { mood: 'waiting', badge: 'Waiting', text: late } : { mood: 'looking', badge: 'Live', text: '' };
}

/** @param {string} text @returns {string} A sentence without its full stop. */
function upper(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.$/, '');
}
