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

/** What the keys of the second, third ... view begin with; those of the first are plain. @param {number} index @returns {string} */
const prefix = (index) => (index === 0 ? '' : `${index + 1}.`);

/**
 * The keys of one of several views, as if it were alone.
 *
 * @param {HashState} state @param {number} index @returns {HashState}
 */
export function ownKeys(state, index) {
  const own = prefix(index);
  const mine = (/** @type {string} */ key) => (own ? key.startsWith(own) : !/^\d+\./.test(key));
  return new Map([...state].filter(([key]) => mine(key)).map(([key, value]) => [key.slice(own.length), value]));
}

/** @param {HashState} state @param {number} index @param {HashState} keys   Of that view. @returns {HashState} With these instead of its old ones. */
export function withOwnKeys(state, index, keys) {
  const own = prefix(index);
  const old = new Set([...ownKeys(state, index).keys()].map((key) => own + key));
  return new Map([...[...state].filter(([key]) => !old.has(key)), ...[...keys].map(([key, value]) => /** @type {const} */ ([own + key, value]))]);
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
