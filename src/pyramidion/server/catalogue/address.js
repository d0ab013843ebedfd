// @ts-check
/**
 * What is chosen, in the part of the address that stays in the browser: it is restored by a link, a reload and "back".
 *
 * @typedef {object} Choice
 * @property {string} words   All of them must occur.
 * @property {string} kind    '', 'waveform' or 'image'.
 * @property {string} order   'name', 'date' or 'size'.
 * @property {string} folder  '' for all, else a path without a slash at its end.
 */

const KINDS = ['', 'waveform', 'image'];
const ORDERS = ['name', 'date', 'size'];

/** @returns {Choice} */
export function readChoice() {
  // A page without scripts keeps the same words in the query.
  const said = new URLSearchParams(location.hash.length > 1 ? location.hash.slice(1) : location.search);
  const kind = said.get('kind') ?? '';
  const order = said.get('sort') ?? '';
  return {
    words: (said.get('q') ?? '').slice(0, 200),
    kind: KINDS.includes(kind) ? kind : '',
    order: ORDERS.includes(order) ? order : 'name',
    folder: (said.get('in') ?? '').replace(/^\/+|\/+$/g, ''),
  };
}

/** @param {Choice} choice @param {boolean} step  Whether "back" returns to what was chosen before. */
export function writeChoice(choice, step) {
  const said = new URLSearchParams();
  if (choice.words.trim()) said.set('q', choice.words.trim());
  if (choice.kind) said.set('kind', choice.kind);
  if (choice.order !== 'name') said.set('sort', choice.order);
  if (choice.folder) said.set('in', choice.folder);
  const hash = said.toString();
  const address = location.pathname + (hash ? `#${hash}` : '');
  if (address === location.pathname + location.hash && !location.search) return;
  if (step) history.pushState(null, '', address);
  else history.replaceState(history.state, '', address);
}

/** Remember which dataset was opened, for "back". @param {string} name */
export function rememberOpened(name) {
  history.replaceState({ opened: name }, '');
}

/** @returns {string} Name of the dataset that was opened from here, or ''. */
export function openedBefore() {
  const state = /** @type {unknown} */ (history.state);
  const name = state && typeof state === 'object' && 'opened' in state ? state.opened : '';
  return typeof name === 'string' ? name : '';
}
