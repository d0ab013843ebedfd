// @ts-check
/**
 * The pixels of a camera as an image with an extent; 1 × 1 until a frame or the server tells it.
 */
export class Sensor {
  dtype = '';
  shape = { t: 1, c: 1, z: 1, y: 1, x: 1 };
  unit = { t: '', c: '', z: '', y: '', x: '' };
  scale = { t: 1, c: 1, z: 1, y: 1, x: 1 };
  aspect = { x: 1, y: 1, z: 1 };
  volume = false;

  get known() {
    return this.dtype !== '';
  }

  /** @param {import('../image/axes.js').AxisName} axis @param {number} position @returns {number} In units of the axis. */
  physical(axis, position) {
    return (position - 0.5) * this.scale[axis];
  }

  /**
   * @param {number} height @param {number} width @param {string} dtype
   * @returns {boolean} Whether it is another one than before.
   */
  become(height, width, dtype) {
    if (height === this.shape.y && width === this.shape.x && dtype === this.dtype) return false;
    this.shape = { ...this.shape, y: height, x: width };
    this.dtype = dtype;
    return true;
  }

  /** @param {unknown} sizes   Of a pixel along y and x, in micrometres. */
  measure(sizes) {
    const [y, x] = Array.isArray(sizes) ? sizes : [];
    if (!(y > 0 && x > 0)) return;
    this.unit = { ...this.unit, y: 'm', x: 'm' };
    this.scale = { ...this.scale, y: 1e-6 * y, x: 1e-6 * x };
    this.aspect = { x: 1, y: y / x, z: 1 };
  }
}
