// @ts-check
import { actionButton } from '../frame/controls.js';
import { h } from '../frame/dom.js';

/**
 * The elements of the image panel around its canvases.
 *
 * @param {import('./panel.js').ImagePanel} panel
 */
export function buildView(panel) {
  const act = (/** @type {string} */ id) => panel.actions.find((action) => action.id === id);
  const layouts = h(
    'div', { class: 'layouts', role: 'group', 'aria-label': 'Planes', hidden: !panel.dataset.volume },
    ...['xy', 'xz', 'yz', 'ortho'].map((name) =>
      h('button', { type: 'button', class: 'layout', 'data-layout': name, onclick: () => panel.place.setLayout(name) }, name === 'ortho' ? 'All three' : name.toUpperCase())),
  );
  const values = h('tbody');
  const size = h('span', { class: 'image-size' });
  const stamp = h('span', { class: 'stamp', hidden: true });
  const note = h('p', { class: 'note', hidden: true });
  const panes = h('div', { class: 'panes' }, ...panel.panes.map(({ element }) => element), panel.readout.element, panel.overlay.minimap, note);
  const element = h(
    'section', { class: 'image', 'aria-label': 'Image' },
    h(
      'div', { class: 'toolbar' },
      layouts, size, stamp,
      h(
        'div', { class: 'buttons', role: 'group', 'aria-label': 'Measure and save' },
        actionButton(act('distance'), 'line'), actionButton(act('rectangle'), 'box'), actionButton(act('contrast'), 'contrast'),
        actionButton(act('export'), 'save'), actionButton(act('elsewhere'), 'elsewhere'),
      ),
      h(
        'div', { class: 'buttons', role: 'group', 'aria-label': 'Zoom' },
        actionButton(act('zoom-out'), 'minus'), actionButton(act('fit'), 'fit'), actionButton(act('pixels'), 'one'), actionButton(act('zoom-in'), 'plus'),
      ),
    ),
    h('div', { class: 'table' }, panes, panel.sliders.element),
    h('aside', { class: 'values', 'aria-label': 'Values of this view' }, h('table', {}, h('caption', {}, 'This view in numbers'), values)),
  );
  return { element, layouts, panes, note, size, stamp, values };
}
