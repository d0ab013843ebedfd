// @ts-check
/**
 * Colour maps for one channel: 256 colours between a few anchors, linear in between.
 *
 * Anchors are ten evenly spaced colours of each map (viridis and magma: S. van der Walt and N. Smith, 2015; cividis:
 * J. Nuñez, C. Anderton and R. Renslow, 2018), so the tables follow the originals to within a few steps of 255.
 *
 * @typedef {import('./channels.js').Rgb} Rgb
 * @typedef {{id: string, label: string, anchors: readonly string[], under?: Rgb, over?: Rgb}} Colormap
 */

/** Colours of values outside the range, in the map that marks them. */
const UNDER = /** @type {Rgb} */ ([0, 114, 178]);
const OVER = /** @type {Rgb} */ ([230, 159, 0]);

/** @type {readonly Colormap[]} */
export const COLORMAPS = [
  { id: 'grey', label: 'Grey', anchors: ['000000', 'FFFFFF'] },
  { id: 'marks', label: 'Grey, outside marked', anchors: ['000000', 'FFFFFF'], under: UNDER, over: OVER },
  {
    id: 'cividis', label: 'Cividis',
    anchors: ['00224E', '123570', '3B496C', '575D6D', '707173', '8A8678', 'A59C74', 'C3B369', 'E1CC55', 'FEE838'],
  },
  {
    id: 'viridis', label: 'Viridis',
    anchors: ['440154', '482878', '3E4989', '31688E', '26828E', '1F9E89', '35B779', '6ECE58', 'B5DE2B', 'FDE725'],
  },
  {
    id: 'magma', label: 'Magma',
    anchors: ['000004', '180F3D', '440F76', '721F81', '9E2F7F', 'CD4071', 'F1605D', 'FD9668', 'FECA8D', 'FCFDBF'],
  },
];

/** @param {readonly string[]} anchors @returns {Uint8Array} 256 colours, three bytes each. */
export function expand(anchors) {
  const out = new Uint8Array(768);
  const channel = (/** @type {number} */ anchor, /** @type {number} */ k) => parseInt(anchors[anchor].slice(2 * k, 2 * k + 2), 16);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (anchors.length - 1);
    const left = Math.min(anchors.length - 2, Math.floor(at));
    for (let k = 0; k < 3; k++) out[3 * i + k] = Math.round(channel(left, k) + (at - left) * (channel(left + 1, k) - channel(left, k)));
  }
  return out;
}

/** @param {string} id @returns {Colormap} Grey for a name there is not. */
export function colormap(id) {
  return COLORMAPS.find((map) => map.id === id) ?? COLORMAPS[0];
}

/** @param {Rgb} color @returns {Uint8Array} From black to a channel's own colour. */
export function ramp(color) {
  const out = new Uint8Array(768);
  for (let i = 0; i < 256; i++) for (let k = 0; k < 3; k++) out[3 * i + k] = Math.round((color[k] * i) / 255);
  return out;
}
