// @ts-check
import { h, icon, setText } from './dom.js';

/** @param {import('./actions.js').Action | undefined} action @param {import('./dom.js').IconName} picture @returns {HTMLButtonElement} */
export function actionButton(action, picture) {
  if (!action) throw new Error(`no action for the ${picture} button`);
  const keys = action.keys.length ? ` (${action.keyText})` : '';
  return h(
    'button',
    { type: 'button', class: 'button', id: `do-${action.id}`, 'aria-label': action.label, title: `${action.label}${keys}`,
      onclick: (/** @type {MouseEvent} */ event) => action.run({ big: event.shiftKey }) },
    icon(picture),
  );
}

/** @param {HTMLElement} body @param {readonly (readonly [string, string])[]} rows */
export function showRows(body, rows) {
  while (body.childElementCount > rows.length) body.lastElementChild?.remove();
  while (body.childElementCount < rows.length) body.append(h('tr', {}, h('th', { scope: 'row' }), h('td')));
  rows.forEach(([name, value], i) => {
    setText(body.children[i].children[0], name);
    setText(body.children[i].children[1], value);
  });
}
