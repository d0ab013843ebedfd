// @ts-check
import { action } from '../frame/actions.js';

const STEP = 80; // CSS pixels
const ZOOM = 2;

/**
 * Moving and zooming by keys.
 *
 * @param {import('./types.js').Movable} panel @param {string} whole   What `fit` shows. @param {string} pixel   What `pixels` makes one of the screen.
 * @returns {import('../frame/actions.js').Action[]}
 */
export function moveActions(panel, whole, pixel) {
  const { place } = panel;
  const pan = (/** @type {number} */ dx, /** @type {number} */ dy) => (/** @type {{big: boolean}} */ { big }) => {
    const far = STEP * (big ? 10 : 1);
    place.drag(panel.pane.plane, -dx * far, -dy * far);
  };
  return [
    action('pan-left', 'Left', ['a', 'arrowleft'], pan(-1, 0)),
    action('pan-right', 'Right', ['d', 'arrowright'], pan(1, 0)),
    action('pan-up', 'Up', ['arrowup'], pan(0, -1)),
    action('pan-down', 'Down', ['arrowdown'], pan(0, 1)),
    action('zoom-in', 'Zoom in', ['w', '+', '='], (how) => panel.zoom(1 / (how.big ? 10 : ZOOM)), 'W +'),
    action('zoom-out', 'Zoom out', ['s', '-', '_'], (how) => panel.zoom(how.big ? 10 : ZOOM), 'S \u2212'),
    action('fit', whole, ['f'], () => place.fit()),
    action('pixels', pixel, ['1', '!'], () => place.setView(place.centre, 1 / panel.pane.surface.scale), '1'),
  ];
}
