// @ts-check
import { placeInChunk } from './dataset.js';
import { countValues } from './histogram.js';
import { scaleBar } from './marks.js';

/** What tests and scripts may ask of an image panel. @param {import('./panel.js').ImagePanel} panel */
export function hooksOf(panel) {
  const { dataset, place, scheduler } = panel;
  return {
    /** @param {{layout?: string, centre?: number[], zoom?: number, x?: number, y?: number, z?: number, t?: number}} view */
    setView({ layout, centre, zoom, ...slice }) {
      if (layout) place.setLayout(layout);
      place.setSlice(slice);
      if (!centre && !zoom) return;
      const [x, y, z] = centre ?? [];
      place.setView({ x: x ?? place.centre.x, y: y ?? place.centre.y, z: z ?? place.centre.z }, zoom ?? place.zoom);
    },
    view: () => ({
      layout: place.layout, centre: { ...place.centre }, zoom: place.zoom, ...place.point, t: place.t, map: panel.look.map,
      channels: panel.look.channels.map(({ label, color, visible, range }) => ({ label, color, visible, range })),
    }),
    /** Where position 0 of a plane lies on its canvas, and how large its pixels are, in device pixels. @param {string} [plane] */
    frame(plane = panel.pane.plane.name) {
      const frame = panel.panes.find((pane) => pane.plane.name === plane)?.frame;
      return frame && { left: frame.left, top: frame.top, kh: frame.kh, kv: frame.kv, width: frame.width, height: frame.height };
    },
    scaleBar: () => panel.pane.frame && scaleBar(dataset, panel.pane.frame),
    measurement: () => panel.measuring.result && { ...panel.measuring.result, ...panel.measuring.measure, plane: panel.measuring.measure?.plane.name },
    histogram() {
      for (const watcher of panel.watchers) watcher.update();
      const found = countValues(panel);
      return found && { ...found, counts: [...found.counts] };
    },
    /** The value of one pixel of level 0, fetched if need be. */
    async valueAt(/** @type {number} */ x, /** @type {number} */ y, z = 0, t = 0, c = 0) {
      const pixel = { x, y, z, t, c };
      const chunk = dataset.chunkAt(dataset.levels[0], pixel);
      panel.probe.set([{ chunk, priority: 0 }]);
      while (!scheduler.cache.has(chunk.key) && !panel.tiles.failed(chunk)) await new Promise((resolve) => setTimeout(resolve, 5));
      panel.probe.set([]);
      return scheduler.get(chunk)?.[placeInChunk(dataset.levels[0], pixel)] ?? null;
    },
  };
}
