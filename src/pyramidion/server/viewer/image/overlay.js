// @ts-check
import { h } from '../frame/dom.js';
import { Late } from '../frame/late.js';
import { areaOf, PLANES } from './geometry.js';

/** What lies over the pictures: marks on each, and the minimap. */
export class Overlay {
  /** The rectangle that is dragged to zoom into. @type {import('./measure.js').Measure | null} */ rubber = null;
  /** @type {import('./minimap.js').Minimap | null} */ #minimap = null;

  /** @param {import('./panel.js').ImagePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.marks = new Late(() => import('./marks.js'), () => panel.requestDraw());
    this.late = new Late(() => import('./minimap.js'), () => panel.requestDraw());
    this.minimap = h('div', { class: 'minimap', hidden: true, title: 'The whole picture: press or drag to go there' });
  }

  /** @param {readonly import('./pane.js').Pane[]} shown */
  draw(shown) {
    const { place, dataset, measuring } = this.panel;
    const ortho = place.layout === 'ortho';
    const marked = measuring.measure ? [{ measure: measuring.measure, lines: measuring.lines }] : [];
    if (this.rubber) marked.push({ measure: this.rubber, lines: [] });
    const marks = this.marks.get();
    for (const { plane, frame, overlay } of marks ? shown : []) {
      if (!frame) continue;
      marks?.drawMarks(overlay, frame, {
        bar: !ortho || plane === PLANES.xy ? marks.scaleBar(dataset, frame) : null,
        cross: ortho ? { h: place.point[plane.h], v: place.point[plane.v] } : null,
        measures: marked.filter(({ measure }) => measure.plane === plane),
        label: dataset.volume ? `${plane.h} →  ${plane.v} ↓   ${plane.n} ${place.point[plane.n]}` : '',
      });
    }
    this.#drawMinimap();
  }

  /** The minimap is fetched when one first zooms in. */
  #drawMinimap() {
    const { pane, place, dataset } = this.panel;
    const { frame, plane } = pane;
    if (!frame) return;
    const { h0, h1, v0, v1 } = areaOf(frame);
    const whole = h0 <= 0 && v0 <= 0 && h1 >= dataset.shape[plane.h] && v1 >= dataset.shape[plane.v];
    this.minimap.hidden = whole || place.layout === 'ortho' || pane.top(place.slice).length === 0;
    const module = this.minimap.hidden ? null : this.late.get();
    if (!module) return;
    this.#minimap ??= new module.Minimap(this.panel, this.minimap);
    this.#minimap.draw(pane);
  }
}
