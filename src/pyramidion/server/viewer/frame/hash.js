// @ts-check
/**
 * The part of the address after `#`: readable `key=value` pairs that hold the view. Unknown keys are kept.
 */

/** @typedef {Map<string, string>} HashState */

/** @param {string} hash  With or without the leading `#`. @returns {HashState} */
export function parseHash(hash) {
  const state = new Map();
  for (const pair of hash.replace(/^#/, '').split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const key = decode(at < 0 ? pair : pair.slice(0, at));
    state.set(key, at < 0 ? '' : decode(pair.slice(at + 1)));
  }
  return state;
}

/** @param {HashState} state @returns {string} With the leading `#`. */
export function formatHash(state) {
  const pairs = [...state].map(([key, value]) => (value === '' ? encode(key) : `${encode(key)}=${encode(value)}`));
  return `#${pairs.join('&')}`;
}

/**
 * Numbers in full: the shortest text that reads back as the same float64.
 *
 * @param {readonly number[]} numbers @returns {string}
 */
export function formatNumbers(numbers) {
  return numbers.map(String).join(',');
}

/** @param {string | undefined} text @param {number} count @returns {number[] | null} Null unless it is that many numbers. */
export function parseNumbers(text, count) {
  if (!text) return null;
  const parts = text.split(',');
  if (parts.length !== count || parts.some((part) => part.trim() === '')) return null;
  const numbers = parts.map(Number);
  return numbers.every(Number.isFinite) ? numbers : null;
}

/** Commas, colons and plus signs stay readable. @param {string} text @returns {string} */
function encode(text) {
  return encodeURIComponent(text).replace(/%2C/g, ',').replace(/%3A/g, ':').replace(/%2B/g, '+').replace(/%2F/g, '/');
}

/** @param {string} text @returns {string} */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
