// @ts-check
import { h } from '../frame/dom.js';
import { Pane } from './pane.js';
import { areaOf, makeFrame, PLANES, positionAt } from './geometry.js';

const LONGEST = 150; // CSS pixels
const SHARE = 0.3; // of each side of the picture, at most

/** The whole picture, small, with the part that is shown; press or drag to go there. */
export class Minimap {
  /** @param {import('./panel.js').ImagePanel} panel @param {HTMLElement} element   Its place on the page. */
  constructor(panel, element) {
    this.panel = panel;
    this.element = element;
    this.pane = new Pane(PLANES.xy, panel.tiles, () => panel.requestDraw());
    this.window = h('div', { class: 'minimap-window' });
    this.pane.element.className = 'minimap-pane';
    for (const name of ['tabindex', 'role', 'class']) this.pane.canvas.removeAttribute(name);
    this.pane.canvas.setAttribute('aria-hidden', 'true');
    element.append(this.pane.element, this.window);
    this.#listen();
  }

  /** @param {import('./pane.js').Pane} main   The pane whose part is shown. */
  draw(main) {
    const { dataset, place } = this.panel;
    const { plane, frame } = main;
    if (!frame) return;
    const { h0, h1, v0, v1 } = areaOf(frame);
    const width = dataset.shape[plane.h] * dataset.aspect[plane.h];
    const height = dataset.shape[plane.v] * dataset.aspect[plane.v];
    const room = main.element;
    const k = Math.min(LONGEST / Math.max(width, height), (SHARE * room.clientWidth) / width, (SHARE * room.clientHeight) / height);
    const size = [Math.max(24, width * k), Math.max(24, height * k)];
    this.element.style.width = `${size[0]}px`;
    this.element.style.height = `${size[1]}px`;
    this.pane.plane = plane;
    if (!this.pane.ready) return;
    const { surface } = this.pane;
    const middle = { x: dataset.shape.x / 2, y: dataset.shape.y / 2, z: dataset.shape.z / 2 };
    const zoom = Math.min(surface.width / width, surface.height / height);
    this.pane.aim(makeFrame(plane, surface.width, surface.height, middle, zoom, dataset.aspect), place.slice);
    this.pane.level = dataset.levels.length - 1; // resident anyway
    this.pane.draw(place.slice);
    const share = (/** @type {number} */ at, /** @type {'h' | 'v'} */ side) => Math.max(0, Math.min(1, at / dataset.shape[plane[side]])) * 100;
    Object.assign(this.window.style, {
      left: `${share(h0, 'h')}%`, top: `${share(v0, 'v')}%`, width: `${share(h1, 'h') - share(h0, 'h')}%`, height: `${share(v1, 'v') - share(v0, 'v')}%`,
    });
  }

  #listen() {
    let down = false;
    const go = (/** @type {PointerEvent} */ event) => {
      const { frame, surface, canvas, plane } = this.pane;
      if (!down || !frame) return;
      const box = canvas.getBoundingClientRect();
      const { h: across, v: along } = positionAt(frame, (event.clientX - box.left) * surface.scale, (event.clientY - box.top) * surface.scale);
      const { place } = this.panel;
      place.setView({ ...place.centre, [plane.h]: across, [plane.v]: along }, place.zoom);
    };
    this.element.addEventListener('pointerdown', (event) => {
      down = true;
      this.element.setPointerCapture(event.pointerId);
      go(event);
    });
    this.element.addEventListener('pointermove', go);
    for (const end of ['pointerup', 'pointercancel']) this.element.addEventListener(end, () => {
      down = false;
    });
  }
}
