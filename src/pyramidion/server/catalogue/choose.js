// @ts-check
/** @typedef {import('./feed.js').Entry} Entry */

/** Text as it is compared: small letters, one form of each, x for a cross. @param {string} text @returns {string} */
export function plain(text) {
  return text.normalize('NFC').toLowerCase().replace(/×/g, 'x');
}

/** What is searched: with and without the spaces in numbers. @param {string[]} parts @returns {string} */
export function searchText(parts) {
  const text = plain(parts.join(' '));
  return `${text}\n${text.replace(/[\u2009\u00a0 ]/g, '')}`;
}

/** What sorts names as people do: run 9 before run 10. @param {string} name @returns {string} */
export function naturalKey(name) {
  return name.toLowerCase().replace(/\d+/g, (number) => number.padStart(12, '0'));
}

/** @type {Record<string, (a: Entry, b: Entry) => number>} */
const ORDERS = {
  name: byName,
  date: (a, b) => (b.changed ?? 0) - (a.changed ?? 0) || byName(a, b),
  size: (a, b) => b.bytes - a.bytes || byName(a, b),
};

/** @param {Entry} a @param {Entry} b @returns {number} */
function byName(a, b) {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.name < b.name ? -1 : 1;
}

/**
 * Return what was asked for, whatever its folder, and the part of it that lies in the folder, in order.
 *
 * @param {Iterable<Entry>} entries
 * @param {import('./address.js').Choice} choice
 * @returns {{matching: Entry[], inFolder: Entry[]}}
 */
export function choose(entries, choice) {
  const words = plain(choice.words).split(/\s+/).filter(Boolean);
  /** @type {Entry[]} */ const matching = [];
  for (const entry of entries) {
    if (choice.kind && entry.kind !== choice.kind) continue;
    if (words.every((word) => entry.text.includes(word))) matching.push(entry);
  }
  const inFolder = choice.folder ? matching.filter((entry) => isBelow(entry, choice.folder)) : matching.slice();
  inFolder.sort(ORDERS[choice.order]);
  return { matching, inFolder };
}

/** @param {Entry} entry @param {string} folder @returns {boolean} */
export function isBelow(entry, folder) {
  return !folder || entry.folder === folder || entry.folder.startsWith(`${folder}/`);
}
