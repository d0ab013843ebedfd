// @ts-check
import { hashOf, showHash } from './link.js';
import { LivePanel } from './panel.js';

const ROOM = 900; // CSS pixels from which the drawer is open at first

/**
 * Show what a camera sees now.
 *
 * @param {URL} base   Address of its server. @param {string} link   The same as links write it. @param {import('./types.js').LivePage} page
 * @returns {import('../frame/types.js').Panel}
 */
export function openLive(base, link, page) {
  const panel = new LivePanel(base, link, page);
  panel.start();
  return {
    title: 'Live',
    element: panel.element,
    actions: panel.actions,
    tools: panel.tools,
    firstTool: innerWidth > ROOM ? 'look' : '',
    tree: async () => (await import('./tree.js')).treeOf(panel),
    timeline: {
      span: () => panel.picture && [panel.picture.time, panel.picture.time],
      show: (time) => panel.clock.show(time),
    },
    hint: 'Point at the picture for position and value',
    gestures: 'Wheel zooms at the pointer, dragging moves, Shift and dragging zooms into a rectangle. Two fingers zoom, one moves.',
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

/** @param {LivePanel} panel */
function statsOf({ drawn, picture, strip, feed }) {
  return {
    ...drawn, rate: strip.rate, number: picture?.number ?? null, time: picture?.time ?? null,
    pixels: picture ? picture.width * picture.height : 0, scale: picture?.scale ?? null, roundTrip: feed.roundTrip,
  };
}
