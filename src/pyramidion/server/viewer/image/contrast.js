// @ts-check
import { spread } from './look.js';
import { sample } from './sampling.js';

const SAMPLES = 60_000; // values looked at for a range

/** Ranges that follow the data. */
export class Contrast {
  /** Ranges sampled when the data came, for those without one in the store. @type {Map<number, import('./channels.js').Range>} */
  #sampled = new Map();
  /** The view whose ranges were asked for, until all of it is sharp. @type {string | null} */
  #following = null;

  /** @param {import('./panel.js').ImagePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.look = panel.look;
  }

  /** Make the ranges those of what is seen. */
  auto() {
    this.#fit();
    this.#following = this.#view();
    this.panel.changed();
  }

  /** With a frame: once all that was asked for is sharp, its ranges are final; not if one has moved on. */
  follow() {
    if (this.#following === null) return;
    const moved = this.#following !== this.#view();
    if (!moved && !this.panel.complete) return;
    this.#following = null;
    if (!moved && this.#fit()) this.panel.changed();
  }

  /** Back to the ranges of the store, or those sampled at first. */
  reset() {
    for (const { index, stored } of this.look.visible) this.look.set(index, { range: stored ?? this.#sampled.get(index) ?? null });
    this.panel.changed();
  }

  /** Channels without a range get one from the first data that are here. */
  sampleMissing() {
    const { shownPanes, place, scheduler } = this.panel;
    for (const { index, range } of this.look.visible) {
      if (range !== null) continue;
      const tops = shownPanes.map((pane) => pane.topPatches(index, place.slice));
      if (tops.includes(null)) continue;
      const top = tops.flatMap((patches) => patches ?? []);
      const patches = top.length > 0 ? top : this.panel.patches(index);
      if (patches.length === 0 && scheduler.failures.size === 0) continue;
      const found = spread(sample(patches, SAMPLES));
      this.look.set(index, { range: found });
      this.#sampled.set(index, found);
    }
  }

  /** @returns {boolean} Whether a range is another one now. */
  #fit() {
    const { version } = this.look;
    for (const { index, range } of this.look.visible) {
      const values = sample(this.panel.patches(index), SAMPLES);
      const found = spread(values);
      if (values.length > 0 && String(found) !== String(range)) this.look.set(index, { range: found });
    }
    return this.look.version !== version;
  }

  /** @returns {string} Everything that decides what is seen. */
  #view() {
    const { layout, zoom, centre, slice } = this.panel.place;
    return JSON.stringify([layout, zoom, centre, slice, this.look.channels.map(({ visible, range }) => [visible, range])]);
  }
}
