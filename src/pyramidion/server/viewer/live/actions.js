// @ts-check
import { action } from '../frame/actions.js';
import { moveActions } from '../image/moving.js';

/**
 * What a person can do in the live panel.
 *
 * @param {import('./panel.js').LivePanel} panel
 * @returns {import('../frame/actions.js').Action[]}
 */
export function liveActions(panel) {
  return [
    action('freeze', 'Hold the picture, or go on', [' '], () => panel.freeze(), 'Space'),
    action('region', 'Draw a region: its values are shown beside the picture', ['r'], () => panel.markRegion()),
    action('only', 'Only the region, at full resolution; once more for all', ['v'], () => panel.watchOnly(!panel.only)),
    ...moveActions(panel, 'The whole sensor', 'One pixel of the camera on one of the screen'),
    action('contrast', 'Range that follows what is seen; with Shift all values', ['c'], ({ big }) => (big ? panel.contrast.reset() : panel.contrast.auto())),
    action('colours', 'Next colour map', ['m'], () => panel.nextMap()),
    action('recording', 'Go to the recording, at this view', ['g'], () => panel.openRecording()),
    action('export', 'Save the picture as PNG; with Shift with its marks', ['e'], ({ big }) => void panel.save(big)),
    action('lead', 'Others follow the live picture, or stay', ['y'], () => panel.clock.toggle()),
    action('cancel', 'Let go, remove the region', ['escape'], () => panel.cancel()),
  ];
}
