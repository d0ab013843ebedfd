// @ts-check
import { actionButton } from '../frame/controls.js';
import { h, icon, setText } from '../frame/dom.js';
import { formatCount } from '../frame/si.js';

/**
 * The elements of the live panel around its canvas.
 *
 * @param {import('./panel.js').LivePanel} panel
 */
export function buildView(panel) {
  const act = (/** @type {string} */ id) => panel.actions.find((action) => action.id === id);
  const camera = h('span', { class: 'live-camera' });
  const size = h('span', { class: 'image-size' });
  const note = h('p', { class: 'live-note', hidden: true });
  const button = actionButton(act('freeze'), 'pause');
  const region = actionButton(act('region'), 'box');
  const only = actionButton(act('only'), 'eye');
  const panes = h('div', { class: 'panes' }, panel.pane.element, note);
  const lead = h('button', { type: 'button', class: 'plain follow', id: 'do-lead', title: 'Other panels and windows show the time of the live picture (Y)', onclick: () => panel.clock.toggle() }, 'Others follow');
  const element = h(
    'section', { class: 'image live', 'aria-label': 'Live picture' },
    h(
      'div', { class: 'toolbar' },
      camera, size, lead,
      h(
        'div', { class: 'buttons', role: 'group', 'aria-label': 'Picture' },
        button, region, only, actionButton(act('contrast'), 'contrast'), actionButton(act('export'), 'save'),
      ),
      h(
        'div', { class: 'buttons', role: 'group', 'aria-label': 'Zoom' },
        actionButton(act('zoom-out'), 'minus'), actionButton(act('fit'), 'fit'), actionButton(act('pixels'), 'one'), actionButton(act('zoom-in'), 'plus'),
      ),
    ),
    h('div', { class: 'table' }, panes, panel.strip.element),
  );
  return {
    element, note,
    freeze: freezeButton(button),
    /** What changes by itself. */
    show() {
      const { info } = panel.news;
      const { shape, known, dtype } = panel.sensor;
      setText(camera, String(info.camera || info.address || ''));
      camera.title = String(info.address ?? '');
      setText(size, known ? `${formatCount(shape.x)} × ${formatCount(shape.y)} · ${dtype}` : '');
      const { mood, text } = panel.standing;
      note.hidden = text === '';
      note.dataset.mood = mood;
      setText(note, text);
      panes.classList.toggle('stale', panel.picture !== null && text !== '' && !panel.frozen.active);
      region.setAttribute('aria-pressed', String(panel.marking.active));
      only.setAttribute('aria-pressed', String(panel.only));
      lead.setAttribute('aria-pressed', String(panel.clock.leads));
    },
  };
}

/** @param {HTMLButtonElement} button */
function freezeButton(button) {
  button.setAttribute('aria-pressed', 'false');
  return {
    /** @param {boolean} frozen */
    show(frozen) {
      button.setAttribute('aria-pressed', String(frozen));
      button.replaceChildren(icon(frozen ? 'play' : 'pause'));
    },
  };
}
