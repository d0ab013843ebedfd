// @ts-check
import { showRows } from '../frame/controls.js';
import { h } from '../frame/dom.js';
import { pointerText } from './texts.js';

/** What lies under the pointer and at the crosshair. */
export class Readout {
  /** @type {{pane: import('./pane.js').Pane, spot: import('./gestures.js').Spot} | null} */ pointer = null;

  /** @param {import('./panel.js').ImagePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.rows = h('tbody');
    this.element = h('div', { class: 'corner' }, h('table', {}, this.rows));
  }

  show() {
    const { host, place } = this.panel;
    host.pointed(this.#pointed());
    if (place.layout !== 'ortho') return;
    const { x, y, z } = place.point;
    const parts = this.#text(this.panel.pane, { x: x + 0.5, y: y + 0.5, z: z + 0.5 }).split('   ');
    const names = parts.length > 2 ? ['Crosshair', 'Position', 'Value'] : ['Crosshair', 'Value'];
    showRows(this.rows, parts.map((part, i) => [names[i], part]));
  }

  /** @returns {string} '' where there is nothing under the pointer. */
  #pointed() {
    if (!this.pointer) return '';
    const { pane, spot } = this.pointer;
    const { plane } = pane;
    const { shape } = this.panel.dataset;
    const { h: across, v: down } = this.panel.positionAt(pane, spot);
    const inside = across >= 0 && down >= 0 && across < shape[plane.h] && down < shape[plane.v];
    return inside ? this.#text(pane, { ...this.panel.place.point, [plane.h]: across, [plane.v]: down }) : '';
  }

  /** @param {import('./pane.js').Pane} pane @param {import('./geometry.js').Point} at @returns {string} */
  #text(pane, at) {
    const { dataset, look } = this.panel;
    const found = look.visible.map(({ label, index }) => ({ label, ...pane.valueAt(index, at[pane.plane.h], at[pane.plane.v]) }));
    return pointerText(dataset, at, found, found[0]?.level ?? dataset.levels[0]);
  }
}
