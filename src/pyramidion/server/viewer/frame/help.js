// @ts-check
import { h, icon } from './dom.js';
import { loadStyle } from './style.js';

/** Of all dialogs. */
export const HELP = new URL('./help.css', import.meta.url).href;

/**
 * The list of keys, made from the actions themselves.
 *
 * @param {readonly import('./actions.js').Action[]} actions
 * @param {string} gestures   What mouse and fingers do.
 */
export function showHelp(actions, gestures) {
  if (document.querySelector('dialog[open]')) return; // asked for twice
  void loadStyle(HELP);
  const rows = actions.map(({ label, keyText }) =>
    h('tr', {}, h('td', {}, ...keyText.split(' ').map((key) => h('kbd', {}, key))), h('td', {}, label)));
  const dialog = h(
    'dialog', { class: 'help', 'aria-labelledby': 'help-title', onclose: () => dialog.remove() },
    h(
      'header', {},
      h('h2', { id: 'help-title' }, 'Keys and gestures'),
      h('button', { type: 'button', class: 'button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')),
    ),
    gestures ? h('p', {}, gestures) : null,
    h('table', {}, h('tbody', {}, ...rows)),
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // a click beside it
  });
  document.body.append(dialog);
  dialog.showModal();
}
