// @ts-check
import { action } from '../frame/actions.js';

const STEP = 80; // CSS pixels
const ZOOM = 2;

/**
 * What a person can do in the image panel.
 *
 * @param {import('./panel.js').ImagePanel} panel
 * @returns {import('../frame/actions.js').Action[]}
 */
export function imageActions(panel) {
  const { place, dataset } = panel;
  const far = (/** @type {{big: boolean}} */ { big }) => (big ? 10 : 1);
  const pan = (/** @type {number} */ dx, /** @type {number} */ dy) => (/** @type {{big: boolean}} */ how) => {
    place.drag(panel.pane.plane, -dx * STEP * far(how), -dy * STEP * far(how));
  };
  const slice = (/** @type {number} */ by) => (/** @type {{big: boolean}} */ how) => panel.step(place.across, by * far(how));
  const time = (/** @type {number} */ by) => (/** @type {{big: boolean}} */ how) => panel.step('t', by * far(how));
  const volume = dataset.volume ? [
    action('previous-slice', 'Previous slice', ['[', '{'], slice(-1), '['),
    action('next-slice', 'Next slice', [']', '}'], slice(1), ']'),
    action('layout', 'Next of the planes xy, xz, yz and all three', ['p'], () => panel.nextLayout()),
  ] : [];
  const movie = dataset.shape.t > 1 ? [
    action('previous-time', 'Previous time', [',', '<'], time(-1), ','),
    action('next-time', 'Next time', ['.', '>'], time(1), '.'),
  ] : [];
  const playable = dataset.volume || dataset.shape.t > 1 ? [action('play', 'Play or stop', [' '], () => panel.player.toggle(), 'Space')] : [];
  return [
    action('pan-left', 'Left', ['a', 'arrowleft'], pan(-1, 0)),
    action('pan-right', 'Right', ['d', 'arrowright'], pan(1, 0)),
    action('pan-up', 'Up', ['arrowup'], pan(0, -1)),
    action('pan-down', 'Down', ['arrowdown'], pan(0, 1)),
    action('zoom-in', 'Zoom in', ['w', '+', '='], (how) => panel.zoom(1 / (how.big ? 10 : ZOOM)), 'W +'),
    action('zoom-out', 'Zoom out', ['s', '-', '_'], (how) => panel.zoom(how.big ? 10 : ZOOM), 'S \u2212'),
    action('fit', 'The whole picture', ['f'], () => place.fit()),
    action('pixels', 'One pixel of the image on one of the screen', ['1', '!'], () => place.setView(place.centre, 1 / panel.pane.surface.scale), '1'),
    ...volume, ...movie, ...playable,
    action('contrast', 'Range of what is seen; with Shift as at first', ['c'], ({ big }) => (big ? panel.contrast.reset() : panel.contrast.auto())),
    action('colours', 'Next colour map', ['m'], () => panel.nextMap()),
    action('distance', 'Measure a distance: drag a line', ['u'], () => panel.measureWith('line')),
    action('rectangle', 'Measure a rectangle: drag it, or Enter for the view', ['r'], () => panel.measureWith('box')),
    action('take-view', 'Measure what is seen', ['enter'], () => panel.measureView()),
    action('export', 'Save the picture as PNG; with Shift with its marks', ['e'], ({ big }) => void panel.save(big)),
    action('elsewhere', 'Open elsewhere', ['o'], () => void panel.elsewhere()),
    action('drawer', 'Channels and colours', ['b'], () => panel.toggleDrawer()),
    action('cancel', 'Let go, stop, remove the measurement', ['escape'], () => panel.cancel()),
  ];
}
