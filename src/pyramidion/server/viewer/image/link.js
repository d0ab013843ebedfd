// @ts-check
import { parseNumbers } from '../frame/hash.js';
import { formatColour, parseColour } from './channels.js';

/**
 * The image panel's view as part of a link: `v=1&p=img&pl=xy&c=x,y&s=..&z=..&t=..&ch=0:FF0000:80-900&cm=cividis`.
 *
 * @typedef {import('./panel.js').ImagePanel} ImagePanel
 * @typedef {import('../frame/hash.js').HashState} HashState
 */

const NUMBER = '(-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)';
const CHANNEL = new RegExp(`^(\\d+):([0-9a-f]{6})(?::${NUMBER}-${NUMBER})?$`, 'i');

/**
 * @param {ImagePanel} panel @param {HashState} before   Its unknown keys stay.
 * @returns {HashState}
 */
export function hashOf(panel, before) {
  const { dataset, place, look } = panel;
  const state = new Map(before);
  for (const key of ['pl', 'c', 's', 'x', 'y', 'z', 't', 'ch', 'cm']) state.delete(key);
  const volume = dataset.volume;
  const decimals = Math.max(0, Math.ceil(Math.log10(place.zoom)) + 2); // a hundredth of a pixel of the screen
  const round = (/** @type {number} */ n) => String(Number(n.toFixed(Math.min(12, decimals))));
  state.set('v', '1').set('p', 'img');
  if (volume) state.set('pl', place.layout);
  const centre = volume && place.layout !== 'xy' ? [place.centre.x, place.centre.y, place.centre.z] : [place.centre.x, place.centre.y];
  state.set('c', centre.map(round).join(',')).set('s', String(Number(place.zoom.toPrecision(6))));
  if (volume) state.set('x', String(place.point.x)).set('y', String(place.point.y)).set('z', String(place.point.z));
  if (dataset.movie) state.set('t', dataset.growing && place.t === dataset.shape.t - 1 ? 'newest' : String(place.t));
  const channels = look.visible.map(({ index, color, range }) => `${index}:${formatColour(color)}${range ? `:${range[0]}-${range[1]}` : ''}`);
  return state.set('ch', channels.join(',')).set('cm', look.map);
}

/** @param {ImagePanel} panel @param {HashState} state */
export function showHash(panel, state) {
  const { place, look } = panel;
  const whole = (/** @type {string} */ key) => (state.has(key) ? Number(state.get(key)) : undefined);
  const t = state.get('t') === 'newest' ? panel.dataset.shape.t - 1 : whole('t');
  const layout = state.get('pl');
  if (layout) place.setLayout(layout);
  place.setSlice({ x: whole('x'), y: whole('y'), z: whole('z'), t });
  const centre = parseNumbers(state.get('c'), 3) ?? parseNumbers(state.get('c'), 2);
  const zoom = whole('s');
  if (centre || zoom) {
    const [x, y, z] = centre ?? [place.centre.x, place.centre.y];
    place.setView({ x, y, z: z ?? place.centre.z }, zoom ?? place.zoom);
  }
  const map = state.get('cm');
  if (map) look.setMap(map);
  const stated = state.get('ch');
  if (stated !== undefined) showChannels(panel, stated);
  panel.changed();
}

/** @param {ImagePanel} panel @param {string} text */
function showChannels({ look }, text) {
  const shown = text.split(',').map((one) => CHANNEL.exec(one)).filter((match) => match !== null);
  if (shown.length === 0 && text !== '') return; // not a list of channels
  for (const channel of look.channels) {
    const match = shown.find(([, index]) => Number(index) === channel.index);
    const color = parseColour(match?.[2]) ?? channel.color;
    const [low, high] = [Number(match?.[3]), Number(match?.[4])];
    look.set(channel.index, { visible: match !== undefined, color, range: high > low ? [low, high] : channel.range });
  }
}
