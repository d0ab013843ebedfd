// @ts-check
import { h } from '../frame/dom.js';
import { Late } from '../frame/late.js';
import { Surface } from '../frame/surface.js';
import { PLANES } from '../image/geometry.js';
import { partOf } from './drawing.js';

const BEHIND = 0.35; // opacity of an older picture, where the view has moved on

/** The canvas of the live picture, and the one with the marks over it. */
export class LivePane {
  /** @type {import('../image/geometry.js').Frame | null} */ frame = null;
  plane = PLANES.xy;

  #marked = '';

  /** What draws scale bar and region. */
  pen = new Late(() => import('../image/marks.js'), () => this.panel.requestDraw());

  /** @param {import('./panel.js').LivePanel} panel @param {() => void} resized */
  constructor(panel, resized) {
    this.panel = panel;
    this.canvas = h('canvas', { class: 'picture', role: 'img', tabindex: '0', 'aria-label': 'Live picture of the camera; its numbers are below and beside it' });
    this.marks = h('canvas', { class: 'marks', 'aria-hidden': 'true' });
    this.element = h('div', { class: 'pane pane-xy' }, this.canvas, this.marks);
    this.surface = new Surface(this.canvas, resized);
    this.overlay = new Surface(this.marks, () => {
      this.#marked = '';
      resized();
    });
  }

  get ready() {
    return this.surface.measured && this.overlay.measured;
  }

  /** Both canvases have been told of their size, which comes to one after the other. */
  get aligned() {
    return this.ready && this.surface.width === this.overlay.width && this.surface.height === this.overlay.height;
  }

  /** @param {import('./drawing.js').Easel} easel */
  draw(easel) {
    const { frame, surface, panel } = this;
    const { picture, overview, look } = panel;
    if (!frame) return;
    surface.clear();
    const shade = look.shades[0]?.shade;
    if (picture && shade) {
      if (overview && overview !== picture && !panel.only && !panel.frozen.active) {
        surface.context.globalAlpha = BEHIND;
        easel.drawBehind(surface, frame, overview, shade, look.version);
        surface.context.globalAlpha = 1;
      }
      easel.draw(surface, frame, picture, shade);
    }
    this.#mark(frame);
  }

  /** @param {import('../image/geometry.js').Frame} frame */
  #mark(frame) {
    const { sensor, region, marking: { rubber } } = this.panel;
    const pen = this.panel.picture && this.pen.get();
    if (!pen) return;
    const bar = pen.scaleBar(sensor, frame);
    const now = JSON.stringify([frame, region, rubber, bar]);
    if (now === this.#marked) return;
    this.#marked = now;
    const boxes = rubber ? [rubber] : region ? [{ from: { h: region.x, v: region.y }, to: { h: region.x + region.width, v: region.y + region.height } }] : [];
    const measures = boxes.map((box) => ({ measure: { kind: /** @type {const} */ ('box'), plane: PLANES.xy, ...box }, lines: [] }));
    pen.drawMarks(this.overlay, frame, { bar, cross: null, measures, label: '' });
  }

  /** @returns {import('../image/sampling.js').Patch[]} The numbers that are seen. */
  patches() {
    const { frame, panel: { picture } } = this;
    const seen = frame && picture && partOf(picture, frame);
    if (!seen || !picture) return [];
    const { across, down } = seen;
    return [{ data: picture.data, at: down.from * picture.width + across.from, down: picture.width, right: 1, width: across.count, height: down.count }];
  }
}
