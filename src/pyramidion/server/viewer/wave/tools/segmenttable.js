// @ts-check
import { h, setText } from '../../frame/dom.js';
import { formatCount, prefixed, prefixPower, scaled } from '../../frame/si.js';
import { extremesOf, readSegments } from '../manysegments.js';
import { valueOf } from '../texts.js';
import { orderOf } from './segmentorder.js';
import { inSlices } from './slices.js';

/**
 * The segments as rows: when each was triggered, and its extremes, from the coarsest overview. Only the rows that are seen
 * are elements, so there may be any number of segments.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {'seg' | 'trigger' | 'gap' | 'min' | 'max' | 'span'} Column
 */

const ROW = 27; // CSS pixels, as in segments.css
const MARGIN = 6; // rows beyond those seen
const BATCH = 64; // segments read in one go
const TELL = 200; // ms between two looks at what is known while more is read
/** Of the largest number of each column. @type {Record<Column, number>} */
const DIGITS = { seg: 1, trigger: 7, gap: 4, min: 4, max: 4, span: 4 };
const READ_ALL = 64 * 2 ** 20; // bytes of overviews; with more, only the rows that are seen are read

/** @type {readonly {id: Column, label: string, title: string}[]} */
const COLUMNS = [
  { id: 'seg', label: 'No.', title: 'Number of the segment' },
  { id: 'trigger', label: 'Trigger', title: 'Time of its trigger since the first one' },
  { id: 'gap', label: 'Gap', title: 'Time since the trigger before' },
  { id: 'span', label: 'Pk\u2013pk', title: 'Peak to peak: largest less smallest' },
  { id: 'min', label: 'Smallest', title: 'Smallest value' },
  { id: 'max', label: 'Largest', title: 'Largest value' },
];

/** @typedef {Record<Column, Float64Array>} Numbers */

/** The table, and what fills it. */
export class SegmentTable {
  /** Segments whose extremes are known. */
  known = 0;

  /** @type {Numbers} */ #numbers;
  /** Segments in the order of the rows. @type {Uint32Array} */ #order;
  /** @type {{by: Column, down: boolean}} */ #sorted = { by: 'seg', down: false };
  /** @type {AbortController | null} */ #reading = null;
  /** @type {AbortController | null} */ #sorting = null;
  /** 1 where the extremes are known, or cannot be. */ #read = new Uint8Array(0);
  /** Channel and trace. */ #selected = '';
  /** ... whose trigger times are here. */ #timed = '';
  /** Largest magnitudes of trigger times, gaps and values. */ #largest = { trigger: 0, gap: 0, value: 0 };
  #told = -Infinity;
  #frame = 0;
  /** @type {{power: Record<Column, number>, decimals: Record<Column, number>}} */
  #scales = { power: { seg: 0, trigger: 0, gap: 0, min: 0, max: 0, span: 0 }, decimals: { seg: 0, trigger: 0, gap: 0, min: 0, max: 0, span: 0 } };

