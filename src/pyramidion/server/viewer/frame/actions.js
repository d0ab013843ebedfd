// @ts-check
/**
 * What a person can do, once: the key handler, the buttons and the help all read the same list.
 *
 * @typedef {object} Action
 * @property {string} id
 * @property {string} label
 * @property {readonly string[]} keys     Values of `KeyboardEvent.key`, lower case.
 * @property {string} keyText             How help writes them.
 * @property {(how: {big: boolean, key?: string}) => void} run   `big` when Shift is held: ten times as far.
 */

/**
 * @param {string} id @param {string} label @param {readonly string[]} keys
 * @param {Action['run']} run @param {string} [keyText]
 * @returns {Action}
 */
export function action(id, label, keys, run, keyText = keys.map(keyName).join(' ')) {
  return { id, label, keys, keyText, run };
}

/** @param {string} key @returns {string} */
function keyName(key) {
  const names = /** @type {Record<string, string>} */ ({
    arrowleft: '←', arrowright: '→', arrowup: '↑', arrowdown: '↓', escape: 'Esc', home: 'Home', end: 'End', ' ': 'Space', enter: 'Enter',
  });
  return names[key] ?? key.toUpperCase();
}

/**
 * Run actions by their keys, except while something is typed.
 *
 * @param {() => readonly Action[]} actions
 */
export function listenKeys(actions) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement | null} */ (event.target);
    const key = event.key.toLowerCase();
    if (target?.closest('input:not([type=range], [type=checkbox], [type=radio]), textarea, [contenteditable]')) return;
    if (target?.closest('select, input') && key !== 'escape' && !(key.length === 1 && /[a-z\[\]+\-?,./;]/.test(key))) return;
    if ((key === ' ' || key === 'enter') && target?.closest('button, a, summary, input')) return; // it presses them
    if (document.querySelector('dialog[open]')) return; // it has keys of its own
    if (/^(arrow|home|end|page)/.test(key) && target && scrolls(target)) return;
    const found = actions().find((one) => one.keys.includes(key));
    if (!found) return;
    event.preventDefault();
    found.run({ big: event.shiftKey, key });
  });
}

/** @param {HTMLElement} element @returns {boolean} Whether the arrow keys move what is in it. */
function scrolls(element) {
  return element.scrollHeight > element.clientHeight && getComputedStyle(element).overflowY === 'auto';
}
