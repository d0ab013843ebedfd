// @ts-check
import { h, icon } from './dom.js';

/**
 * The list of keys, made from the actions themselves.
 *
 * @param {readonly import('./actions.js').Action[]} actions
 * @returns {HTMLDialogElement}
 */
export function helpDialog(actions) {
  const rows = actions.map(({ label, keyText }) =>
    h('tr', {}, h('td', {}, ...keyText.split(' ').map((key) => h('kbd', {}, key))), h('td', {}, label)));
  const dialog = h(
    'dialog', { class: 'help', 'aria-labelledby': 'help-title' },
    h(
      'header', {},
      h('h2', { id: 'help-title' }, 'Keys and gestures'),
      h('button', { type: 'button', class: 'button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')),
    ),
    h('p', {}, 'Wheel zooms at the pointer, dragging moves, Shift and dragging marks a stretch to zoom into. Two fingers zoom, one moves. Shift with the wheel or a key goes ten times as far.'),
    h('table', {}, h('tbody', {}, ...rows)),
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // a click beside it
  });
  return dialog;
}
