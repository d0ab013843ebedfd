// @ts-check
import { h, icon } from './dom.js';
import { HELP } from './help.js';
import { loadStyle } from './style.js';

/**
 * Ways to go on with exactly the data in view in other programs: commands and snippets to copy, and links where they can work.
 *
 * @typedef {object} Recipe
 * @property {string} name
 * @property {string} text   What is copied.
 *
 * @param {readonly Recipe[]} recipes @param {readonly {name: string, href: string}[]} links
 * @param {(text: string) => void} say
 * @returns {HTMLDialogElement}
 */
export function handoffDialog(recipes, links, say) {
  void loadStyle(HELP);
  void loadStyle(new URL('./handoff.css', import.meta.url).href);
  const close = h('button', { type: 'button', class: 'button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'));
  const hosted = links.length > 0
    ? h('p', { class: 'links' }, ...links.map(({ name, href }) => h('a', { class: 'plain', href, target: '_blank', rel: 'noopener noreferrer' }, name)))
    : h('p', {}, 'Viewers on public web sites can only read data at a public https address: this store is not at one.');
  const dialog = h(
    'dialog', { class: 'help elsewhere', 'aria-labelledby': 'elsewhere-title' },
    h('header', {}, h('h2', { id: 'elsewhere-title' }, 'Open elsewhere'), close),
    ...recipes.map(({ name, text }) => h(
      'div', { class: 'command' },
      h('h3', {}, name),
      h('button', { type: 'button', class: 'plain', 'aria-label': `Copy the command for ${name}`, onclick: () => void copy(text, say) }, 'Copy'),
      h('pre', { tabindex: '0' }, text),
    )),
    h('h3', {}, 'On the web'), hosted,
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // a click beside it
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {string} url @returns {boolean} Whether a page on another site may reach it: https, and not this machine or its network. */
export function isPublic(url) {
  const { protocol, hostname } = new URL(url);
  const near = /^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[)|\.(local|internal|lan|home|localhost)$/.test(hostname);
  return protocol === 'https:' && !near && hostname.includes('.');
}

/** @param {string} text @returns {string} One word for a POSIX shell. */
export function shellQuoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replace(/["\\$`]/g, '\\$&')}"`;
}

/** @param {string} text @returns {string} A string of Python. */
export function pythonQuoted(text) {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

/** @param {string} text @param {(text: string) => void} say */
async function copy(text, say) {
  try {
    await navigator.clipboard.writeText(text);
    say('Command copied');
  } catch {
    say('The browser does not allow copying here: mark the text and copy it');
  }
}
