// @ts-check
import { formatCount, formatShort, formatSi, niceStep } from '../frame/si.js';

/**
 * Questions as people ask them and answers as they read them. Pure text and arithmetic.
 *
 * @typedef {import('./search.js').Question} Question
 * @typedef {import('./search.js').Hit} Hit
 * @typedef {import('./window.js').Window} Window
 * @typedef {Question['kind']} Kind
 */

/** Above this many samples a CSS pixel a single sample is no more than a line in the picture. */
const SAMPLES_PER_PIXEL = 64;
/** What was found takes at least this share of the window, or the view zooms in. */
const LEAST_SHARE = 1 / 20;
/** A quiet stretch takes at most this share of the window. */
const MOST_SHARE = 0.8;

const PREFIXES = /** @type {Readonly<Record<string, number>>} */ ({
  y: -24, z: -21, a: -18, f: -15, p: -12, n: -9, u: -6, '\u00b5': -6, '\u03bc': -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18, Z: 21, Y: 24,
});

/**
 * A value with or without its unit: `12 mV`, `-3e-3`, `1.5m`, in the digits and signs that the page itself writes.
 *
 * @param {string} text @param {string} unit
 * @returns {number | null} In base units; null for anything else.
 */
export function parseValue(text, unit) {
  const tidy = text.replace(/[\u2212\u2013]/g, '-').replace(/[\s\u202f\u00a0]/g, '').replace(/^([^,]*),([^,]*)$/, '$1.$2');
  const bare = unit !== '' && tidy.endsWith(unit) ? tidy.slice(0, -unit.length) : tidy;
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:e([+-]?\d+))?(\D?)$/i.exec(bare);
  if (!match || !Object.hasOwn(PREFIXES, match[3])) return null;
  // The powers go into the text of the number, so that nothing is rounded twice.
  const value = Number(`${match[1]}e${Number(match[2] ?? 0) + PREFIXES[match[3]]}`);
  return Number.isFinite(value) ? value : null;
}

/** @param {number} value @param {string} unit @returns {string} As it is read back by `parseValue`. */
export function writeValue(value, unit) {
  return formatShort(value, unit, 12).replaceAll('\u202f', '').replace('\u2212', '-').replace(/×10(\S+)/, (_, power) => `e${plain(power)}`).replace(/ (?=e)/, '');
}

/** @param {string} power   In superscripts. @returns {string} */
function plain(power) {
  return [...power].map((sign) => (sign === '⁻' ? '-' : String('⁰¹²³⁴⁵⁶⁷⁸⁹'.indexOf(sign)))).join('');
}

/**
 * Values to begin with: the middle of what is seen, and an amount of noise.
 *
 * @param {{min: number, max: number} | null} seen   In units.
 * @returns {{level: number, hysteresis: number, band: number}}
 */
export function suggest(seen) {
  if (!seen || !(seen.max > seen.min)) return { level: seen?.min ?? 0, hysteresis: 0, band: 0 };
  const height = seen.max - seen.min;
  const step = niceStep(height / 100);
  return { level: Math.round((seen.min + seen.max) / 2 / step) * step, hysteresis: niceStep(height / 20), band: niceStep(height / 10) };
}

/**
 * Where to look at a hit: it in the middle, at the zoom there is unless it could not be seen.
 *
 * @param {Hit} hit @param {Window} window @param {number} width   CSS pixels. @param {boolean} whole   All of its stretch is what matters.
 * @returns {Window}
 */
export function windowFor(hit, { a, b }, width, whole) {
  const length = hit.to - hit.from;
  const middle = whole ? (hit.from + hit.to - 1) / 2 : hit.at;
  const widest = Math.max(width * SAMPLES_PER_PIXEL, length / LEAST_SHARE);
  const span = Math.max(Math.min(b - a, widest), whole ? length / MOST_SHARE : 0);
  return { a: middle - span / 2, b: middle + span / 2 };
}

/** @param {Question} question @param {string} unit @returns {string} What is looked for, for one of them. */
export function nameOf(question, unit) {
  const value = (/** @type {number} */ number) => formatShort(number, unit, 6);
  switch (question.kind) {
    case 'crossing': return `${question.edge === 'either' ? '' : `${question.edge} `}crossing of ${value(question.level)}`;
    case 'beyond': return `extreme ${question.side} ${value(question.level)}`;
    case 'quiet': return `quiet stretch within ${value(question.level)} ± ${value(question.band)}`;
    default: return `${question.kind === 'least' ? 'smallest' : 'greatest'} value`;
  }
}

/**
 * @param {Question} question @param {number} count @param {boolean} more @param {{unit: string, where: string}} words
 * @returns {string}
 */
export function summary(question, count, more, { unit, where }) {
  const name = nameOf(question, unit);
  if (count === 0) return `No ${name} in ${where}.`;
  if (question.kind !== 'crossing' && question.kind !== 'beyond') return `The ${question.kind === 'quiet' ? 'longest ' : ''}${name} in ${where}.`;
  const several = name.replace(/(crossing|extreme)/, '$1s');
  if (more) return `The first ${formatCount(count)} ${several} in ${where}. There may be more: go on with Next.`;
  return `${count === 1 ? `1 ${name}` : `${formatCount(count)} ${several}`} in ${where}.`;
}

/**
 * @param {Hit} hit @param {Question} question @param {import('./dataset.js').Calibration} calibration @param {{time: string, value: string}} units
 * @returns {string} What there is to say of a hit beside its time.
 */
export function detailOf(hit, question, { gain, offset, interval }, units) {
  const length = formatSi((hit.to - hit.from) * interval, units.time, 4);
  if (question.kind === 'quiet') return `${length}, ${formatCount(hit.to - hit.from)} sample${hit.to - hit.from === 1 ? '' : 's'}`;
  const value = formatSi(hit.code * gain - offset, units.value, 5);
  if (question.kind === 'beyond') return `${value}, for ${length}`;
  return `${{ rising: '↗ ', falling: '↘ ', '': '' }[hit.edge]}${value}`;
}

/** In the order of segments and time. @param {{seg: number, at: number}} p @param {{seg: number, at: number}} q */
export function inOrder(p, q) {
  return p.seg - q.seg || p.at - q.at;
}

/**
 * The neighbour of a place in a list.
 *
 * @param {readonly Hit[]} hits   In order. @param {{seg: number, at: number}} place @param {1 | -1} direction
 * @returns {Hit | undefined}
 */
export function neighbour(hits, place, direction) {
  return direction > 0 ? hits.find((hit) => inOrder(hit, place) > 0) : hits.findLast((hit) => inOrder(hit, place) < 0);
}
