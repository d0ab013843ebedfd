// @ts-check
import { actionButton } from '../frame/controls.js';
import { h, setText } from '../frame/dom.js';

/**
 * The elements of the waveform panel. No state and no arithmetic: the panel fills them.
 *
 * @typedef {ReturnType<typeof buildView>} View
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('../frame/actions.js').Action} Action
 */

const MANY = 64; // above this a list to choose from is no help any more

/**
 * @param {WaveDataset} dataset
 * @param {readonly Action[]} actions
 * @param {(change: Partial<import('./dataset.js').Selection>) => void} select
 */
export function buildView(dataset, actions, select) {
  const { channels, trcs, segments } = dataset.shape;
  const act = (/** @type {string} */ id) => actions.find((action) => action.id === id);
  const channel = chooser('Channel', channels, (ch) => select({ ch }));
  const trace = chooser('Trace', trcs, (trc) => select({ trc }));
  const segment = chooser('Segment', segments, (seg) => select({ seg }));
  if (segments > 1) {
    segment.element.prepend(actionButton(act('previous-segment'), 'left'));
    segment.element.append(actionButton(act('next-segment'), 'right'));
  }

  const caption = h('p', { class: 'caption' });
  const summary = h('p', { class: 'summary' });
  const canvas = h('canvas', { class: 'trace', role: 'img', tabindex: '0' });
  const cursor = h('div', { class: 'cursor', hidden: true });
  const dot = h('div', { class: 'dot', hidden: true });
  const mark = h('div', { class: 'mark', hidden: true });
  const readout = h('div', { class: 'readout', hidden: true });
  const note = h('p', { class: 'note', hidden: true });
  const plot = h('div', { class: 'plot' }, canvas, caption, summary, cursor, dot, mark, readout, note);
  const xAxis = h('div', { class: 'x-axis', 'aria-hidden': 'true' });
  const yAxis = h('div', { class: 'y-axis', 'aria-hidden': 'true' });
  const stripCanvas = h('canvas', { class: 'strip-trace' });
  const stripWindow = h('div', { class: 'strip-window' });
  const strip = h('div', { class: 'strip', title: 'The whole record: drag the window, or press beside it' }, stripCanvas, stripWindow);
  const values = h('tbody');

  const element = h(
    'section', { class: 'wave', 'aria-label': 'Waveform' },
    h(
      'div', { class: 'toolbar' },
      h('div', { class: 'choosers' }, channel.element, trace.element, segment.element),
      h(
        'div', { class: 'buttons', role: 'group', 'aria-label': 'Move and zoom' },
        actionButton(act('start'), 'start'), actionButton(act('pan-left'), 'left'),
        actionButton(act('zoom-out'), 'minus'), actionButton(act('fit'), 'fit'),
        actionButton(act('samples'), 'dots'), actionButton(act('zoom-in'), 'plus'),
        actionButton(act('pan-right'), 'right'), actionButton(act('end'), 'end'),
      ),
    ),
    h('div', { class: 'figure' }, yAxis, plot, xAxis, strip),
    h(
      'aside', { class: 'values', 'aria-label': 'Values of this view' },
      h('table', {}, h('caption', {}, 'This view in numbers'), values),
    ),
  );
  return {
    element, caption, summary, canvas, cursor, dot, mark, readout, note, plot, xAxis, yAxis, strip, stripCanvas, stripWindow, values,
    choosers: { ch: channel, trc: trace, seg: segment },
  };
}

/**
 * A labelled choice of 0 .. count - 1; invisible when there is nothing to choose.
 *
 * @param {string} name @param {number} count @param {(value: number) => void} changed
 */
function chooser(name, count, changed) {
  const few = count <= MANY;
  const control = few
    ? h('select', { 'aria-label': name }, ...Array.from({ length: count }, (_, i) => h('option', { value: i }, String(i))))
    : h('input', { type: 'number', 'aria-label': name, min: 0, max: count - 1, step: 1, inputmode: 'numeric' });
  control.addEventListener('change', () => changed(Number(control.value)));
  const element = h(
    'div', { class: 'chooser', hidden: count < 2 },
    h('span', { class: 'chooser-name', 'aria-hidden': 'true' }, name), control,
    h('span', { class: 'chooser-count', 'aria-hidden': 'true' }, `of ${count}`),
  );
  return {
    element,
    /** @param {number} value */
    show(value) {
      if (Number(control.value) !== value || control.value === '') control.value = String(value);
    },
  };
}

/**
 * Tick labels as elements that are kept from frame to frame.
 *
 * @param {HTMLElement} holder
 * @param {readonly {at: number, label: string}[]} ticks   Positions in CSS pixels.
 * @param {'left' | 'top'} side
 * @param {string} unit   Written once, as the last child.
 * @param {number} length  Of the axis, in CSS pixels.
 */
export function showTicks(holder, ticks, side, unit, length) {
  // The unit takes the place of the labels at the right end, or at the top.
  const room = length - 7.5 * unit.length - 12;
  ticks = ticks.filter(({ at, label }) => (side === 'left' ? at + 3.5 * label.length < room : at > 20));
  while (holder.childElementCount > ticks.length + 1) holder.firstElementChild?.remove();
  while (holder.childElementCount < ticks.length + 1) holder.prepend(h('span'));
  ticks.forEach(({ at, label }, i) => {
    const span = /** @type {HTMLElement} */ (holder.children[i]);
    setText(span, label);
    span.className = 'tick';
    span.style[side] = `${at.toFixed(1)}px`;
  });
  const last = /** @type {HTMLElement} */ (holder.lastElementChild);
  last.className = 'unit';
  last.style[side] = '';
  setText(last, unit);
}
