// @ts-check
/** What tests and scripts may ask of a live panel. @param {import('./panel.js').LivePanel} panel */
export function hooksOf(panel) {
  const { place, look } = panel;
  return {
    /** @param {{centre?: number[], zoom?: number, region?: number[] | null, only?: boolean}} view */
    setView({ centre, zoom, region, only }) {
      if (centre || zoom) place.setView({ x: centre?.[0] ?? place.centre.x, y: centre?.[1] ?? place.centre.y, z: 0 }, zoom ?? place.zoom);
      if (region !== undefined) panel.setRegion(region && { x: region[0], y: region[1], width: region[2], height: region[3] });
      if (only !== undefined) panel.watchOnly(only);
    },
    view: () => ({
      centre: { x: place.centre.x, y: place.centre.y }, zoom: place.zoom, chosen: place.chosen, region: panel.region, only: panel.only, map: look.map,
      range: look.channels[0].range, following: panel.contrast.following, frozen: panel.frozen.active, mood: panel.standing.mood, ask: panel.ask,
    }),
    /** Where position 0 of the sensor lies on the canvas, and how large its pixels are, in device pixels. */
    frame() {
      const { frame } = panel.pane;
      return frame && { left: frame.left, top: frame.top, kh: frame.kh, kv: frame.kv, width: frame.width, height: frame.height };
    },
    region: () => panel.values.result && { ...panel.values.result },
    /** The numbers the picture is drawn from. */
    picture: () => panel.picture && { ...panel.picture, data: [...panel.picture.data] },
  };
}
