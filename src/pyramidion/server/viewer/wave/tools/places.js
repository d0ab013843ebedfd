// @ts-check
import { formatCount } from '../../frame/si.js';

/**
 * Places on the time axis as people write them: `1.25 ms`, `-5 ns`, `+1 ms`, `#123456`, `seg 12`. Pure text.
 *
 * @typedef {object} Axis       What places are told on.
 * @property {string} unit      Of time.
 * @property {number} samples   Of the record.
 * @property {number} segments
 * @property {boolean} triggers   The segments have trigger times.
 *
 * @typedef {{kind: 'time' | 'trigger', time: number, from: 'zero' | 'here'} | {kind: 'sample', sample: number, from: 'zero' | 'here'} | {kind: 'segment', segment: number} | {kind: 'nonsense', words: string}} Place
 *   `from`: counted from time or sample 0, or from the middle of the view.
 */

/** Powers of ten of the prefixes, as people type them. @type {Readonly<Record<string, number>>} */
const PREFIXES = { f: -15, p: -12, n: -9, u: -6, '\u00b5': -6, '\u03bc': -6, m: -3, '': 0, k: 3, M: 6, G: 9 };
/** Seconds. @type {Readonly<Record<string, number>>} */
const LONG = { min: 60, h: 3600, d: 86400 };
const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
const EXAMPLES = 'for example 1.25 ms, -5 ns, +1 ms, #123456';

/**
 * @param {string} text @param {Axis} axis
 * @returns {Place} `nonsense` with words for the person who wrote it.
 */
export function parsePlace(text, axis) {
  const tidy = text.replace(/[\u2212\u2013]/g, '-').replace(/(?<=\d)[\u00a0\u2009\u202f ](?=\d)/g, '').trim();
  if (tidy === '') return nonsense(`Write a time or a sample, ${EXAMPLES}`);
  if (/\d,\d/.test(tidy)) return nonsense('Write the decimals behind a point, without commas');
  const [, word, rest] = /** @type {RegExpMatchArray} */ (tidy.match(/^(#|\+\s*#|(?:sample|seg(?:ment)?|trig(?:ger)?)(?![a-z]))?\s*(.*)$/i));
  switch (word?.toLowerCase().slice(0, 3).replace(/\s/g, '')) {
    case undefined: return parseTime(tidy, 'time', axis);
    case '#': case 'sam': return parseSample(rest, 'zero', axis);
    case '+#': return parseSample(rest, 'here', axis);
    case 'seg': return parseSegment(rest, axis);
    default: return axis.triggers ? parseTime(rest, 'trigger', axis) : nonsense('This recording has no trigger times');
  }
}

/** @param {string} text @param {'time' | 'trigger'} kind @param {Axis} axis @returns {Place} */
function parseTime(text, kind, { unit }) {
  const here = kind === 'time' && /^\+/.test(text);
  const match = text.replace(/^\+\s*/, '').match(new RegExp(`^(${NUMBER})\\s*(\\D*)$`, 'i'));
  if (!match) return nonsense(`“${shorten(text)}” is no time: write ${EXAMPLES}`);
  const written = match[2].trim();
  const power = powerOf(written, unit);
  const long = unit === 's' && Object.hasOwn(LONG, written) ? LONG[written] : null;
  if (power === null && long === null) return nonsense(`“${shorten(written)}” is no unit of this axis, which counts in ${unit}`);
  // The power goes into the text of the number, so that nothing is rounded twice.
  const [digits, exponent] = match[1].toLowerCase().split('e');
  const time = Number(`${digits}e${Number(exponent ?? 0) + (power ?? 0)}`) * (long ?? 1);
  return Number.isFinite(time) ? { kind, time, from: here ? 'here' : 'zero' } : nonsense(`“${shorten(text)}” is too large`);
}

/** @param {string} written @param {string} unit @returns {number | null} Power of ten of a unit with its prefix, or of a prefix alone. */
function powerOf(written, unit) {
  if (written === unit || (unit === 's' && written === 'sec')) return 0;
  const prefix = written.endsWith(unit) ? written.slice(0, -unit.length) : written;
  return Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : null;
}

/** @param {string} text @param {'zero' | 'here'} from @param {Axis} axis @returns {Place} */
function parseSample(text, from, { samples }) {
  const sample = wholeNumber(text);
  if (sample === null) return nonsense(`“${shorten(text)}” is no number of a sample: write #123456`);
  if (from === 'zero' && (sample < 0 || sample >= samples)) return nonsense(`There is no sample ${formatCount(sample)}: they go from 0 to ${formatCount(samples - 1)}`);
  return { kind: 'sample', sample, from };
}

/** @param {string} text @param {Axis} axis @returns {Place} */
function parseSegment(text, { segments }) {
  const segment = wholeNumber(text);
  if (segment === null) return nonsense(`“${shorten(text)}” is no number of a segment: write seg 12`);
  if (segment < 0 || segment >= segments) {
    return nonsense(segments === 1 ? 'This recording has one segment, number 0' : `There is no segment ${formatCount(segment)}: they go from 0 to ${formatCount(segments - 1)}`);
  }
  return { kind: 'segment', segment };
}

/** @param {string} text @returns {number | null} */
function wholeNumber(text) {
  const tidy = text.trim();
  if (!new RegExp(`^${NUMBER}$`, 'i').test(tidy)) return null;
  const number = Number(tidy);
  return Number.isInteger(number) ? number : null;
}

/** @param {string} words @returns {Place} */
function nonsense(words) {
  return { kind: 'nonsense', words };
}

/** @param {string} text @returns {string} */
function shorten(text) {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}
