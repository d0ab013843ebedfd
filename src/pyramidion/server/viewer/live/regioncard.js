// @ts-check
import { showRows } from '../frame/controls.js';
import { h } from '../frame/dom.js';
import { formatCount } from '../frame/si.js';
import { lengthText, valueText } from '../image/texts.js';

const FIELDS = /** @type {const} */ (['x', 'y', 'width', 'height']);
const NAMES = { x: 'Left', y: 'Top', width: 'Width', height: 'Height' };

/** The region in the drawer: where it lies, what its values are. */
export class RegionCard {
  /** @param {import('./panel.js').LivePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.fields = FIELDS.map((name) => this.#field(name));
    this.only = h('input', { type: 'checkbox', onchange: () => panel.watchOnly(this.only.checked) });
    this.rows = h('tbody');
    this.body = h(
      'div', { hidden: true },
      h('div', { class: 'ends' }, ...this.fields.map(({ element }) => element)),
      h('label', { class: 'check', title: 'V' }, this.only, 'Only the region, at full resolution'),
      h('table', { class: 'region-values' }, h('caption', { class: 'unseen' }, 'Values of the region'), this.rows),
    );
    this.remove = h('button', { type: 'button', class: 'plain', title: 'Esc', hidden: true, onclick: () => panel.setRegion(null) }, 'Remove');
    this.hint = h('p', {}, 'Its least, greatest and mean value, frame by frame.');
    this.element = h(
      'section', { class: 'region', 'aria-label': 'Region' },
      h('h3', {}, 'Region'), this.hint, this.body,
      h('div', { class: 'pair' }, h('button', { type: 'button', class: 'plain', title: 'R', onclick: () => panel.markRegion() }, 'Draw'), this.remove),
    );
  }

  /** @param {typeof FIELDS[number]} name */
  #field(name) {
    const input = h('input', { type: 'number', step: 1, min: 0, 'aria-label': `${NAMES[name]} of the region in pixels of the sensor`, onchange: () => this.#typed() });
    return { name, input, element: h('label', {}, NAMES[name], input) };
  }

  #typed() {
    const [x, y, width, height] = this.fields.map(({ input }) => (input.value.trim() === '' ? NaN : Number(input.value)));
    if ([x, y, width, height].every(Number.isFinite) && width > 0 && height > 0) this.panel.setRegion({ x, y, width, height });
    if (this.panel.only && this.panel.region) this.panel.showRegion(this.panel.region);
    this.show();
  }

  show() {
    const { region, only, sensor, values: { result } } = this.panel;
    this.body.hidden = this.remove.hidden = region === null;
    this.hint.hidden = region !== null;
    this.only.checked = only;
    if (!region) return;
    for (const { name, input } of this.fields) if (document.activeElement !== input) input.value = String(region[name]);
    /** @type {[string, string][]} */ const rows = sensor.unit.x ? [['Size', `${lengthText(sensor, 'x', region.width)} × ${lengthText(sensor, 'y', region.height)}`]] : [];
    if (result) {
      rows.push(
        ['Min', valueText(result.min)], ['Max', valueText(result.max)], ['Mean', short(result.mean)], ['Std. deviation', short(result.std)],
        ['Of frame', formatCount(result.number)],
      );
    }
    showRows(this.rows, rows);
  }
}

/** @param {number} value @returns {string} Six digits do. */
function short(value) {
  return valueText(Number(value.toPrecision(6)));
}
