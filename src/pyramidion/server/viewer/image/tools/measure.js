// @ts-check
import { showRows } from '../../frame/controls.js';
import { h, setText } from '../../frame/dom.js';

/**
 * What is measured in the picture, as a table. Measuring itself needs no drawer.
 *
 * @param {import('../panel.js').ImagePanel} panel @returns {import('../../frame/types.js').OpenTool}
 */
export function openTool(panel) {
  const { measuring } = panel;
  const button = (/** @type {string} */ text, /** @type {string} */ key, /** @type {() => void} */ run) =>
    h('button', { type: 'button', class: 'plain', title: key, onclick: run }, text);
  const line = button('Distance', 'U', () => panel.measureWith('line'));
  const box = button('Rectangle', 'R', () => panel.measureWith('box'));
  const rows = h('tbody');
  const table = h('table', { class: 'measured' }, h('caption', { class: 'unseen' }, 'What was measured'), rows);
  const hint = h('p', { role: 'status' });
  const copy = button('Copy', '', () => void copyRows(panel));
  const remove = button('Remove', 'Esc', () => panel.cancel());
  const after = h('div', { class: 'tool-row' }, copy, remove);
  const watcher = { later: update, update };
  function update() {
    const { mode, measure } = measuring;
    line.setAttribute('aria-pressed', String(mode === 'line'));
    box.setAttribute('aria-pressed', String(mode === 'box'));
    table.hidden = after.hidden = measure === null;
    hint.hidden = measure !== null && mode === null;
    setText(hint, mode === 'line' ? 'Drag a line in the picture.' : mode === 'box' ? 'Drag a rectangle in the picture; Enter takes what is seen.' : 'Drag a line for a distance, or a rectangle for the mean, least and greatest value of its pixels.');
    showRows(rows, measuring.rows);
  }
  update();
  return {
    element: h('div', {}, h('div', { class: 'tool-row' }, line, box), hint, table, after),
    shown() {
      panel.watchers.add(watcher);
      update();
    },
    hidden: () => void panel.watchers.delete(watcher),
    update,
  };
}

/** @param {import('../panel.js').ImagePanel} panel */
async function copyRows({ measuring, host }) {
  try {
    await navigator.clipboard.writeText(measuring.rows.map((row) => row.join('\t')).join('\n'));
    host.say('Measurement copied');
  } catch {
    host.say('The browser does not allow copying here: mark the text and copy it');
  }
}
