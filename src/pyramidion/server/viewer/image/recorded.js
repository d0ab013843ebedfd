// @ts-check
import { setText } from '../frame/dom.js';
import { toNumbers } from '../decode/numbers.js';
import { ViewerError } from '../store/errors.js';
import { Stamps } from './stamps.js';
import { ageText, dayTime } from './times.js';

/**
 * When the frames of a recording were taken, and the time cursor that all panels share.
 *
 * @typedef {import('./panel.js').ImagePanel} ImagePanel
 * @typedef {import('../store/metadata.js').ArrayMeta} ArrayMeta
 * @typedef {import('../store/http.js').HttpStore} HttpStore
 */

const STAMP = 8; // bytes, float64
const NEAR = 3600; // seconds beyond its ends at which a time still has to do with this recording

/** @param {ImagePanel} panel @param {import('../frame/types.js').Page} page @returns {Promise<Recorded>} */
export async function openClock(panel, { store, group }) {
  const array = await group.array('time_host');
  // As a recording is written: bytes as they are, so that a few of them can be read.
  const plain = array?.dtype === 'float64' && array.codecs.length === 0 && array.index === null && array.shape.length === 1;
  return new Recorded(panel, plain ? new Stamps(() => panel.dataset.shape.t, (from, to) => readStamps(store, array, from, to)) : null);
}

/**
 * @param {HttpStore} store @param {ArrayMeta} array @param {number} from @param {number} to   Without.
 * @returns {Promise<Float64Array>}
 */
async function readStamps(store, array, from, to) {
  const { chunk: [size], fill, dtype, little } = array;
  const out = new Float64Array(to - from).fill(fill);
  for (let at = from; at < to;) {
    const chunk = Math.floor(at / size);
    const end = Math.min(to, (chunk + 1) * size);
    const bytes = await store.range(array.key([chunk]), STAMP * (at - chunk * size), STAMP * (end - at));
    if (bytes) out.set(toNumbers(bytes, dtype, little), at - from);
    at = end;
  }
  return out;
}

export class Recorded {
  /** First and last time that are known. @type {[number, number] | null} */ span = null;
  /** Something is being read. */
  #reading = 0;
  /** Grows with everything that decides where one is: what was asked for before is void. */
  #turn = 0;
  /** Where the cursor was set elsewhere; null once somebody moved here. @type {number | null} */ #cursor = null;
  /** Seconds that the cursor lies beyond the ends, where that is too far to have to do with this recording. */
  #far = 0;
  /** The time of the frame that is shown. @type {{t: number, time: number}} */ #shown = { t: -1, time: NaN };

  /** @param {ImagePanel} panel @param {Stamps | null} stamps   Null where the times cannot be read. */
  constructor(panel, stamps) {
    this.panel = panel;
    this.stamps = stamps;
  }

  get busy() {
    return this.#reading > 0;
  }

  /**
   * The cursor is set elsewhere: show the frame that was the newest then; a little outside the first or last one, and that is
   * said. What is far outside belongs to other data, perhaps in another window: it moves nothing here.
   *
   * @param {number} time   Unix seconds.
   */
  async show(time) {
    const turn = ++this.#turn;
    const found = await this.#read(async (stamps) => {
      const last = this.panel.dataset.shape.t - 1;
      const [t, first, end] = [await stamps.find(time), await stamps.at(0), await stamps.at(last)];
      return { t: Math.max(0, t), first, end };
    });
    if (!found || turn !== this.#turn) return;
    this.span = [found.first, found.end];
    this.#cursor = time;
    const off = Math.min(0, time - found.first) + Math.max(0, time - found.end);
    this.#far = Math.abs(off) > NEAR ? off : 0;
    if (this.#far) {
      this.panel.requestDraw();
      return;
    }
    this.panel.player.stop();
    this.panel.place.setSlice({ t: found.t });
  }

  /** Somebody moved to another frame: the others follow. */
  async tell() {
    const turn = ++this.#turn;
    this.#cursor = null;
    this.#far = 0;
    const { t } = this.panel.place;
    const time = await this.#read((stamps) => stamps.at(t));
    if (time !== undefined && Number.isFinite(time) && turn === this.#turn) this.panel.host.time(time);
  }

  /** With a frame: words for when it was taken. */
  describe() {
    const { view, place } = this.panel;
    if (place.t !== this.#shown.t) void this.#learn(place.t);
    const { time } = this.#shown;
    view.stamp.hidden = !Number.isFinite(time);
    if (view.stamp.hidden) return;
    const off = this.#offText(time);
    setText(view.stamp, off || dayTime(time));
    view.stamp.classList.toggle('off', off !== '');
    view.stamp.title = `Taken ${new Date(1000 * time).toLocaleString()}`;
  }

  /** @param {number} time   Of the frame shown. @returns {string} Where the cursor is, if it lies outside the recording. */
  #offText(time) {
    const { place, dataset } = this.panel;
    if (this.#far) return this.#far < 0 ? `cursor ${ageText(-this.#far)} before the first frame` : `cursor ${ageText(this.#far)} after the last frame`;
    const off = (this.#cursor ?? NaN) - time;
    // The last frame is what is seen until the next one would have come.
    const step = dataset.unit.t === 's' ? dataset.scale.t : 0;
    if (place.t === 0 && off < 0) return `cursor ${ageText(-off)} before the first frame`;
    return place.t === dataset.shape.t - 1 && off > 2 * step ? `cursor ${ageText(off)} after the last frame` : '';
  }

  /** @param {number} t */
  async #learn(t) {
    this.#shown = { t, time: this.#shown.time };
    const time = await this.#read((stamps) => stamps.at(t));
    if (this.#shown.t !== t) return;
    this.#shown = { t, time: time ?? NaN };
    this.panel.requestDraw();
  }

  /**
   * @template T
   * @param {(stamps: Stamps) => Promise<T>} read @returns {Promise<T | undefined>} Undefined where it cannot be read.
   */
  async #read(read) {
    if (!this.stamps) return undefined;
    this.#reading += 1;
    try {
      return await read(this.stamps);
    } catch (error) {
      if (!(error instanceof ViewerError)) throw error;
      this.stamps = null;
      this.panel.host.say(`The times of this recording cannot be read: ${error.what}`);
      return undefined;
    } finally {
      this.#reading -= 1;
    }
  }
}
