// @ts-check
import { nextTurn } from '../../frame/turn.js';
import { bytesOf, columnsOf, extremesOf, fittingLevel, readSegments } from '../manysegments.js';
import { valueRange } from '../scale.js';
import { lanes } from '../under.js';
import { ColourLayer, DensityLayer, LineLayer } from './segmentlayers.js';
import { inSlices } from './slices.js';

/**
 * Makes one picture of many segments: first from the coarsest overview, then sharper, segment by segment. Memory is
 * bounded whatever the number of segments, and the page is never held up.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../types.js').Paint} Paint
 * @typedef {import('../manysegments.js').SegmentRead} SegmentRead
 *
 * @typedef {object} Goal   What is to be seen.
 * @property {'under' | 'density'} mode
 * @property {import('../dataset.js').Selection} active
 * @property {number} from
 * @property {number} to       Segments from `from` up to, not including, `to`.
 * @property {import('../window.js').Window} window
 * @property {number} width    Device pixels.
 * @property {number} height
 * @property {number} scale
 */

const KEPT = 48 * 2 ** 20; // bytes of coarse bins that are kept, to sharpen what was drawn from them
const PIECE = 12; // ms
const REPAINT = 250; // ms between two pictures while more is on its way

/** One picture in the making. */
export class SegmentPicture {
  /** Segments worked on so far, in the stage that is going on. */
  done = 0;
  /** @type {'overview' | 'sharper' | 'ready'} */ stage = 'overview';
  /** Level of the sharpest bins that are drawn. */ level = 0;
  /** In units; null before anything is known. @type {{min: number, max: number} | null} */ range = null;
  /** Something is on the canvas. */ painted = false;

  #abort = new AbortController();
  #paused = performance.now();
  #repainted = 0;
  /** Coarse bins of the segments so far; null once they are too many. @type {SegmentRead[] | null} */ #kept = [];

  /**
   * @param {WavePanel} panel @param {Goal} goal
   * @param {() => import('./segmentlayers.js').Look} look
   * @param {() => void} changed   There is more to be seen, or to be told.
   */
  constructor(panel, goal, look, changed) {
    this.panel = panel;
    this.goal = goal;
    this.look = look;
    this.changed = changed;
    this.count = goal.to - goal.from;
    const lined = goal.mode === 'under' && lanes(this.count, goal.height, goal.scale).lined;
    // On a dense screen a lone segment must not be a hair: its pixels are those of CSS, in whole device pixels.
    const unit = lined ? 1 : Math.max(1, Math.round(goal.scale));
    this.width = Math.max(1, Math.round(goal.width / unit));
    this.height = Math.max(1, Math.round(goal.height / unit));
    this.canvas = Object.assign(document.createElement('canvas'), { width: this.width, height: this.height });
    const context = this.canvas.getContext('2d');
    if (!context) throw new Error('this browser offers no 2D canvas');
    this.context = context;
    const frame = { width: this.width, height: this.height, scale: goal.scale, count: this.count, calibration: panel.dataset.calibration(goal.active) };
    this.layer = goal.mode === 'density' ? new DensityLayer(frame) : lined ? new LineLayer(frame) : new ColourLayer(frame);
  }

  stop() {
    this.#abort.abort();
  }

  /** @returns {Promise<void>} Rejects with an AbortError when it is stopped, or with what could not be read. */
  async make() {
    const { levels } = this.panel.dataset;
    const { window } = this.goal;
    const fine = fittingLevel(levels, window.b - window.a, this.width);
    await this.#overview(0);
    if (fine !== 0 || this.#kept === null) await this.#sharpen(fine);
    this.level = fine;
    this.stage = 'ready';
    await this.repaint();
  }

  /** @param {number} level */
  #reads(level) {
    const { active, window, from, to } = this.goal;
    return readSegments(this.panel, active, window, this.width, from, to, level, this.#abort.signal);
  }

  /** Smallest and largest value, and a first picture. @param {number} level */
  async #overview(level) {
    /** @type {{min: number, max: number} | null} */ let seen = null;
    let bytes = 0;
    let drawn = 0;
    this.level = level;
    for await (const read of this.#reads(level)) {
      const ends = extremesOf(read);
      if (ends) seen = seen ? { min: Math.min(seen.min, ends.min), max: Math.max(seen.max, ends.max) } : ends;
      bytes += bytesOf(read);
      if (bytes > KEPT) this.#kept = null;
      this.#kept?.push(read);
      this.done += 1;
      // Each early picture takes in twice as many as the one before, so that all of them cost no more than the last.
      if (this.#kept && this.done >= Math.max(64, 2 * drawn) && this.done < this.count) {
        drawn = this.done;
        await this.#begin(seen);
      }
      await this.#pause();
    }
    await this.#begin(seen);
  }

  /** An empty picture for a range of codes, and what is kept in it. @param {{min: number, max: number} | null} codes */
  async #begin(codes) {
    const { gain, offset } = this.panel.dataset.calibration(this.goal.active);
    const steps = !this.panel.dataset.levels[0].array.dtype.startsWith('float');
    const ends = codes && [codes.min * gain - offset, codes.max * gain - offset];
    this.range = valueRange(ends && { min: Math.min(...ends), max: Math.max(...ends) }, steps ? Math.abs(gain) : 0) ?? { min: -1, max: 1 };
    this.layer.begin(this.range);
    for (const read of this.#kept ?? []) {
      this.layer.put(read.seg - this.goal.from, columnsOf(read, this.panel.dataset, this.width), read.window, null);
      await this.#pause();
    }
    await this.repaint();
  }

  /** Put finer bins, or the samples, in the place of what is there. @param {number} level */
  async #sharpen(level) {
    const { width, panel: { dataset }, goal: { from } } = this;
    const kept = this.#kept;
    this.stage = 'sharper';
    this.done = 0;
    for await (const read of this.#reads(level)) {
      const before = kept ? columnsOf(kept[read.seg - from], dataset, width) : null;
      this.layer.put(read.seg - from, columnsOf(read, dataset, width), read.window, before);
      this.done += 1;
      if (performance.now() > this.#repainted + REPAINT) await this.repaint();
      await this.#pause();
    }
  }

  /** Draw what there is, and let it be seen. */
  async repaint() {
    await inSlices(this.layer.paint(this.context, this.look()), this.#abort.signal);
    this.painted = true;
    this.#paused = this.#repainted = performance.now();
    this.changed();
  }

  /** Let the page do something else, now and then. */
  async #pause() {
    if (performance.now() - this.#paused < PIECE) return;
    this.changed();
    await nextTurn();
    this.#abort.signal.throwIfAborted();
    this.#paused = performance.now();
  }

  /** Put the picture on the plot, where its window is now. @param {Paint} paint */
  draw(paint) {
    const { window } = this.goal;
    const own = this.panel.window;
    const { context, width, height } = paint;
    const unit = width / (own.b - own.a);
    const left = (window.a - own.a) * unit;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.canvas, left, 0, (window.b - window.a) * unit, height);
  }
}
