// @ts-check
import { openImage } from './dataset.js';
import { hashOf, showHash } from './link.js';
import { ImagePanel } from './panel.js';

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
  return {
    title: dataset.name,
    element: panel.element,
    actions: panel.actions,
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

/** @param {ImagePanel} panel */
function statsOf({ dataset, pane, drawMs, tiles, complete }) {
  const level = dataset.levels[pane.level];
  return { drawMs, colourMs: tiles.colourMs, tileBytes: tiles.bytes, level: level.array.path, levelNumber: level.number, pixelsPerPixel: level.size.x, complete };
}
