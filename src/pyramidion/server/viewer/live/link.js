// @ts-check
import { formatHash, formatNumbers, parseNumbers } from '../frame/hash.js';
import { formatColour } from '../image/channels.js';

/**
 * The live panel's view as part of a link: `v=1&p=live&c=x,y&s=..&r=x,y,w,h&only=1&ch=0:FFFFFF:80-900&cm=grey`.
 * Without `c` and `s` the whole sensor is shown, without a range in `ch` it follows what is seen.
 *
 * @typedef {import('./panel.js').LivePanel} LivePanel
 * @typedef {import('../frame/hash.js').HashState} HashState
 */

const RANGE = /^0:[0-9a-f]{6}:(-?[\d.]+(?:e[+-]?\d+)?)-(-?[\d.]+(?:e[+-]?\d+)?)$/i;

/** @param {LivePanel} panel @param {HashState} before   Its unknown keys stay. @returns {HashState} */
export function hashOf(panel, before) {
  const { place } = panel;
  const state = new Map(before);
  for (const key of ['c', 's', 'r', 'only', 'ch', 'cm']) state.delete(key);
  state.set('v', '1').set('p', 'live');
  if (place.chosen) setView(state, panel);
  setRegion(state, panel);
  return setColours(state, panel, !panel.contrast.following);
}

/** @param {HashState} state @param {LivePanel} panel */
function setView(state, { place: { centre, zoom } }) {
  const decimals = Math.min(12, Math.max(0, Math.ceil(Math.log10(zoom)) + 2)); // a hundredth of a pixel of the screen
  state.set('c', [centre.x, centre.y].map((n) => String(Number(n.toFixed(decimals)))).join(',')).set('s', String(Number(zoom.toPrecision(6))));
}

/** @param {HashState} state @param {LivePanel} panel */
function setRegion(state, { region, only }) {
  if (!region) return;
  state.set('r', formatNumbers([region.x, region.y, region.width, region.height]));
  if (only) state.set('only', '1');
}

/** @param {HashState} state @param {LivePanel} panel @param {boolean} ranged @returns {HashState} */
function setColours(state, { look }, ranged) {
  const { color, range } = look.channels[0];
  return state.set('ch', `0:${formatColour(color)}${ranged && range ? `:${range[0]}-${range[1]}` : ''}`).set('cm', look.map);
}

/** @param {LivePanel} panel @param {HashState} state */
export function showHash(panel, state) {
  const { place, look, contrast } = panel;
  const range = RANGE.exec(state.get('ch') ?? '');
  const [low, high] = [Number(range?.[1]), Number(range?.[2])];
  contrast.following = !(high > low);
  if (high > low) look.set(0, { range: [low, high] });
  const map = state.get('cm');
  if (map) look.setMap(map === 'own' ? 'grey' : map);
  if (!panel.sensor.known) {
    panel.whenKnown = () => showView(panel, state);
    return;
  }
  if (!state.has('c') && !state.has('s') && place.chosen) place.fit();
  showView(panel, state);
  panel.changed();
}

/** @param {LivePanel} panel @param {HashState} state */
function showView(panel, state) {
  const { place } = panel;
  const region = parseNumbers(state.get('r'), 4);
  panel.setRegion(region && region[2] > 0 && region[3] > 0 ? { x: region[0], y: region[1], width: region[2], height: region[3] } : null);
  panel.only = state.has('only') && panel.region !== null;
  const centre = parseNumbers(state.get('c'), 2);
  const zoom = Number(state.get('s'));
  if (centre || zoom > 0) place.setView({ x: centre?.[0] ?? place.centre.x, y: centre?.[1] ?? place.centre.y, z: 0 }, zoom > 0 ? zoom : place.zoom);
  else if (panel.only && panel.region) panel.showRegion(panel.region);
}

/**
 * Where the recording is shown while it grows: the image panel, at this view, at its newest frame.
 *
 * @param {LivePanel} panel @param {string} store   Its name on the server.
 * @returns {string}
 */
export function recordingAddress(panel, store) {
  const url = panel.camera.url(`zarr/${store.split('/').map(encodeURIComponent).join('/')}/`);
  const data = url.origin === location.origin ? url.pathname + url.search : url.href;
  const state = setColours(new Map([['v', '1'], ['p', 'img']]), panel, true);
  if (panel.place.chosen) setView(state, panel);
  // For the way back.
  if (panel.contrast.following) state.set('auto', '');
  setRegion(state, panel);
  return `?data=${encodeURIComponent(data)}&live=${encodeURIComponent(panel.link)}${formatHash(state.set('t', 'newest'))}`;
}
