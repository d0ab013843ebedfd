// @ts-check
import { makeShade } from './colour.js';
import { colormap, expand, ramp } from './colormaps.js';

/**
 * @typedef {import('./channels.js').Channel} Channel
 * @typedef {import('./channels.js').Range} Range
 * @typedef {import('./channels.js').Rgb} Rgb
 * @typedef {import('./colour.js').Shade} Shade
 */

const DARKEST = 0.001; // shares of the values that may fall outside the automatic range
const BRIGHTEST = 0.999;

/** How numbers become colours: the channels with their ranges, and the colour map of a single one. */
export class Look {
  /** Grows with every change, so that old colours are known. */
  version = 0;
  /** The visible channels and how each is coloured. @type {{index: number, shade: Shade}[]} */
  shades = [];

  #chosen = 0;

  /** @param {Channel[]} channels @param {string} dtype */
  constructor(channels, dtype) {
    this.channels = channels;
    this.dtype = dtype;
    /** A colour map's name, or `own` for the channels' own colours. */
    this.map = channels.length > 1 || channels[0].own ? 'own' : 'grey';
    this.#changed();
  }

  get visible() {
    return this.channels.filter(({ visible }) => visible);
  }

  /** Number of the channel whose range is shown: a visible one, if there is any. */
  get chosen() {
    return this.channels[this.#chosen].visible ? this.#chosen : (this.visible[0]?.index ?? this.#chosen);
  }

  /** Whether the colour map is used: it is for one channel. */
  get mapped() {
    return this.map !== 'own' && this.visible.length === 1;
  }

  /** A visible channel has no range yet. */
  get pending() {
    return this.visible.some(({ range }) => range === null);
  }

  /** @param {number} index @param {Partial<Pick<Channel, 'color' | 'visible' | 'range'>>} change */
  set(index, change) {
    Object.assign(this.channels[index], change);
    this.#changed();
  }

  /** Show the range of a channel. @param {number} index */
  choose(index) {
    this.#chosen = index;
    if (!this.channels[index].visible) this.set(index, { visible: true });
  }

  /** @param {string} name */
  setMap(name) {
    this.map = name === 'own' ? name : colormap(name).id;
    this.#changed();
  }

  #changed() {
    this.version += 1;
    const { under, over, anchors } = colormap(this.map);
    this.shades = this.visible.filter(({ range }) => range !== null).map(({ index, color, range }) => {
      const [low, high] = /** @type {Range} */ (range);
      const safe = /** @type {Range} */ (high > low ? [low, high] : [low, low + Math.max(1e-12, Math.abs(low) * 1e-12)]);
      return { index, shade: this.mapped ? makeShade(expand(anchors), safe, this.dtype, { under, over }) : makeShade(ramp(color), safe, this.dtype) };
    });
  }
}

/**
 * The range of nearly all values; a little width where all are the same.
 *
 * @param {Float64Array} sorted  Ascending, without NaN. @returns {Range}
 */
export function spread(sorted) {
  if (sorted.length === 0) return [0, 1];
  const finite = sorted.filter(Number.isFinite);
  const at = (/** @type {number} */ share) => finite[Math.min(finite.length - 1, Math.round(share * (finite.length - 1)))];
  const [low, high] = finite.length ? [at(DARKEST), at(BRIGHTEST)] : [0, 1];
  return high > low ? [low, high] : [low, low + (Number.isInteger(low) ? 1 : Math.abs(low) * 1e-3 || 1)];
}
