// @ts-check
import { preload } from './panels.js';
import { sourceUrl } from './source.js';
import { loadStyle } from './style.js';

/** As in `panels.js`. */
const MODULES = {
  live: [
    '../frame/surface', '../frame/wheel', '../image/channels', '../image/colormaps', '../image/colour', '../image/geometry',
    '../image/gestures', '../image/look', '../image/moving', '../image/place', '../image/sampling', '../image/texts', '../image/times', 'actions',
    'asking', 'build', 'clock', 'contrast', 'drawing', 'feed', 'fetching', 'frozen', 'link', 'news', 'open', 'pane', 'panel', 'sensor', 'strip',
    'texts', 'tools', 'values', 'words',
  ],
};
const STYLES = ['../image/picture.css', '../image/growing.css', '../live/live.css'];

/**
 * The panel of a camera, which needs no store.
 *
 * @param {string} live   Address or path of its server. @param {import('../live/types.js').LivePage} page
 */
export async function openCamera(live, page) {
  const base = sourceUrl(live, document.baseURI);
  preload('live', MODULES.live);
  const [{ openLive }] = await Promise.all([import('../live/open.js'), ...STYLES.map((path) => loadStyle(new URL(path, import.meta.url).href))]);
  return { panel: openLive(base, live, page), address: base.origin + base.pathname };
}
