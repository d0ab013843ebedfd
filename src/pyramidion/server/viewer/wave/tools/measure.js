// @ts-check
import { showRows } from '../../frame/controls.js';
import { h, setText } from '../../frame/dom.js';
import { formatCount } from '../../frame/si.js';
import { loadStyle } from '../../frame/style.js';
import { measure } from '../measuring.js';
import { Cursors } from './cursors.js';
import { extremeReadings, positionText, rateText, sampleReadings, tabbed, timeText, unite, valueText } from './readings.js';
import { inSlices } from './slices.js';
import { sampleAt, stretchesBetween, stretchesInView } from './stretch.js';

/**
 * Two cursors, and what a stretch measures.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('./readings.js').Reading} Reading
 * @typedef {import('./stretch.js').Stretch} Stretch
 *
 * @typedef {object} Result   Of one channel.
 * @property {string} name
 * @property {Stretch} stretch
 * @property {import('../reader.js').Extremes | null} extremes   Null while not known.
 * @property {import('../measuring.js').Measured | null} measured
 */

/** Samples up to which all of them are read. */
const MOST = 2 ** 22;
/** Milliseconds without a move until measuring begins. */
const REST = 200;
const KNOWN_VALUES = 1000;
const METHOD = [
  'Minimum, maximum and peak to peak are exact at any width: they come from the stored extremes, their ends from the samples themselves. Everything else needs every sample of the stretch. The standard deviation is the RMS without the mean.',
  'Cursors stand on samples. “Between the cursors” includes both.',
  'Terms follow IEEE Std 181-2011. Base and top are the means of the fullest of 100 bins in the lower and in the upper half of the range; where these are no two states (they hold less than a tenth of their half, or lie closer than a third of the range), the smallest and the largest sample, and the table says so.',
  'A cycle goes from one crossing of 50 % to the next one of the same direction; a crossing counts when the signal goes from 40 % or below to 60 % or above, or back. Period is the mean of the whole cycles, the duty cycle the share of them above 50 %. Rise and fall times are means between 10 and 90 %. Instants between samples are interpolated.',
  'Samples that are no number are left out, and nothing is measured across them.',
];

/** @param {WavePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>} */
export async function openTool(panel) {
  await loadStyle(new URL('./measure.css', import.meta.url).href);
  return new MeasureTool(panel);
}

class MeasureTool {
  /** @type {Result[]} */ results = [];
  busy = false;

  #visible = false;
  /** What the results are of. */
  #key = '';
  #cursorKey = '';
  #timer = 0;
  #control = new AbortController();
  #cursorControl = new AbortController();
  /** Values by channel and sample. @type {Map<string, number>} */ #values = new Map();

  /** Samples that could not be read, by the same keys. @type {Set<string>} */ #unread = new Set();

