// @ts-check
import { showRows } from '../frame/controls.js';
import { setText } from '../frame/dom.js';
import { Surface } from '../frame/surface.js';
import { waveActions } from './actions.js';
import { axis } from './axis.js';
import { gather } from './columns.js';
import { drawGrid, drawTrace } from './draw.js';
import { describeColumn } from './hover.js';
import { listenPlot, listenStrip } from './interaction.js';
import { valueRange } from './scale.js';
import { Supply } from './supply.js';
import { captionText, levelText, summaryText, timeAt, valueRows } from './texts.js';
import { buildView, showTicks } from './view.js';
import { clampWindow, panWindow, wholeRecord, zoomWindow } from './window.js';

/**
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./window.js').Window} Window
 * @typedef {import('../fetch/scheduler.js').Scheduler} Scheduler
 * @typedef {import('../frame/types.js').PanelHost} PanelHost
 */

const PLAN_INTERVAL = 60; // ms between requests while the view keeps moving
const VERTICAL_LIMIT = 1e5; // pixels; what is further out (infinite values) is cut off there

/** Draws one waveform record and lets a person move through it. */
export class WavePanel {
  /** @type {Selection} */ selection = { ch: 0, trc: 0, seg: 0 };
  /** @type {Window} */ window;
  drawMs = 0;
  level = -1;
  /** @type {import('./columns.js').Columns | null} */ columns = null;

  #frame = 0;
  #planTimer = 0;
  #lastPlan = -Infinity;
  /** @type {{min: number, max: number}} */ #values = { min: -1, max: 1 };
  /** Where the last zoom was aimed at, in samples. */
  #target;
  /** @type {{anchor: number, y: number} | null} */ #pointer = null;
  #stripDrawn = '';
  /** Nobody has moved yet. */
  #opening = true;

  /** @param {WaveDataset} dataset @param {Scheduler} scheduler @param {PanelHost} host */
  constructor(dataset, scheduler, host) {
    this.dataset = dataset;
    this.scheduler = scheduler;
    this.host = host;
    this.window = wholeRecord(dataset.samples);
    this.#target = dataset.samples / 2;
    this.supply = new Supply(dataset, scheduler);
    this.actions = waveActions(this);
    this.view = buildView(dataset, this.actions, (change) => this.select(change));
    this.element = this.view.element;
    this.surface = new Surface(this.view.canvas, () => this.#resized());
    this.strip = new Surface(this.view.stripCanvas, () => this.#resized());
    this.wanted = scheduler.interest();
    this.stripWanted = scheduler.interest();
    this.prefetched = scheduler.interest();
    scheduler.listen(() => this.#arrived());
    this.plot = this.#listen();
  }

  get calibration() {
    return this.dataset.calibration(this.selection);
  }

  /** Nothing is planned, and no frame is due. */
  get settled() {
    return this.#frame === 0 && this.#planTimer === 0 && this.surface.measured;
  }

  /** @param {Window} window @param {number} [target]  Where the person aims at, in samples. */
  setWindow(window, target) {
    const next = clampWindow(window, this.dataset.samples);
    this.#target = target ?? (next.a + next.b) / 2;
    if (next.a === this.window.a && next.b === this.window.b) return;
    this.window = next;
    this.#moved();
  }

  /** @param {number} from @param {number} to  Times. */
  setTimes(from, to) {
    const { start, interval } = this.calibration;
    this.setWindow({ a: (from - start) / interval, b: (to - start) / interval });
  }

  /** @param {Partial<Selection>} change */
  select(change) {
    const next = this.dataset.clamp({ ...this.selection, ...change });
    const { ch, trc, seg } = this.selection;
    this.#showSelection(next);
    if (next.ch === ch && next.trc === trc && next.seg === seg) return;
    this.selection = next;
    this.#moved();
  }

  /** @param {number} factor @param {number} [anchor]  Share of the width; the pointer or the middle by default. */
  zoom(factor, anchor = this.#pointer?.anchor ?? 0.5) {
    const { a, b } = this.window;
    this.setWindow(zoomWindow(this.window, factor, anchor, this.dataset.samples), a + (b - a) * anchor);
  }

  /** @param {number} share */
  pan(share) {
    this.setWindow(panWindow(this.window, share, this.dataset.samples));
  }

  /** Let go of the pointer. */
  cancel() {
    this.plot.cancel();
    this.#hover(null, 0);
  }

  /** Draw again, for a new theme or size. */
  refresh() {
    this.#stripDrawn = '';
    this.requestDraw();
  }

  requestDraw() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  #listen() {
    listenStrip(
      this.view.strip,
      () => this.#windowShares(),
      (from, to) => this.setWindow({ a: from * this.dataset.samples - 0.5, b: to * this.dataset.samples - 0.5 }),
    );
    return listenPlot(this.view.canvas, {
      zoom: (factor, anchor) => this.zoom(factor, anchor),
      pan: (share) => this.pan(share),
      select: (from, to) => {
        const { a, b } = this.window;
        this.setWindow({ a: a + (b - a) * from, b: a + (b - a) * to });
      },
      marking: (from, to) => this.#mark(from, to),
      hover: (anchor, y) => this.#hover(anchor, y),
    });
  }

  #windowShares() {
    const { samples } = this.dataset;
    return { from: (this.window.a + 0.5) / samples, to: (this.window.b + 0.5) / samples };
  }

  /** @param {Selection} selection */
  #showSelection(selection) {
    this.view.choosers.ch.show(selection.ch);
    this.view.choosers.trc.show(selection.trc);
    this.view.choosers.seg.show(selection.seg);
  }

