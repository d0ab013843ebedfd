// @ts-check
import { paint } from '../image/colour.js';
import { visiblePart } from '../image/geometry.js';

/**
 * Draws pictures, always into the same memory.
 *
 * @typedef {import('./types.js').Picture} Picture
 * @typedef {import('../image/geometry.js').Frame} Frame
 * @typedef {import('../image/colour.js').Shade} Shade
 * @typedef {import('../frame/surface.js').Surface} Surface
 * @typedef {NonNullable<ReturnType<typeof visiblePart>>} Part
 */
export class Easel {
  #image = new ImageData(1, 1);
  #pixels = new Uint32Array(this.#image.data.buffer);
  #canvas = new OffscreenCanvas(1, 1);
  /** The picture behind, coloured once. @type {{canvas: OffscreenCanvas, picture: Picture | null, version: number}} */
  #behind = { canvas: new OffscreenCanvas(1, 1), picture: null, version: 0 };

  /** @param {Surface} surface @param {Frame} frame @param {Picture} picture @param {Shade} shade */
  draw(surface, frame, picture, shade) {
    const seen = partOf(picture, frame);
    if (!seen) return;
    const { across, down } = seen;
    this.#paint(picture, across, down, shade);
    if (across.long === across.count && down.long === down.count) {
      surface.context.putImageData(this.#image, across.at, down.at);
      return;
    }
    grow(this.#canvas, across.count, down.count);
    this.#canvas.getContext('2d')?.putImageData(this.#image, 0, 0);
    stretch(surface.context, this.#canvas, across, down, 0, 0);
  }

  /**
   * A picture that stays for a while: coloured when it or the look changes.
   *
   * @param {Surface} surface @param {Frame} frame @param {Picture} picture @param {Shade} shade @param {number} version   Of the look.
   */
  drawBehind(surface, frame, picture, shade, version) {
    const seen = partOf(picture, frame);
    if (!seen) return;
    const { canvas } = this.#behind;
    if (this.#behind.picture !== picture || this.#behind.version !== version) {
      const whole = (/** @type {number} */ count) => ({ from: 0, count, at: 0, long: count });
      this.#paint(picture, whole(picture.width), whole(picture.height), shade);
      grow(canvas, picture.width, picture.height);
      canvas.getContext('2d')?.putImageData(this.#image, 0, 0);
      this.#behind = { canvas, picture, version };
    }
    stretch(surface.context, canvas, seen.across, seen.down, seen.across.from, seen.down.from);
  }

  /** @param {Picture} picture @param {Part} across @param {Part} down @param {Shade} shade */
  #paint({ data, width }, across, down, shade) {
    if (this.#image.width !== across.count || this.#image.height !== down.count) {
      this.#image = new ImageData(across.count, down.count);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    paint(this.#pixels, across.count, down.count, { data, at: down.from * width + across.from, down: width, right: 1 }, shade, false);
  }
}

/**
 * The part of a picture that is on the screen.
 *
 * @param {Picture} picture @param {Frame} frame @returns {{across: Part, down: Part} | null}
 */
export function partOf({ x, y, width, height, scale }, frame) {
  const place = { size: { t: 1, c: 1, z: 1, x: scale, y: scale }, start: { t: 0, c: 0, z: 0, x, y } };
  const across = visiblePart(place, 'x', [0, width], frame.left, frame.kh, frame.width);
  const down = visiblePart(place, 'y', [0, height], frame.top, frame.kv, frame.height);
  return across && down && { across, down };
}

/** @param {OffscreenCanvas} canvas @param {number} width @param {number} height */
function grow(canvas, width, height) {
  if (canvas.width < width) canvas.width = width;
  if (canvas.height < height) canvas.height = height;
}

/** @param {CanvasRenderingContext2D} context @param {OffscreenCanvas} canvas @param {Part} across @param {Part} down @param {number} x @param {number} y */
function stretch(context, canvas, across, down, x, y) {
  // Pixels larger than the screen's are squares; smaller ones are averaged.
  context.imageSmoothingEnabled = across.long < across.count || down.long < down.count;
  context.drawImage(canvas, x, y, across.count, down.count, across.at, down.at, across.long, down.long);
}
