// @ts-check
import { isBelow } from './choose.js';
import { formatCount, h, shownText } from './dom.js';

/** @typedef {import('./feed.js').Entry} Entry */

const MOST = 12;

/**
 * The way to the folder that is shown, and the folders in it that hold several datasets.
 *
 * @param {HTMLElement} place
 * @param {Entry[]} matching
 * @param {string} folder
 * @param {boolean} all  Show every folder, not only the first.
 */
export function drawFolders(place, matching, folder, all) {
  const inner = innerFolders(matching, folder);
  const key = JSON.stringify([folder, all, ...inner]);
  if (place.dataset.drawn === key) return;
  place.dataset.drawn = key;
  place.hidden = !folder && inner.length === 0;
  const shown = all ? inner : inner.slice(0, MOST);
  const chips = shown.map(([name, n]) =>
    h('li', {}, h('button', { type: 'button', class: 'chip', 'data-folder': folder ? `${folder}/${name}` : name },
      shownText(name), ' ', h('span', { class: 'chip-count' }, formatCount(n)))));
  if (shown.length < inner.length) {
    chips.push(h('li', {}, h('button', { type: 'button', class: 'chip more', 'data-all': '' }, `${inner.length - shown.length} more folders`)));
  }
  place.replaceChildren(trail(folder), ...(chips.length ? [h('ul', { class: 'chips' }, ...chips)] : []));
}

/** @param {string} folder @returns {HTMLElement} */
function trail(folder) {
  const names = folder ? folder.split('/') : [];
  const steps = ['All folders', ...names].map((name, k) => {
    const isHere = k === names.length;
    const path = names.slice(0, k).join('/');
    return h('li', {}, isHere
      ? h('span', { 'aria-current': 'location' }, shownText(name))
      : h('button', { type: 'button', class: 'step', 'data-folder': path }, shownText(name)));
  });
  return h('ol', { class: 'trail' }, ...steps);
}

/** @param {Entry[]} matching @param {string} folder @returns {[string, number][]} Name and number of datasets. */
function innerFolders(matching, folder) {
  const start = folder ? folder.length + 1 : 0;
  /** @type {Map<string, number>} */ const counts = new Map();
  for (const entry of matching) {
    if (entry.folder.length <= start - 1 || !entry.folder || !isBelow(entry, folder) || entry.folder === folder) continue;
    const end = entry.folder.indexOf('/', start);
    const name = entry.folder.slice(start, end < 0 ? undefined : end);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].filter(([, n]) => n > 1).sort(([a], [b]) => (a < b ? -1 : 1));
}
