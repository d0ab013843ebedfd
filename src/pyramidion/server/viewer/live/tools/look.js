// @ts-check
import { h } from '../../frame/dom.js';
import { loadStyle } from '../../frame/style.js';
import { openRangeCard } from '../../image/rangecard.js';
import { RegionCard } from '../regioncard.js';

/**
 * Range, colour map, and the region with its values.
 *
 * @param {import('../panel.js').LivePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>}
 */
export async function openTool(panel) {
  const [card] = await Promise.all([openRangeCard(panel, 'Full range'), loadStyle(new URL('./look.css', import.meta.url).href)]);
  const region = new RegionCard(panel);
  let rounds = 0;
  const watcher = {
    /** At a calm rate; the histogram every second time. */
    later() {
      if (!card.element.isConnected) return;
      region.show();
      if (rounds++ % 2 || panel.frozen.active) card.update();
    },
    update() {
      region.show();
      card.update();
    },
  };
  return {
    element: h('div', {}, card.element, region.element),
    shown() {
      panel.watchers.add(watcher);
      watcher.update();
    },
    hidden: () => void panel.watchers.delete(watcher),
    update: () => region.show(),
  };
}
