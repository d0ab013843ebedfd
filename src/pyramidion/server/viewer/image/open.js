// @ts-check
import { Late } from '../frame/late.js';
import { isRecording, openImage } from './dataset.js';
import { hashOf, showHash } from './link.js';
import { ImagePanel } from './panel.js';

const ROOM = 900; // CSS pixels from which the drawer is open at first

/**
 * Open an image, a volume or a movie in a panel.
 *
 * @param {import('../frame/types.js').Page} page
 * @returns {Promise<import('../frame/types.js').Panel>}
 */
export async function openPanel(page) {
  const dataset = await openImage(page.store, page.group);
  const panel = new ImagePanel(dataset, page);
  if (dataset.growing || page.live) (await import('./growing.js')).followGrowth(panel, page);
  if (dataset.movie && isRecording(page.group)) {
    panel.clock = new Late(async () => (await import('./recorded.js')).openClock(panel, page), () => panel.requestDraw());
  }
  return {
    title: dataset.name,
    element: panel.element,
    actions: panel.actions,
    tools: panel.tools,
    firstTool: innerWidth > ROOM ? 'look' : '',
    tree: async () => (await import('./tree.js')).treeOf(panel),
    timeline: panel.clock && timelineOf(panel.clock),
    hint: 'Point at the picture for position and value',
    gestures: `Wheel zooms at the pointer, dragging moves, Shift and dragging zooms into a rectangle. Two fingers zoom, one moves.${dataset.volume ? ' With all three planes, pressing puts the crosshair there.' : ''} Shift with the wheel or a key goes ten times as far.`,
    settled: () => panel.settled,
    refresh: () => panel.requestDraw(),
    levelText: () => panel.levelText(),
    spoken: () => panel.spoken(),
    stats: () => statsOf(panel),
    showHash: (state) => showHash(panel, state),
    hash: (before) => hashOf(panel, before),
    hooks: async () => (await import('./hooks.js')).hooksOf(panel),
  };
}

/** @param {Late<import('./recorded.js').Recorded>} clock @returns {import('../frame/types.js').Timeline} */
function timelineOf(clock) {
  return {
    span: () => clock.here?.span ?? null,
    show: (time) => void clock.come().then((one) => one?.show(time)),
  };
}

/** @param {ImagePanel} panel */
function statsOf({ dataset, pane, drawMs, tiles, complete }) {
  const level = dataset.levels[pane.level];
  return { drawMs, colourMs: tiles.colourMs, tileBytes: tiles.bytes, level: level.array.path, levelNumber: level.number, pixelsPerPixel: level.size.x, complete };
}
