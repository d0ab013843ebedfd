// @ts-check
import { h } from './dom.js';
import { sentence } from './message.js';

/**
 * A card that says what failed and what to do.
 *
 * @param {import('../store/errors.js').ViewerError} error
 * @param {{retry: () => void, other: () => void}} then
 * @returns {HTMLElement}
 */
export function errorCard(error, then) {
  return h(
    'section', { class: 'failure', role: 'alert' },
    h('h1', {}, 'This could not be opened'),
    h('p', { class: 'failure-where' }, error.where),
    h('p', { class: 'failure-what' }, sentence(error.what)),
    h('p', { class: 'failure-mend' }, sentence(error.mend)),
    h(
      'div', { class: 'failure-buttons' },
      h('button', { type: 'button', class: 'primary', onclick: then.retry }, 'Try again'),
      h('button', { type: 'button', class: 'plain', onclick: then.other }, 'Open something else'),
    ),
  );
}
