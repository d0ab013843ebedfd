// @ts-check
import { h } from './dom.js';

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

/** @param {string} text @returns {string} With a capital at its beginning, unless an address stands there, and a full stop. */
export function sentence(text) {
  const first = /^[a-z]+:\/\//.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase();
  return `${first}${text.slice(1)}.`;
}
