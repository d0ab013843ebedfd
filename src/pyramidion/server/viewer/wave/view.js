// @ts-check
import { actionButton } from '../frame/controls.js';
import { h, setText } from '../frame/dom.js';
import { clippedColumns } from './draw.js';

/**
 * The elements of the waveform panel. No state and no arithmetic: the panel fills them.
 */

const MANY = 64; // above this a list to choose from is no help any more

/** @param {import('./panel.js').WavePanel} panel */
export function buildView(panel) {
  const { dataset, actions } = panel;
  const { channels, trcs, segments } = dataset.shape;
  const act = (/** @type {string} */ id) => actions.find((action) => action.id === id);
  const choosers = {
    ch: chooser('Channel', channels, (ch) => panel.select({ ch })),
    trc: chooser('Trace', trcs, (trc) => panel.select({ trc })),
    seg: chooser('Segment', segments, (seg) => panel.select({ seg })),
  };
  if (segments > 1) {
    choosers.seg.element.prepend(actionButton(act('previous-segment'), 'left'));
    choosers.seg.element.append(actionButton(act('next-segment'), 'right'));
  }
  const all = channels > 1 ? actionButton(act('channels'), 'layers') : null;
  const stacked = channels > 1 ? actionButton(act('layout'), 'rows') : null;

  const caption = h('p', { class: 'caption' });
  const clipped = h('p', { class: 'clipped', hidden: true, title: 'The converter was at its limit: what is drawn there is less than there was' });
  const summary = h('p', { class: 'summary' });
  const canvas = h('canvas', { class: 'trace', role: 'img', tabindex: '0' });
  const now = h('div', { class: 'now', hidden: true, title: 'Time cursor, shared by all panels' });
  const cursor = h('div', { class: 'cursor', hidden: true });
  const dot = h('div', { class: 'dot', hidden: true });
  const mark = h('div', { class: 'mark', hidden: true });
  const readout = h('div', { class: 'readout', hidden: true });
  const note = h('p', { class: 'note', hidden: true });
  const plot = h('div', { class: 'plot' }, canvas, h('div', { class: 'labels' }, caption, clipped), summary, now, cursor, dot, mark, readout, note);
  const xAxis = h('div', { class: 'x-axis', 'aria-hidden': 'true' });
  const yAxis = h('div', { class: 'y-axis', 'aria-hidden': 'true' });
  const stripCanvas = h('canvas', { class: 'strip-trace' });
  const stripWindow = h('div', { class: 'strip-window' });
  const strip = h('div', { class: 'strip', title: 'The whole record: drag the window, or press beside it' }, stripCanvas, stripWindow);
  const dock = h('div', { class: 'dock', hidden: true });
  const values = h('tbody');

  const element = h(
    'section', { class: 'wave', 'aria-label': 'Waveform' },
    h(
      'div', { class: 'toolbar' },
      h('div', { class: 'choosers' }, ...Object.values(choosers).map((one) => one.element), all, stacked),
      h(
        'div', { class: 'buttons', role: 'group', 'aria-label': 'Move and zoom' },
        actionButton(act('start'), 'start'), actionButton(act('pan-left'), 'left'),
        actionButton(act('zoom-out'), 'minus'), actionButton(act('fit'), 'fit'),
        actionButton(act('samples'), 'dots'), actionButton(act('zoom-in'), 'plus'),
        actionButton(act('pan-right'), 'right'), actionButton(act('end'), 'end'), actionButton(act('elsewhere'), 'elsewhere'),
      ),
    ),
    h('div', { class: 'figure' }, yAxis, plot, xAxis, strip),
    dock,
    h(
      'aside', { class: 'values', 'aria-label': 'Values of this view' },
      h('table', {}, h('caption', {}, 'This view in numbers'), values),
    ),
  );
  return {
    element, caption, summary, canvas, now, cursor, dot, mark, readout, note, plot, xAxis, yAxis, strip, stripCanvas, stripWindow, dock, values, choosers,
    /** Show what is chosen. */
    showState() {
      const { channels: shown, trc, seg, layout } = panel.state.value;
      choosers.ch.show(shown[0]);
      choosers.trc.show(trc);
      choosers.seg.show(seg);
      if (!all || !stacked) return;
      all.setAttribute('aria-pressed', String(shown.length === channels));
      stacked.setAttribute('aria-pressed', String(layout === 'stacked'));
      stacked.disabled = shown.length < 2;
    },
    /** @param {readonly import('./types.js').Trace[]} traces */
    showClipped(traces) {
      const names = traces.filter(({ columns, selection }) => {
        const limits = dataset.clipCodes(selection);
        return columns && limits && clippedColumns(columns, limits) > 0;
      }).map(({ ch }) => dataset.channelName(ch));
      clipped.hidden = names.length === 0;
      setText(clipped, names.length === 0 ? '' : traces.length > 1 ? `Clipped: ${names.join(', ')}` : 'Clipped');
    },
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
