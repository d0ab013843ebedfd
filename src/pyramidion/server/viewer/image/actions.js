// @ts-check
import { action } from '../frame/actions.js';
import { moveActions } from './moving.js';

/**
 * What a person can do in the image panel.
 *
 * @param {import('./panel.js').ImagePanel} panel
 * @returns {import('../frame/actions.js').Action[]}
 */
export function imageActions(panel) {
  const { dataset, place } = panel;
  const far = (/** @type {{big: boolean}} */ { big }) => (big ? 10 : 1);
  const slice = (/** @type {number} */ by) => (/** @type {{big: boolean}} */ how) => panel.step(place.across, by * far(how));
  const time = (/** @type {number} */ by) => (/** @type {{big: boolean}} */ how) => panel.step('t', by * far(how));
  const volume = dataset.volume ? [
    action('previous-slice', 'Previous slice', ['[', '{'], slice(-1), '['),
    action('next-slice', 'Next slice', [']', '}'], slice(1), ']'),
    action('layout', 'Next of the planes xy, xz, yz and all three', ['p'], () => panel.nextLayout()),
  ] : [];
  const movie = dataset.movie ? [
    action('previous-time', 'Previous time', [',', '<'], time(-1), ','),
    action('next-time', 'Next time', ['.', '>'], time(1), '.'),
  ] : [];
  const playable = dataset.volume || dataset.movie ? [action('play', 'Play or stop', [' '], () => panel.player.toggle(), 'Space')] : [];
  return [
    ...moveActions(panel, 'The whole picture', 'One pixel of the image on one of the screen'),
    ...volume, ...movie, ...playable,
    action('contrast', 'Range of what is seen; with Shift as at first', ['c'], ({ big }) => (big ? panel.contrast.reset() : panel.contrast.auto())),
    action('colours', 'Next colour map', ['m'], () => panel.nextMap()),
    action('distance', 'Measure a distance: drag a line', ['u'], () => panel.measureWith('line')),
    action('rectangle', 'Measure a rectangle: drag it, or Enter for the view', ['r'], () => panel.measureWith('box')),
    action('take-view', 'Measure what is seen', ['enter'], () => panel.measureView()),
    action('export', 'Save the picture as PNG; with Shift with its marks', ['e'], ({ big }) => void panel.save(big)),
    action('elsewhere', 'Open elsewhere', ['o'], () => void panel.elsewhere()),
    action('cancel', 'Let go, stop, remove the measurement', ['escape'], () => panel.cancel()),
  ];
}
