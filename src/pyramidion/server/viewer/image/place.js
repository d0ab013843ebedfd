// @ts-check
import { PLANES } from './geometry.js';

/**
 * @typedef {import('./geometry.js').Point} Point
 * @typedef {import('./geometry.js').Plane} Plane
 * @typedef {import('./geometry.js').PlaneName} PlaneName
 * @typedef {PlaneName | 'ortho'} Layout
 * @typedef {import('./types.js').Extent} Extent
 */

const LAYOUTS = /** @type {readonly Layout[]} */ (['xy', 'xz', 'yz', 'ortho']);
const MOST_ZOOM = 80; // CSS pixels a pixel of level 0 may be wide
const AXES = /** @type {const} */ (['x', 'y', 'z']);

/** Where one is in an image: planes, middle of the view, zoom, slice and time. */
export class Place {
  /** @type {Layout} */ layout = 'xy';
  /** CSS pixels a pixel of level 0 is wide along x. */
  zoom = 1;
  t = 0;
  /** The view was chosen: it is not fitted to the window any more. */
  chosen = false;

  /** @param {Extent} dataset @param {() => void} changed */
  constructor(dataset, changed) {
    const { x, y, z } = dataset.shape;
    this.dataset = dataset;
    this.changed = changed;
    /** Middle of the view. @type {Point} */
    this.centre = { x: x / 2, y: y / 2, z: z / 2 };
    /** The pixel of level 0 through which the planes go. @type {Point} */
    this.point = { x: Math.floor(x / 2), y: Math.floor(y / 2), z: Math.floor(z / 2) };
    this.fitted = 1;
  }

  /** @returns {Plane[]} The planes shown. */
  get planes() {
    return this.layout === 'ortho' ? [PLANES.xy, PLANES.yz, PLANES.xz] : [PLANES[this.layout]];
  }

  /** @returns {'x' | 'y' | 'z'} The axis that one steps through slices along. */
  get across() {
    return this.planes[0].n;
  }

  get slice() {
    return { t: this.t, point: this.point };
  }

  /** @param {string} layout */
  setLayout(layout) {
    const known = LAYOUTS.find((one) => one === layout);
    if (!known || !this.dataset.volume || known === this.layout) return;
    this.layout = known;
    this.chosen = false;
    this.changed();
  }

  /** @param {{x?: number, y?: number, z?: number, t?: number}} to  Numbers of pixels; what is not given stays. */
  setSlice(to) {
    const inside = (/** @type {'x' | 'y' | 'z' | 't'} */ axis, /** @type {number} */ now) => {
      const wanted = to[axis];
      return wanted === undefined || Number.isNaN(wanted) ? now : Math.max(0, Math.min(this.dataset.shape[axis] - 1, Math.round(wanted)));
    };
    this.t = inside('t', this.t);
    this.point = { x: inside('x', this.point.x), y: inside('y', this.point.y), z: inside('z', this.point.z) };
    this.changed();
  }

  /** @param {Point} centre @param {number} zoom */
  setView(centre, zoom) {
    const { shape } = this.dataset;
    const least = Math.min(this.fitted, 1) / 4;
    this.zoom = zoom > 0 && Number.isFinite(zoom) ? Math.max(least, Math.min(Math.max(MOST_ZOOM, this.fitted), zoom)) : this.zoom;
    for (const axis of AXES) {
      if (Number.isFinite(centre[axis])) this.centre = { ...this.centre, [axis]: Math.max(0, Math.min(shape[axis], centre[axis])) };
    }
    this.chosen = true;
    this.changed();
  }

  /**
   * Zoom so that the position under the pointer stays there.
   *
   * @param {Plane} plane @param {number} factor   Above 1 shows more.
   * @param {{x: number, y: number}} off   The pointer, in CSS pixels from the middle of the plane.
   */
  zoomAt(plane, factor, off) {
    const before = this.zoom;
    const centre = { ...this.centre };
    this.setView(centre, this.zoom / factor);
    const shift = 1 / before - 1 / this.zoom;
    const { aspect } = this.dataset;
    this.setView({ ...centre, [plane.h]: centre[plane.h] + (off.x * shift) / aspect[plane.h], [plane.v]: centre[plane.v] + (off.y * shift) / aspect[plane.v] }, this.zoom);
  }

  /** @param {Plane} plane @param {number} dx @param {number} dy  How far the picture is dragged, in CSS pixels. */
  drag(plane, dx, dy) {
    const { aspect } = this.dataset;
    const { centre, zoom } = this;
    this.setView({ ...centre, [plane.h]: centre[plane.h] - dx / (zoom * aspect[plane.h]), [plane.v]: centre[plane.v] - dy / (zoom * aspect[plane.v]) }, zoom);
  }

  /**
   * Zoom so that what lies between two positions fills a plane.
   *
   * @param {Plane} plane @param {{h: number, v: number}} from @param {{h: number, v: number}} to
   * @param {{clientWidth: number, clientHeight: number}} size   CSS pixels.
   */
  show(plane, from, to, { clientWidth, clientHeight }) {
    const { aspect } = this.dataset;
    const zoom = Math.min(clientWidth / (Math.abs(to.h - from.h) * aspect[plane.h]), clientHeight / (Math.abs(to.v - from.v) * aspect[plane.v]));
    if (Number.isFinite(zoom)) this.setView({ ...this.centre, [plane.h]: (from.h + to.h) / 2, [plane.v]: (from.v + to.v) / 2 }, zoom);
  }

  /**
   * The zoom at which all planes are seen whole.
   *
   * @param {readonly {plane: Plane, width: number, height: number}[]} panes   CSS pixels.
   */
  measure(panes) {
    const { shape, aspect } = this.dataset;
    this.fitted = Math.min(...panes.map(({ plane: { h, v }, width, height }) => Math.min(width / (shape[h] * aspect[h]), height / (shape[v] * aspect[v]))));
    if (!this.chosen) this.fit();
  }

  /** Show everything. */
  fit() {
    const { x, y, z } = this.dataset.shape;
    this.centre = { x: x / 2, y: y / 2, z: z / 2 };
    this.zoom = this.fitted;
    this.chosen = false;
    this.changed();
  }
}
