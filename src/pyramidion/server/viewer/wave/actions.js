// @ts-check
import { action } from '../frame/actions.js';
import { spanWindow, wholeRecord } from './window.js';

const PAN = 0.1; // of the window's width
const ZOOM = 2;
const PIXELS_PER_SAMPLE = 8; // CSS pixels, for "single samples"

/**
 * What a person can do in the waveform panel.
 *
 * @param {import('./panel.js').WavePanel} panel
 * @returns {import('../frame/actions.js').Action[]}
 */
export function waveActions(panel) {
  const { samples } = panel.dataset;
  const far = (/** @type {{big: boolean}} */ { big }, /** @type {number} */ normal, /** @type {number} */ large) => (big ? large : normal);
  const step = (/** @type {{big: boolean}} */ how, /** @type {number} */ by) => {
    panel.select({ seg: panel.selection.seg + by * far(how, 1, 10) });
  };
  const edge = (/** @type {number} */ at, /** @type {1 | -1} */ direction) => {
    const { a, b } = panel.window;
    return { a: at, b: at + direction * (b - a) }; // put in order by the panel
  };
  return [
    action('pan-left', 'Earlier', ['a', 'arrowleft'], (how) => panel.pan(-far(how, PAN, 10 * PAN))),
    action('pan-right', 'Later', ['d', 'arrowright'], (how) => panel.pan(far(how, PAN, 10 * PAN))),
    action('zoom-in', 'Zoom in', ['w', 'arrowup', '+', '='], (how) => panel.zoom(1 / far(how, ZOOM, 10)), 'W ↑ +'),
    action('zoom-out', 'Zoom out', ['s', 'arrowdown', '-', '_'], (how) => panel.zoom(far(how, ZOOM, 10)), 'S ↓ \u2212'),
    action('fit', 'Whole record', ['f'], () => panel.setWindow(wholeRecord(samples))),
    action('samples', 'Single samples', ['1', '!'], () => {
      const width = panel.surface.width / panel.surface.scale;
      panel.setWindow(spanWindow(panel.window, Math.max(1, width / PIXELS_PER_SAMPLE), samples));
    }, '1'),
    action('start', 'Start of the record', ['home'], () => panel.setWindow(edge(-0.5, 1))),
    action('end', 'End of the record', ['end'], () => panel.setWindow(edge(samples - 0.5, -1))),
    ...(panel.dataset.shape.segments > 1
      ? [
          action('previous-segment', 'Previous segment', ['[', '{'], (how) => step(how, -1), '['),
          action('next-segment', 'Next segment', [']', '}'], (how) => step(how, 1), ']'),
        ]
      : []),
    ...(panel.dataset.shape.channels > 1 ? channelActions(panel) : []),
    action('cursor-x', 'Cursor X here', ['x'], () => panel.placeCursor('x')),
    action('cursor-y', 'Cursor Y here', ['y'], () => panel.placeCursor('y')),
    action('find-previous', 'Previous of what is looked for', [',', '<'], () => panel.stepFind(-1), ','),
    action('find-next', 'Next of what is looked for', ['.', '>'], () => panel.stepFind(1), '.'),
    action('elsewhere', 'Open elsewhere', ['o'], () => void import('./elsewhere.js').then(({ openElsewhere }) => openElsewhere(panel))),
    action('cancel', 'Let go, close', ['escape'], () => panel.cancel()),
  ];
}

/** @param {import('./panel.js').WavePanel} panel @returns {import('../frame/actions.js').Action[]} */
function channelActions(panel) {
  const every = [...Array(panel.dataset.shape.channels).keys()];
  return [
    action('channels', 'All channels or one', ['m'], () => {
      const { channels } = panel.state.value;
      const rest = channels.length === every.length ? [] : every.filter((ch) => ch !== channels[0]);
      panel.state.set({ channels: [channels[0], ...rest] });
    }),
    action('layout', 'Channels one under another, or over each other', ['c'], () => {
      panel.state.set({ layout: panel.state.value.layout === 'stacked' ? 'overlay' : 'stacked' });
    }),
    action('next-channel', 'Next channel', [';'], () => {
      const { channels } = panel.state.value;
      const next = (channels[0] + 1) % every.length;
      if (channels.length > 1) panel.activate(next);
      else panel.select({ ch: next });
    }),
  ];
}
