// @ts-check
import { loadStyle } from './style.js';

/**
 * The panels there are, and the files that each brings. A page loads only the one that it needs.
 *
 * @typedef {import('./types.js').PanelModule} PanelModule
 * @typedef {'wave' | 'image'} PanelName
 */

/** Files of each panel beside those of the page itself, so that they are asked for all at once. */
const MODULES = {
  wave: [
    '../frame/state', '../frame/surface', '../frame/wheel', 'actions', 'axis', 'columns', 'dataset', 'draw', 'figure', 'hover',
    'interaction', 'levels', 'link', 'open', 'panel', 'plot', 'scale', 'state', 'supply', 'texts', 'tools', 'view', 'window',
  ],
  image: [
    '../frame/surface', '../frame/wheel', 'actions', 'axes', 'build', 'channels', 'colormaps', 'colour', 'contrast', 'dataset',
    'geometry', 'gestures', 'link', 'look', 'measuring', 'moving', 'open', 'overlay', 'pane', 'panel', 'place', 'planning', 'play', 'readout',
    'sampling', 'sliders', 'texts', 'tiles', 'tools',
  ],
};

/**
 * Which panel shows a store: waveforms say so in their attributes, everything else with two axes or more is an image.
 *
 * @param {import('../store/open.js').Group} group @param {string | undefined} asked   The panel that a link names; it decides where the data do not.
 * @returns {PanelName}
 */
export function panelFor(group, asked) {
  const { attributes, self } = group;
  if ('horiz_interval' in attributes || 'vertical_gains' in attributes) return 'wave';
  if ('ome' in attributes || isMultiscales(attributes.multiscales)) return 'image';
  if (self === null) return 'wave';
  if (self.shape.length < 2 || asked === 'wave') return 'wave';
  return 'image';
}

/** @param {unknown} value  A list of images, as OME-Zarr before 0.5 has it. @returns {boolean} */
function isMultiscales(value) {
  return Array.isArray(value) && Array.isArray(value[0]?.datasets);
}

/** Ask for the files of a panel, all at once. @param {string | undefined} name */
export function preloadPanel(name) {
  if (name === 'wave' || name === 'img') preload(name === 'img' ? 'image' : name, MODULES[name === 'img' ? 'image' : name]);
}

/** @param {string} folder @param {readonly string[]} modules   Their names in it. */
export function preload(folder, modules) {
  for (const module of modules) {
    const href = new URL(`../${folder}/${module}.js`, import.meta.url).href;
    if (document.head.querySelector(`link[href="${href}"]`)) continue;
    const link = document.createElement('link');
    Object.assign(link, { rel: 'modulepreload', href });
    document.head.append(link);
  }
}

/** @param {PanelName} name @returns {Promise<PanelModule>} */
export async function loadPanel(name) {
  preload(name, MODULES[name]);
  const module = name === 'image' ? import('../image/open.js') : import('../wave/open.js');
  const styles = name === 'image' ? ['picture', 'image'] : [name];
  await Promise.all([module, ...styles.map((style) => loadStyle(new URL(`../${name}/${style}.css`, import.meta.url).href))]);
  return module;
}