  /** @param {WavePanel} panel @param {() => void} changed   More is known. */
  constructor(panel, changed) {
    this.panel = panel;
    this.changed = changed;
    this.count = panel.dataset.shape.segments;
    this.#numbers = this.#empty();
    this.#order = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) this.#order[i] = i;
    this.heads = COLUMNS.map(({ id, label, title }) => h('th', { scope: 'col', 'aria-sort': 'none', 'data-column': id }, h('button', { type: 'button', title, onclick: () => this.sort(id) }, label)));
    this.above = h('tr', { class: 'segment-space', 'aria-hidden': 'true' });
    this.below = h('tr', { class: 'segment-space', 'aria-hidden': 'true' });
    this.body = h('tbody', {}, this.above, this.below);
    this.table = h('table', { class: 'segment-table', 'aria-rowcount': this.count + 1, 'aria-label': 'Segments' }, h('thead', {}, h('tr', { 'aria-rowindex': 1 }, ...this.heads)), this.body);
    this.element = h('div', { class: 'segment-scroll', role: 'region', 'aria-label': 'Table of segments', tabindex: '0', onscroll: () => this.#soon() }, this.table);
    new ResizeObserver(() => this.#soon()).observe(this.element);
  }

  /** @returns {Numbers} */
  #empty() {
    const column = () => new Float64Array(this.count).fill(NaN);
    const seg = column();
    for (let i = 0; i < this.count; i++) seg[i] = i;
    return { seg, trigger: column(), gap: column(), min: column(), max: column(), span: column() };
  }

  /** Nothing is read or sorted. */
  get settled() {
    return this.#reading === null && this.#sorting === null && this.#frame === 0;
  }

  /** Show the current channel and trace, and go on reading. */
  start() {
    const { ch, trc } = this.panel.selection;
    if (this.#selected !== `${ch} ${trc}`) {
      this.stop();
      this.#selected = `${ch} ${trc}`;
      this.#numbers = this.#empty();
      this.#read = new Uint8Array(this.count);
      this.#largest = { trigger: 0, gap: 0, value: 0 };
      this.known = 0;
      this.table.classList.add('untimed');
      void this.#arrange();
    }
    this.#go();
  }

  stop() {
    this.#reading?.abort();
    this.#reading = null;
  }

  #go() {
    if (this.#reading || !this.element.isConnected || (this.#timed === this.#selected && this.#next() < 0)) return;
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    // What could not be read is told in the bar above the plot, which also offers to try again.
    this.#readOn(signal).catch(() => {}).finally(() => {
      if (this.#reading?.signal === signal) this.#reading = null;
    });
  }

  /** @param {AbortSignal} signal */
  async #readOn(signal) {
    if (this.#timed !== this.#selected) await inSlices(this.#times(), signal);
    const { dataset, selection } = this.panel;
    const { samples } = dataset;
    const everything = { a: -samples - 1, b: 2 * samples + 1 };
    const calibration = dataset.calibration(selection);
    for (let seg = this.#next(); seg >= 0; seg = this.#next()) {
      let to = seg + 1;
      while (to < this.count && to - seg < BATCH && !this.#read[to] && (this.all || this.#seen().includes(to))) to += 1;
      for await (const read of readSegments(this.panel, selection, everything, 1, seg, to, 0, signal)) this.#take(read, calibration);
      if (this.known < this.count && performance.now() < this.#told + TELL) continue;
      this.#told = performance.now();
      this.#rescale();
      if (['min', 'max', 'span'].includes(this.#sorted.by)) await this.#arrange();
      else this.#soon();
      this.changed();
    }
  }

  /** @param {import('../manysegments.js').SegmentRead} read @param {import('../dataset.js').Calibration} calibration */
  #take(read, calibration) {
    const codes = extremesOf(read);
    const ends = codes ? [valueOf(calibration, codes.min), valueOf(calibration, codes.max)] : [NaN, NaN];
    const { min, max, span } = this.#numbers;
    min[read.seg] = Math.min(...ends);
    max[read.seg] = Math.max(...ends);
    span[read.seg] = Math.abs(ends[1] - ends[0]);
    for (const column of [min, max, span]) this.#see('value', column[read.seg]);
    this.#read[read.seg] = 1;
    this.known += 1;
  }

  /** @param {'trigger' | 'gap' | 'value'} what @param {number} number */
  #see(what, number) {
    const size = Math.abs(number);
    if (size > this.#largest[what] && size < Infinity) this.#largest[what] = size;
  }

  /** When each was triggered. @returns {Generator<number, void>} */
  *#times() {
    const { selection, dataset } = this.panel;
    const { trigger, gap } = this.#numbers;
    let timed = false;
    for (let seg = 0; seg < this.count; seg++) {
      trigger[seg] = dataset.calibration({ ...selection, seg }).trigger ?? NaN;
      if (seg > 0) gap[seg] = trigger[seg] - trigger[seg - 1];
      this.#see('trigger', trigger[seg]);
      this.#see('gap', gap[seg]);
      if (!Number.isNaN(trigger[seg])) timed = true;
      if (seg % 256 === 255) yield seg / this.count;
    }
    this.#timed = this.#selected;
    this.table.classList.toggle('untimed', !timed);
    this.#rescale();
    void this.#arrange();
  }

  /** Whether the extremes of all segments are read, not only of those that are seen. */
  get all() {
    const { dataset } = this.panel;
    const { bins, raw, array } = dataset.levels[0];
    const bytes = this.count * bins * (raw ? 1 : 2) * (array.dtype.endsWith('64') ? 8 : array.dtype.endsWith('32') ? 4 : 2);
    return bytes <= READ_ALL;
  }

  /** @returns {number} The segment to read next: one that is seen, else any; -1 for none. */
  #next() {
    const { bins } = this.panel.dataset.levels[0];
    if (bins > 2 ** 24) return -1;
    const seen = this.#seen().find((seg) => !this.#read[seg]);
    return seen ?? (this.all ? this.#read.indexOf(0) : -1);
  }

  /** @returns {{first: number, end: number}} The rows that are seen. */
  #rows() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - MARGIN);
    return { first, end: Math.min(this.count, first + Math.ceil(this.element.clientHeight / ROW) + 2 * MARGIN) };
  }

  /** @returns {number[]} The segments that are seen. */
  #seen() {
    const { first, end } = this.#rows();
    return [...this.#order.subarray(first, end)];
  }

  /** @param {Column} by   Once more for the other way round. */
  sort(by) {
    this.#sorted = { by, down: this.#sorted.by === by && !this.#sorted.down };
    void this.#arrange().then(() => {
      this.element.scrollTop = 0;
    });
  }

