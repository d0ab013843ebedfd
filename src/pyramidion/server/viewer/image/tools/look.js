// @ts-check
import { h, icon, setText } from '../../frame/dom.js';
import { loadStyle } from '../../frame/style.js';
import { formatColour, parseColour } from '../channels.js';
import { openRangeCard } from '../rangecard.js';
import { valueText } from '../texts.js';

/**
 * Channels with their colours, range and colour map.
 *
 * @param {import('../panel.js').ImagePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>}
 */
export async function openTool(panel) {
  const [card] = await Promise.all([openRangeCard(panel, 'Reset'), loadStyle(new URL('./look.css', import.meta.url).href)]);
  const rows = panel.look.channels.length > 1 ? new ChannelRows(panel) : null;
  if (rows) card.shows = () => rows.show();
  return {
    element: h('div', {}, rows?.element, card.element),
    shown() {
      panel.watchers.add(card);
      card.update();
    },
    hidden: () => void panel.watchers.delete(card),
    update: () => card.later(),
  };
}

/** The channels: shown or hidden, colour, range. */
class ChannelRows {
  /** @param {import('../panel.js').ImagePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.rows = panel.look.channels.map((channel) => this.#row(channel));
    this.element = h('ul', { class: 'channels', 'aria-label': 'Channels' }, ...this.rows.map(({ element }) => element));
  }

  /** @param {import('../channels.js').Channel} channel */
  #row({ index, label }) {
    const { panel } = this;
    const eye = h('button', { type: 'button', class: 'eye', 'aria-label': `Show ${label}`, onclick: () => panel.toggleChannel(index) }, icon('eye'));
    const swatch = h('input', { type: 'color', 'aria-label': `Colour of ${label}`, oninput: () => {
      const color = parseColour(swatch.value);
      if (color) panel.setChannel(index, { color });
    } });
    const name = h('button', { type: 'button', class: 'channel-name', title: 'Show its range', onclick: () => panel.choose(index) }, label);
    const range = h('span', { class: 'channel-range' });
    return { element: h('li', { class: 'channel' }, eye, swatch, name, range), eye, swatch, name, range };
  }

  show() {
    const { channels, chosen } = this.panel.look;
    this.rows.forEach(({ element, eye, swatch, name, range: text }, i) => {
      const { visible, color, range } = channels[i];
      element.classList.toggle('chosen', i === chosen);
      name.setAttribute('aria-pressed', String(i === chosen));
      eye.setAttribute('aria-pressed', String(visible));
      swatch.value = `#${formatColour(color)}`;
      setText(text, range ? range.map(valueText).join(' – ') : '');
    });
  }
}
