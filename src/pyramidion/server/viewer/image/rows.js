// @ts-check
import { h, icon, setText } from '../frame/dom.js';
import { formatColour, parseColour } from './channels.js';
import { valueText } from './texts.js';

/** The channels in the drawer: shown or hidden, colour, range. */
export class ChannelRows {
  /** Called with the one whose range shall be shown. @type {(index: number) => void} */
  choose = () => {};

  /** @param {import('./types.js').Coloured} panel */
  constructor(panel) {
    this.panel = panel;
    this.rows = panel.look.channels.map((channel) => this.#row(channel));
    this.element = h('ul', { class: 'channels', 'aria-label': 'Channels' }, ...this.rows.map(({ element }) => element));
  }

  /** @param {import('./channels.js').Channel} channel */
  #row({ index, label }) {
    const { panel } = this;
    const eye = h('button', { type: 'button', class: 'button', 'aria-label': `Show ${label}`, onclick: () => panel.setChannel(index, { visible: !panel.look.channels[index].visible }) }, icon('eye'));
    const swatch = h('input', { type: 'color', 'aria-label': `Colour of ${label}`, oninput: () => {
      const color = parseColour(swatch.value);
      if (color) panel.setChannel(index, { color });
    } });
    const name = h('button', { type: 'button', class: 'channel-name', onclick: () => this.choose(index) }, label);
    const range = h('span', { class: 'channel-range' });
    return { element: h('li', { class: 'channel' }, eye, swatch, name, range), eye, swatch, range };
  }

  /** @param {number} chosen   The channel whose range is shown. */
  show(chosen) {
    this.rows.forEach(({ element, eye, swatch, range: text }, i) => {
      const { visible, color, range } = this.panel.look.channels[i];
      element.classList.toggle('chosen', i === chosen);
      eye.setAttribute('aria-pressed', String(visible));
      swatch.value = `#${formatColour(color)}`;
      setText(text, range ? range.map(valueText).join(' – ') : '');
    });
  }
}
