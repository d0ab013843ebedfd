// @ts-check
import { h } from './dom.js';

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

/**
 * A bar above a panel that keeps working: some data could not be read.
 *
 * @param {() => void} retry
 */
export function errorBar(retry) {
  const text = h('p', { class: 'bar-text' });
  const element = h(
    'div', { class: 'bar', role: 'alert', hidden: true },
    text,
    h('button', { type: 'button', class: 'plain', onclick: retry }, 'Try again'),
  );
  return {
    element,
    /** @param {readonly import('../store/errors.js').ViewerError[]} errors */
    show(errors) {
      element.hidden = errors.length === 0;
      const first = errors[0];
      const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
      const said = first ? `${first.where}: ${first.what}${more}. ${sentence(first.mend)}` : '';
      if (text.textContent !== said) text.textContent = said;
    },
  };
}

/** @param {string} text @returns {string} */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
