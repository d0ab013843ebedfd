// @ts-check
import { h, icon, setText } from '../frame/dom.js';
import { placeText } from './texts.js';

/**
 * The sliders under the picture: slices and time, and playing.
 *
 * @typedef {import('./panel.js').ImagePanel} ImagePanel
 * @typedef {'x' | 'y' | 'z' | 't'} Slid
 */

const NAMES = { x: 'Slice x', y: 'Slice y', z: 'Slice z', t: 'Time' };
const RATES = [1, 2, 5, 10, 15, 25, 30, 60];

/** @param {ImagePanel} panel */
export function buildSliders(panel) {
  const { volume, movie } = panel.dataset;
  const axes = /** @type {Slid[]} */ ([...(volume ? ['x', 'y', 'z'] : []), ...(movie ? ['t'] : [])]);
  const rows = axes.map((axis) => ({ axis, ...slider(panel, axis) }));
  const play = h('button', { type: 'button', class: 'button', id: 'do-play-button', onclick: () => panel.player.toggle() });
  const rate = h('select', { 'aria-label': 'Frames a second', onchange: () => {
    panel.player.fps = Number(rate.value);
  } }, ...RATES.map((fps) => h('option', { value: fps }, `${fps} fps`)));
  rate.value = String(panel.player.fps);
  const playing = h('div', { class: 'playing' }, play, rate);
  const element = h('div', { class: 'sliders', hidden: axes.length === 0 }, h('div', { class: 'slider-rows' }, ...rows.map((row) => row.element)), playing);
  let shown = '';
  return {
    element,
    update() {
      const { place, player } = panel;
      const needed = place.layout === 'ortho' ? ['x', 'y', 'z', 't'] : [place.across, 't'];
      for (const row of rows) {
        row.element.hidden = !needed.includes(row.axis);
        row.show(row.axis === 't' ? place.t : place.point[row.axis]);
      }
      const label = player.playing ? 'Stop' : 'Play';
      if (label === shown) return;
      shown = label;
      play.setAttribute('aria-label', label);
      play.title = `${label} (Space)`;
      play.replaceChildren(icon(player.playing ? 'pause' : 'play'));
    },
  };
}

/** @param {ImagePanel} panel @param {Slid} axis */
function slider(panel, axis) {
  const input = h('input', { type: 'range', min: 0, max: 0, step: 1, value: 0, 'aria-label': NAMES[axis], oninput: () => panel.goTo(axis, Number(input.value)) });
  const text = h('output', { class: 'slider-text' });
  return {
    element: h('div', { class: 'slider' }, h('span', { class: 'slider-name', 'aria-hidden': 'true' }, axis), input, text),
    /** @param {number} value */
    show(value) {
      const last = panel.dataset.shape[axis] - 1;
      if (Number(input.max) !== last) input.max = String(last);
      if (Number(input.value) !== value) input.value = String(value);
      const place = placeText(panel.dataset, axis, value + 0.5);
      const words = `${value} of ${last}${place ? ` · ${place}` : ''}`;
      setText(text, words);
      input.setAttribute('aria-valuetext', words);
    },
  };
}
