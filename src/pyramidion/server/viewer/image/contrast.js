// @ts-check
import { sample } from './sampling.js';

const SAMPLES = 60_000; // values looked at for a range

/** Ranges that follow the data. */
export class Contrast {
  /** Ranges sampled when the data came, for those without one in the store. @type {Map<number, import('./channels.js').Range>} */
  #sampled = new Map();

  /** @param {import('./panel.js').ImagePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.look = panel.look;
  }

  /** Make the ranges those of what is seen. */
  auto() {
    for (const { index } of this.look.visible) {
      const values = sample(this.panel.pane.patches(index).patches, SAMPLES);
      if (values.length > 0) this.look.fit(index, values);
    }
    this.panel.changed();
  }

  /** Back to the ranges of the store, or those sampled at first. */
  reset() {
    for (const { index, stored } of this.look.visible) this.look.set(index, { range: stored ?? this.#sampled.get(index) ?? null });
    this.panel.changed();
  }

  /** Channels without a range get one from the first data that are here. */
  sampleMissing() {
    const { pane, place, scheduler } = this.panel;
    for (const { index, range } of this.look.visible) {
      if (range !== null) continue;
      const top = pane.topPatches(index, place.slice);
      if (top === null) continue;
      const patches = top.length > 0 ? top : pane.patches(index).patches;
      if (patches.length === 0 && scheduler.failures.size === 0) continue;
      this.look.fit(index, sample(patches, SAMPLES));
      this.#sampled.set(index, /** @type {import('./channels.js').Range} */ (this.look.channels[index].range));
    }
  }
}