  #moved() {
    if (this.surface.measured) this.#opening = false;
    this.scheduler.beginStep();
    this.requestDraw();
    const wait = this.#lastPlan + PLAN_INTERVAL - performance.now();
    if (wait <= 0) this.#plan();
    else this.#planTimer ||= window.setTimeout(() => this.#plan(), wait);
    this.host.changed();
  }

  #resized() {
    this.#stripDrawn = '';
    this.draw();
    this.#plan();
  }

  #arrived() {
    this.#plan();
    this.requestDraw();
  }

  /** State what is needed now; the scheduler drops the rest. */
  #plan() {
    clearTimeout(this.#planTimer);
    this.#planTimer = 0;
    if (!this.surface.measured || !this.strip.measured) return;
    this.#lastPlan = performance.now();
    const whole = wholeRecord(this.dataset.samples);
    const stripLevel = this.supply.level(whole, this.strip.width, this.selection);
    const level = this.supply.level(this.window, this.surface.width, this.selection);
    const wants = (/** @type {number} */ at, /** @type {Window} */ window, /** @type {number} */ width, /** @type {number} */ priority) =>
      at < 0 ? [] : this.supply.wants(at, window, width, this.selection, priority);
    this.stripWanted.set(wants(stripLevel, whole, this.strip.width, 0));
    this.wanted.set(wants(level, this.window, this.surface.width, 1));
    const spare = this.scheduler.busy || level < 0 ? [] : this.supply.prefetch(level, this.#target, this.surface.width, this.selection, this.#opening);
    if (!this.scheduler.busy) this.prefetched.set(spare);
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.surface.measured) return;
    const start = performance.now();
    const { surface, window, selection } = this;
    this.level = this.supply.level(window, surface.width, selection);
    this.columns = this.level < 0 ? null : gather(this.supply.scene(window, surface.width, selection, this.level));
    const { gain, offset } = this.calibration;
    const steps = !this.dataset.levels[0].array.dtype.startsWith('float');
    this.#values = valueRange(this.columns?.range() ?? null, gain, offset, steps) ?? this.#values;
    this.#drawPlot();
    this.#drawStrip();
    this.#describe();
    this.drawMs = performance.now() - start;
    this.host.drawn();
  }

  #drawPlot() {
    const { surface, view, window, calibration } = this;
    const { min, max } = this.#values;
    const [width, height] = [surface.width / surface.scale, surface.height / surface.scale];
    const times = axis(timeAt(calibration, window.a), timeAt(calibration, window.b), Math.max(2, width / 130), this.dataset.timeUnit);
    const values = axis(min, max, Math.max(2, height / 60), this.dataset.valueUnit);
    const span = (window.b - window.a) * calibration.interval;
    const xs = times.ticks.map(({ value }) => ((value - timeAt(calibration, window.a)) / span) * width);
    const ys = values.ticks.map(({ value }) => ((max - value) / (max - min)) * height);
    const style = this.#style(surface);
    surface.clear();
    drawGrid(surface.context, xs.map((x) => x * surface.scale), ys.map((y) => y * surface.scale), style);
    if (this.columns) drawTrace(surface.context, this.columns, window, this.#vertical(surface.height), style);
    const timeLabel = times.base ? `${times.unit} after ${times.base.label}` : times.unit;
    showTicks(view.xAxis, times.ticks.map(({ label }, i) => ({ at: xs[i], label })), 'left', timeLabel, width);
    const valueLabel = values.base ? `${values.unit} above ${values.base.label}` : values.unit;
    showTicks(view.yAxis, values.ticks.map(({ label }, i) => ({ at: ys[i], label })), 'top', valueLabel, height);
  }

  /** @param {number} height @returns {import('./draw.js').Vertical} */
  #vertical(height) {
    const { gain, offset } = this.calibration;
    const { min, max } = this.#values;
    const scale = height / (max - min);
    return (code) => {
      const y = (max - (code * gain - offset)) * scale;
      return y > VERTICAL_LIMIT ? VERTICAL_LIMIT : y < -VERTICAL_LIMIT ? -VERTICAL_LIMIT : y;
    };
  }

  /** @param {Surface} surface @returns {import('./draw.js').Style} */
  #style(surface) {
    const css = getComputedStyle(this.element);
    const trace = css.getPropertyValue(`--trace-${this.selection.ch % 6}`).trim();
    return { trace, grid: css.getPropertyValue('--grid').trim(), scale: surface.scale };
  }

  #drawStrip() {
    const { strip, view } = this;
    const { from, to } = this.#windowShares();
    view.stripWindow.style.left = `${(from * 100).toFixed(6)}%`;
    view.stripWindow.style.width = `${((to - from) * 100).toFixed(6)}%`;
    const whole = wholeRecord(this.dataset.samples);
    const level = this.supply.level(whole, strip.width, this.selection);
    const { ch, trc, seg } = this.selection;
    if (!strip.measured || level < 0 || this.#stripDrawn === `${ch} ${trc} ${seg} ${level}`) return;
    const columns = gather(this.supply.scene(whole, strip.width, this.selection, level));
    const { gain, offset } = this.calibration;
    const range = valueRange(columns.range(), gain, offset, false);
    strip.clear();
    if (range) {
      const scale = (strip.height - 6 * strip.scale) / (range.max - range.min);
      const vertical = (/** @type {number} */ code) => 3 * strip.scale + (range.max - (code * gain - offset)) * scale;
      drawTrace(strip.context, columns, whole, vertical, this.#style(strip));
    }
    if (columns.complete) this.#stripDrawn = `${ch} ${trc} ${seg} ${level}`;
  }

  /** Words and numbers for what the canvas shows. */
  #describe() {
    const { view, dataset, selection, calibration, window, columns } = this;
    const factor = this.level < 0 ? 0 : dataset.levels[this.level].factor;
    const level = levelText(factor, this.#state());
    setText(view.caption, captionText(dataset, selection, calibration));
    setText(view.summary, summaryText(dataset, calibration, window));
    showRows(view.values, valueRows({ dataset, selection, calibration, window, codes: columns?.range() ?? null, level }));
    view.canvas.setAttribute('aria-label', `Waveform, ${summaryText(dataset, calibration, window)}; numbers in the table below`);
    const tooWide = this.level < 0 || (columns?.holes && !this.scheduler.busy && this.scheduler.failures.size === 0);
    view.note.hidden = !tooWide;
    if (tooWide) setText(view.note, 'Part of this stretch is in no overview of this store. Zoom in to see its samples.');
    this.#showPointer();
  }

  /** @param {number} from @param {number} to  Shares of the width. */
  #mark(from, to) {
    const { mark } = this.view;
    mark.hidden = from === to;
    mark.style.left = `${Math.min(from, to) * 100}%`;
    mark.style.width = `${Math.abs(to - from) * 100}%`;
  }

  /** @param {number | null} anchor @param {number} y */
  #hover(anchor, y) {
    this.#pointer = anchor === null ? null : { anchor, y };
    this.#showPointer();
  }

  #showPointer() {
    const { view, columns } = this;
    const pointer = this.#pointer;
    const what = pointer && columns ? describeColumn(columns, this.window, pointer.anchor, this.dataset, this.calibration) : null;
    view.cursor.hidden = !what;
    view.readout.hidden = !what;
    view.dot.hidden = !what || what.code === null || Number.isNaN(what.code);
    this.host.pointed(what?.text ?? '');
    if (!what || !pointer) return;
    view.cursor.style.left = `${what.share * 100}%`;
    view.dot.style.left = `${what.share * 100}%`;
    if (what.code !== null) view.dot.style.top = `${this.verticalOf(what.code) / this.surface.scale}px`;
    setText(view.readout, what.text);
    view.readout.classList.toggle('on-left', pointer.anchor > 0.5);
    view.readout.style.left = `${what.share * 100}%`;
    view.readout.style.top = `${pointer.y}px`;
  }

  /** @param {number} code @returns {number} Where it is drawn: device pixels from the top. */
  verticalOf(code) {
    return this.#vertical(this.surface.height)(code);
  }

  /** @returns {string} What the picture is drawn from. */
  levelText() {
    if (this.level < 0) return 'too much to draw';
    const { factor } = this.dataset.levels[this.level];
    const wide = factor / ((this.window.b - this.window.a) / this.surface.width);
    return levelText(factor, this.#state()) + (factor > 1 && wide > 1 ? ` · a bin is ${wide.toFixed(1)} pixels wide` : '');
  }

  #state() {
    if (this.scheduler.busy) return 'loading';
    return this.columns?.complete ? 'whole' : 'partial';
  }

  /** @returns {string} The view in words, for screen readers. */
  spoken() {
    const { dataset, selection, calibration } = this;
    return `${captionText(dataset, selection, calibration)} ${summaryText(dataset, calibration, this.window)}`.trim();
  }
}