  /** Put the segments in order; the rows stay as they are until that is done, or until another order is wanted. */
  async #arrange() {
    this.#sorting?.abort();
    const sorting = new AbortController();
    this.#sorting = sorting;
    const { by, down } = this.#sorted;
    try {
      this.#order = await inSlices(orderOf(this.#numbers[by], down), sorting.signal); // unknown ones last
    } catch (error) {
      if (sorting.signal.aborted) return;
      throw error;
    }
    this.#sorting = null;
    this.heads.forEach((head, i) => head.setAttribute('aria-sort', COLUMNS[i].id !== by ? 'none' : down ? 'descending' : 'ascending'));
    this.#soon();
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.update();
      if (this.#selected !== '') this.#go();
    });
  }

  /** Bring the current segment into sight. */
  reveal() {
    const at = this.#order.indexOf(this.panel.selection.seg) * ROW;
    const { scrollTop, clientHeight } = this.element;
    const head = ROW;
    if (at < scrollTop || at + head + ROW > scrollTop + clientHeight) this.element.scrollTop = Math.max(0, at - (clientHeight - head) / 2);
    this.#soon();
  }

  /** Make the elements say what is known. */
  update() {
    const { first, end } = this.#rows();
    const current = this.panel.selection.seg;
    this.above.style.height = `${first * ROW}px`;
    this.below.style.height = `${(this.count - end) * ROW}px`;
    while (this.body.childElementCount - 2 > end - first) this.below.previousElementSibling?.remove();
    while (this.body.childElementCount - 2 < end - first) this.below.before(this.#row());
    for (let i = first; i < end; i++) {
      const seg = this.#order[i];
      const row = /** @type {HTMLElement} */ (this.body.children[i - first + 1]);
      row.dataset.segment = String(seg);
      row.setAttribute('aria-rowindex', String(i + 2));
      if (seg === current) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
      this.#texts(seg).forEach((text, k) => setText(k === 0 ? /** @type {Element} */ (row.children[0].firstElementChild) : row.children[k], text));
    }
  }

  /** @param {number} seg @returns {string[]} */
  #texts(seg) {
    const { power, decimals } = this.#scales;
    return COLUMNS.map(({ id }) => {
      const number = this.#numbers[id][seg];
      if (id === 'seg') return formatCount(seg);
      if (Number.isNaN(number)) return id === 'trigger' || id === 'gap' || this.#read[seg] ? '\u2013' : '…';
      return scaled(number, power[id], decimals[id]);
    });
  }

  /** Each column has one prefix, so that its numbers can be compared, and as many decimals as its largest needs. */
  #rescale() {
    const { timeUnit, valueUnit } = this.panel.dataset;
    COLUMNS.forEach(({ id, label }, i) => {
      if (id === 'seg') return;
      const timed = id === 'trigger' || id === 'gap';
      const most = this.#largest[timed ? id : 'value'];
      const power = prefixPower(most);
      this.#scales.power[id] = power;
      this.#scales.decimals[id] = most > 0 ? Math.max(0, DIGITS[id] - 1 - Math.floor(Math.log10(most) + 1e-12) + power) : 0;
      const unit = prefixed(power, timed ? timeUnit : valueUnit);
      setText(/** @type {Element} */ (this.heads[i].firstElementChild), unit ? `${label}, ${unit}` : label);
    });
  }

  /** @returns {HTMLElement} */
  #row() {
    const row = h(
      'tr', { onclick: () => this.panel.state.set({ seg: Number(row.dataset.segment) }) },
      h('td', {}, h('button', { type: 'button', class: 'segment-choose', title: 'Show this segment' })),
      ...COLUMNS.slice(1).map(() => h('td')),
    );
    return row;
  }
}
