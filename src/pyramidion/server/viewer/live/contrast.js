// @ts-check
import { spread } from '../image/look.js';
import { sample } from '../image/sampling.js';

const SAMPLES = 16_000; // values looked at for a range
const EVERY = 100; // ms between two ranges of a running picture
const SLACK = 0.02; // of the range by which it may be off, so that the picture does not flicker

/** The range of what is seen, followed frame by frame or set once. */
export class LiveContrast {
  /** The range follows what is seen. */
  following = true;

  #last = -Infinity;

  /** @param {import('./panel.js').LivePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.look = panel.look;
  }

  /** From now on, the range of what is seen. */
  auto() {
    this.following = true;
    this.#last = -Infinity;
    this.panel.changed();
  }

  /** All values that the pixels can have; of floats those that they have. */
  reset() {
    this.following = false;
    const match = /^(u?)int(\d+)$/.exec(this.panel.sensor.dtype);
    const bits = Number(match?.[2]);
    const values = match ? null : sample(this.panel.patches(), SAMPLES);
    const ends = values ? [values[0] ?? 0, values[values.length - 1] ?? 1] : match?.[1] ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
    this.look.set(0, { range: ends[1] > ends[0] ? [ends[0], ends[1]] : [ends[0], ends[0] + 1] });
    this.panel.changed();
  }

  /** With a frame. @param {number} now @param {boolean} exact   The picture rests: no slack. */
  follow(now, exact) {
    const { range } = this.look.channels[0];
    if (!this.following || (range && !exact && now - this.#last < EVERY)) return;
    this.#last = now;
    const values = sample(this.panel.patches(), SAMPLES);
    if (values.length === 0) return;
    const [low, high] = spread(values);
    const off = range ? (Math.abs(low - range[0]) + Math.abs(high - range[1])) / (high - low) : Infinity;
    if (off > (exact ? 0 : SLACK)) this.look.set(0, { range: [low, high] });
  }
}