  /** @param {WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.cursors = new Cursors(panel, (name, ch) => this.#valueAt(name, ch));
    const place = (/** @type {'x' | 'y'} */ name) =>
      h('button', { type: 'button', class: 'plain', onclick: () => void this.#place(name) }, `Place ${name.toUpperCase()}`);
    this.gate = h('input', { type: 'checkbox', onchange: () => this.update() });
    this.clear = h('button', { type: 'button', class: 'plain', onclick: () => panel.state.set({ cursors: { x: null, y: null } }) }, 'Remove');
    this.cursorRows = h('tbody');
    this.head = h('tr');
    this.body = h('tbody');
    this.caption = h('caption');
    this.table = h('table', { class: 'measure-values', role: 'table' }, this.caption, h('thead', {}, this.head), this.body);
    this.note = h('p', { class: 'measure-note', role: 'status' });
    this.copy = h('button', { type: 'button', class: 'plain', onclick: () => void this.#copy() }, 'Copy as text');
    this.element = h(
      'div', { class: 'measure' },
      h('div', { class: 'tool-row', role: 'group', 'aria-label': 'Cursors' }, place('x'), place('y'), this.clear),
      h('p', {}, 'X and Y put a cursor where the pointer is. Drag its tag, or use the arrow keys.'),
      h('table', { class: 'measure-cursors', role: 'table' }, h('caption', {}, 'Cursors'), this.cursorRows),
      h('label', { class: 'measure-gate' }, this.gate, 'Measure between the cursors only'),
      h('div', { class: 'measure-scroll' }, this.table),
      this.note,
      h('div', { class: 'tool-row' }, this.copy),
      h('details', { class: 'measure-method' }, h('summary', {}, 'How this is measured'), ...METHOD.map((text) => h('p', {}, text))),
    );
  }

  shown() {
    this.#visible = true;
    this.update();
  }

  hidden() {
    this.#visible = false;
    this.#stop();
    this.#cursorControl.abort();
    this.#cursorKey = '';
  }

  update() {
    this.cursors.update();
    if (!this.#visible) return;
    const { x, y } = this.panel.state.value.cursors;
    const both = x !== null && y !== null;
    this.gate.disabled = !both;
    this.clear.disabled = x === null && y === null;
    this.#readCursors();
    this.#showCursors();
    this.#measureSoon(both && this.gate.checked ? stretchesBetween(this.panel, x, y) : stretchesInView(this.panel));
  }

  /** Nothing is measured, and nothing waits to be. */
  get settled() {
    return !this.busy && this.#timer === 0;
  }

  stats() {
    const values = (/** @type {Result} */ result) => Object.fromEntries(this.#readings(result).map(({ id, value }) => [id, value]));
    return { measuring: this.busy, measured: this.results.map((result) => ({ ch: result.stretch.selection.ch, from: result.stretch.from, to: result.stretch.to, ...values(result) })) };
  }

  get #units() {
    return { time: this.panel.dataset.timeUnit, value: this.panel.dataset.valueUnit };
  }

  /** @param {'x' | 'y'} name */
  async #place(name) {
    const spot = await this.panel.pick(`Press in the plot where cursor ${name.toUpperCase()} is to stand`);
    if (spot) this.cursors.move(name, Math.round(spot.position));
  }

  /** @param {'x' | 'y'} name @param {number} ch @returns {string | null} The sample that the cursor stands on, as a key. */
  #sampleKey(name, ch) {
    const at = this.panel.state.value.cursors[name];
    const selection = this.panel.selections.find((one) => one.ch === ch);
    const sample = at === null || !selection ? null : sampleAt(this.panel, at, selection);
    return sample === null || !selection ? null : `${ch} ${selection.trc} ${selection.seg} ${sample}`;
  }

  /** @param {'x' | 'y'} name @param {number} ch @returns {number | null} */
  #valueAt(name, ch) {
    return this.#values.get(this.#sampleKey(name, ch) ?? '') ?? null;
  }

  /** Fetch the samples that the cursors stand on. */
  #readCursors() {
    const keys = this.panel.selections.flatMap(({ ch }) => [this.#sampleKey('x', ch), this.#sampleKey('y', ch)]).filter((key) => key !== null);
    const key = keys.join('|');
    if (key === this.#cursorKey) return;
    this.#cursorKey = key;
    this.#cursorControl.abort();
    this.#cursorControl = new AbortController();
    if (this.#values.size > KNOWN_VALUES) this.#values.clear();
    for (const one of keys) if (!this.#values.has(one)) void this.#readValue(one, this.#cursorControl.signal);
  }

  /** @param {string} key @param {AbortSignal} signal */
  async #readValue(key, signal) {
    const [ch, trc, seg, sample] = key.split(' ').map(Number);
    const { gain, offset } = this.panel.dataset.calibration({ ch, trc, seg });
    try {
      const [code] = await this.panel.reader.samples(sample, sample + 1, { ch, trc, seg }, signal);
      this.#values.set(key, code * gain - offset);
      this.#unread.delete(key);
    } catch {
      if (signal.aborted) return;
      this.#cursorKey = ''; // the page says what is wrong; the next move tries again
      this.#unread.add(key);
    }
    this.#showCursors();
    this.panel.requestDraw();
  }

  #showCursors() {
    const { panel } = this;
    const { cursors } = panel.state.value;
    const { calibration, selections, dataset } = panel;
    const { time, value } = this.#units;
    const several = selections.length > 1;
    const named = (/** @type {number} */ ch, /** @type {string} */ alone) => (several ? dataset.channelName(ch) : alone);
    /** @type {[string, string][]} */ const rows = [];
    for (const name of /** @type {const} */ (['x', 'y'])) {
      const at = cursors[name];
      rows.push([name.toUpperCase(), at === null ? 'not set' : positionText(calibration, at, time)]);
      for (const { ch } of at === null ? [] : selections) {
        const found = this.#valueAt(name, ch);
        const text = this.#sampleKey(name, ch) === null ? 'no sample' : found === null ? (this.#unread.has(this.#sampleKey(name, ch) ?? '') ? 'not read' : '…') : valueText(found, value);
        rows.push([`${named(ch, 'value')} at ${name.toUpperCase()}`, text]);
      }
    }
    if (cursors.x !== null && cursors.y !== null) {
      const distance = (cursors.y - cursors.x) * calibration.interval;
      rows.push(['Δt, Y − X', timeText(distance, calibration.interval, time)]);
      rows.push(['1/|Δt|', distance === 0 ? '—' : rateText(1 / Math.abs(distance), time)]);
      for (const { ch } of selections) {
        const [p, q] = [this.#valueAt('x', ch), this.#valueAt('y', ch)];
        rows.push([`${value === 'V' ? 'ΔV' : 'Δ value'}, ${named(ch, 'Y − X')}`, p === null || q === null ? '…' : valueText(q - p, value)]);
      }
    }
    showRows(this.cursorRows, rows);
    [...this.cursorRows.children].forEach((row, i) => row.classList.toggle('sub', / at [XY]$/.test(rows[i][0])));
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#control.abort();
    this.#key = '';
    this.#showBusy(false);
  }

  /** @param {boolean} busy */
  #showBusy(busy) {
    this.busy = busy;
    this.table.setAttribute('aria-busy', String(busy));
  }

  /** @param {Stretch[]} stretches */
  #measureSoon(stretches) {
    const key = stretches.map(({ selection: { ch, trc, seg }, from, to }) => [ch, trc, seg, from, to].join(' ')).join('|');
    if (key === this.#key) return;
    this.#stop();
    this.#key = key;
    this.#showBusy(true);
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      void this.#measure(stretches, signal);
    }, REST);
  }

  /** @param {Stretch[]} stretches @param {AbortSignal} signal */
  async #measure(stretches, signal) {
    const { reader, dataset } = this.panel;
    /** @type {Result[]} */ const results = stretches.map((stretch) => ({ name: dataset.channelName(stretch.selection.ch), stretch, extremes: null, measured: null }));
    try {
      for (const result of results) {
        const { selection, from, to } = result.stretch;
        result.extremes = await reader.extremes(from, to, selection, signal);
      }
      this.#showResults(results, true);
      for (const result of results) {
        const { selection, calibration: { gain, offset }, from, to } = result.stretch;
        if (to - from > MOST) continue;
        const codes = await reader.samples(from, to, selection, signal);
        result.measured = await inSlices(measure(codes, gain, offset, dataset.clipCodes(selection)), signal);
      }
      this.#showResults(results, false);
    } catch (error) {
      if (signal.aborted) return;
      this.#key = ''; // the next move tries again
      this.#showResults(results, false);
      setText(this.note, `Not measured: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** @param {Result} result @returns {Reading[]} */
  #readings({ stretch, extremes, measured }) {
    const { selection, calibration, from, to } = stretch;
    const count = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number} */ n) => ({ id, label, text: formatCount(n), value: n, unit: '' });
    const clip = this.panel.dataset.clipCodes(selection);
    const reached = clip && extremes?.min !== null && extremes && (extremes.min <= clip[0] || (extremes.max ?? clip[0]) >= clip[1]);
    const clipped = measured ? count('clipped', 'Clipped samples', measured.clipped) : { id: 'clipped', label: 'Clipped samples', text: 'some', value: null, unit: '' };
    return [
      count('samples', 'Samples', to - from),
      ...(measured && measured.nans > 0 ? [count('nans', 'No number (left out)', measured.nans)] : []),
      ...(reached ? [clipped] : []),
      ...(extremes ? extremeReadings(extremes, calibration, this.#units) : []),
      ...(measured ? sampleReadings(measured, calibration, this.#units) : []),
    ];
  }

  /** @param {Result[]} results @param {boolean} more   Is still to come. */
  #showResults(results, more) {
    this.results = results;
    this.#showBusy(more);
    const columns = results.map((result) => this.#readings(result));
    this.table.classList.toggle('several', results.length > 1);
    const between = this.gate.checked && !this.gate.disabled;
    setText(this.caption, between ? 'Between the cursors' : 'Of the view');
    this.head.replaceChildren(h('td'), ...results.map(({ name, stretch }) => h('th', { scope: 'col', class: `of-${stretch.selection.ch % 6}`, title: name }, name)));
    this.body.replaceChildren(...unite(columns).map(({ id, label }) => h(
      'tr', { 'data-id': id, class: /-at$|^rises$|^falls$/.test(id) ? 'sub' : id === 'clipped' ? 'warned' : null },
      h('th', { scope: 'row' }, label),
      ...columns.map((readings) => h('td', {}, readings.find((one) => one.id === id)?.text ?? '')),
    )));
    setText(this.note, this.#remark(results, more));
  }

  /** @param {Result[]} results @param {boolean} more @returns {string} What the numbers leave out. */
  #remark(results, more) {
    const longest = Math.max(...results.map(({ stretch }) => stretch.to - stretch.from));
    if (longest > MOST) return `Zoom in to ${formatCount(MOST)} samples or fewer: exact mean, RMS and times need all samples, and these are ${formatCount(longest)}.`;
    if (more) return 'Reading all samples …';
    if (results.some(({ measured }) => measured?.count === 0)) return 'There is no number in this stretch.';
    if (results.some(({ measured }) => measured && measured.count > 0 && Number.isNaN(measured.mean))) return 'Some samples are infinite: mean, RMS and times have no value.';
    if (results.some(({ measured }) => measured && measured.clipped > 0)) return 'Where samples are clipped, the signal went further than what is measured here.';
    return '';
  }

  async #copy() {
    const text = `${tabbed(this.results.map(({ name }) => name), this.results.map((result) => this.#readings(result)))}\n`;
    try {
      await navigator.clipboard.writeText(text);
      this.panel.host.say('Measurements copied, in base units');
    } catch {
      this.panel.host.say('The browser does not allow copying here: select the table instead');
    }
  }
}
