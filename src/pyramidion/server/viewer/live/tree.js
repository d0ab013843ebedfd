// @ts-check
import { formatCount } from '../frame/si.js';
import { lengthText } from '../image/texts.js';
import { diskText, plural } from './words.js';

/**
 * What a camera offers, for the rail: itself and its sensor, what is fetched of it, the region, the recording.
 *
 * @param {import('./panel.js').LivePanel} panel @returns {import('../frame/types.js').Branch[]}
 */
export function treeOf(panel) {
  const { sensor, region, news: { info }, standing } = panel;
  const { shape, unit, dtype, known } = sensor;
  const name = String(info.camera || 'Camera');
  /** @type {import('../frame/types.js').Branch[]} */ const parts = [];
  if (known) {
    const pixel = unit.x ? ` · ${lengthText(sensor, 'x', 1)} × ${lengthText(sensor, 'y', 1)} a pixel` : '';
    parts.push({ label: 'Sensor', detail: `${formatCount(shape.x)} × ${formatCount(shape.y)} · ${dtype}${pixel}`, run: () => panel.showAll() });
  }
  if (panel.picture) parts.push({ label: 'Picture', detail: panel.levelText(), current: true });
  if (region) {
    const { x, y, width, height } = region;
    parts.push({
      label: 'Region', detail: `${formatCount(width)} × ${formatCount(height)} at ${formatCount(x)}, ${formatCount(y)}`, current: panel.only,
      run: () => panel.showRegion(region),
    });
  }
  const address = info.address && info.address !== info.camera ? `${info.address} · ` : '';
  const tree = [{ label: name, detail: `${address}${standing.badge}`, children: parts }];
  if (info.store) {
    const stored = Number.isFinite(info.frames_stored) ? plural(info.frames_stored, 'frame') : '';
    tree.push({ label: 'Recording', detail: '', children: [{ label: String(info.store), detail: [stored, diskText(info)].filter(Boolean).join(' · '), run: () => panel.openRecording() }] });
  }
  return tree;
}
