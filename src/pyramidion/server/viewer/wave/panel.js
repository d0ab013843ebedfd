// @ts-check
import { showRows } from '../frame/controls.js';
import { setText } from '../frame/dom.js';
import { Late } from '../frame/late.js';
import { Surface } from '../frame/surface.js';
import { waveActions } from './actions.js';
import { drawTraces } from './figure.js';
import { Hover } from './hover.js';
import { listenPlot, listenStrip } from './interaction.js';
import { gatherTraces, Plot, rangeOf, shifted } from './plot.js';
import { waveState } from './state.js';
import { Supply } from './supply.js';
import { captionText, levelText, summaryText, timeAt } from './texts.js';
import { waveTools } from './tools.js';
import { buildView } from './view.js';
import { panWindow, wholeRecord, zoomWindow } from './window.js';

/**
 * @typedef {import('./dataset.js').WaveDataset} WaveDataset
 * @typedef {import('./dataset.js').Selection} Selection
 * @typedef {import('./window.js').Window} Window
 * @typedef {import('./types.js').Cover} Cover
 * @typedef {import('./types.js').Mark} Mark
 * @typedef {import('./types.js').Spot} Spot
 * @typedef {import('../fetch/scheduler.js').Scheduler} Scheduler
 * @typedef {import('../frame/types.js').PanelHost} PanelHost
 */

const PLAN_INTERVAL = 60; // ms between requests while the view keeps moving

/** Draws waveform records and lets a person move through them. */
export class WavePanel {
  drawMs = 0;
  /** Reads any stretch, for the tools; here before the first of them. */
  reader = /** @type {import('./reader.js').Reader} */ (/** @type {unknown} */ (null));
  /** Goes to the next or the previous of what is looked for; null until something was. @type {((direction: 1 | -1) => void) | null} */ findNext = null;
  /** Drawn over the traces, by name. @type {Map<string, Mark>} */ marks = new Map();
  /** @type {Cover | null} */ cover = null;
  /** The time cursor of the page, as a position in samples. @type {number | null} */ now = null;

  #frame = 0;
  #planTimer = 0;
  #lastPlan = -Infinity;
  /** Where the last zoom was aimed at, in samples. */
  #target;
  #hover = new Hover(this);
  #stripDrawn = '';
  /** Nobody has moved yet. */
  #opening = true;
  /** Waits for a place to be pressed. @type {((spot: Spot | null) => void) | null} */ #picked = null;
  /** Asks for what the windows of lenses need, before the view's own spare requests. @type {Set<() => void>} */ #planners = new Set();

  /** @param {WaveDataset} dataset @param {Scheduler} scheduler @param {PanelHost} host @param {string} source   Address of the store. */
  constructor(dataset, scheduler, host, source) {
    this.dataset = dataset;
    this.source = source;
    this.scheduler = scheduler;
    this.host = host;
    this.state = waveState(dataset);
    this.#target = dataset.samples / 2;
    this.supply = new Supply(dataset, scheduler);
    /** What fills the table of numbers. */
    this.numbers = new Late(() => import('./values.js'), () => this.requestDraw());
    this.actions = waveActions(this);
    this.tools = waveTools(this);
    this.view = buildView(this);
    this.element = this.view.element;
    this.plot = new Plot(this, this.view, () => this.#resized());
    this.strip = new Surface(this.view.stripCanvas, () => this.#resized());
    this.wanted = scheduler.interest();
    this.stripWanted = scheduler.interest();
    this.prefetched = scheduler.interest();
    scheduler.listen((changed) => this.#arrived(changed));
    this.state.listen((changed) => this.#changed(changed));
    this.pointing = this.#listen();
    this.view.showState();
  }

  get window() {
    return this.state.value.window;
  }

  /** @returns {Selection} Of the active channel. */
  get selection() {
    return this.selections[0];
  }

  /** @returns {Selection[]} Of all channels that are shown, the active one first. */
  get selections() {
    const { channels, trc, seg } = this.state.value;
    return channels.map((ch) => ({ ch, trc, seg }));
  }

  get calibration() {
    return this.dataset.calibration(this.selection);
  }

  get surface() {
    return this.plot.surface;
  }

  /** The level that the active channel is drawn from; -1 for none. */
  get level() {
    return this.plot.active?.level ?? -1;
  }

  get columns() {
    return this.plot.active?.columns ?? null;
  }

  /** @param {number} ch @returns {import('./columns.js').Columns | null} What is drawn of a channel. */
  columnsOf(ch) {
    return this.plot.traces.find((trace) => trace.ch === ch)?.columns ?? null;
  }

  /** Nothing is planned, and no frame is due. */
  get settled() {
    return this.#frame === 0 && this.#planTimer === 0 && this.surface.measured && !this.numbers.coming;
  }

  /** @param {Window} window @param {number} [target]  Where the person aims at, in samples. */
  setWindow(window, target) {
    this.#target = target ?? (window.a + window.b) / 2;
    this.state.set({ window });
  }

  /** @param {number} from @param {number} to  Times. */
  setTimes(from, to) {
    const { start, interval } = this.calibration;
    this.setWindow({ a: (from - start) / interval, b: (to - start) / interval });
  }

  /** @param {Partial<Selection>} change   Of the active channel; choosing another channel shows only that one. */
  select({ ch, ...rest }) {
    if (Object.keys(rest).length > 0) this.state.set(rest);
    if (ch !== undefined) this.#show([ch]);
  }

  /**
   * Show channels. What is seen stays where it is in time, though the clock of another active channel may be another one:
   * whole samples are counted, so that going there and back changes nothing.
   *
   * @param {readonly number[]} channels
   */
  #show(channels) {
    const { window: { a, b }, cursors, lenses, notes } = this.state.value;
    const next = this.dataset.clamp({ ...this.selection, ch: channels[0] });
    const shift = Math.trunc(shifted({ a: 0, b: 0 }, this.dataset, this.selection, next).a);
    if (shift === 0) {
      this.state.set({ channels });
      return;
    }
    const cursor = (/** @type {number | null} */ at) => (at === null || at + shift < 0 || at + shift >= this.dataset.samples ? null : at + shift);
    this.state.set({
      channels, window: { a: a + shift, b: b + shift }, cursors: { x: cursor(cursors.x), y: cursor(cursors.y) },
      lenses: lenses.map((lens) => ({ a: lens.a + shift, b: lens.b + shift })), notes: notes.map(({ at, text }) => ({ at: at + shift, text })),
    });
  }

  /** Show a channel or hide it; the last one stays. @param {number} ch */
  toggleChannel(ch) {
    const { channels } = this.state.value;
    const others = channels.filter((one) => one !== ch);
    if (others.length > 0) this.#show(others.length === channels.length ? [...channels, ch] : others);
  }

  /** Make a channel the one that is measured. @param {number} ch */
  activate(ch) {
    this.#show([ch, ...this.state.value.channels.filter((one) => one !== ch)]);
  }

  /** @param {number} factor @param {number} [anchor]  Share of the width; the pointer or the middle by default. */
  zoom(factor, anchor = this.#hover.anchor) {
    const { a, b } = this.window;
    this.setWindow(zoomWindow(this.window, factor, anchor, this.dataset.samples), a + (b - a) * anchor);
  }

  /** @param {number} share */
  pan(share) {
    this.setWindow(panWindow(this.window, share, this.dataset.samples));
  }

  /** @returns {number} The position under the pointer, else the middle of the view. */
  get aim() {
    const { a, b } = this.window;
    return a + (b - a) * this.#hover.anchor;
  }

  /** Set a cursor where the pointer is. @param {'x' | 'y'} name */
  placeCursor(name) {
    this.state.set({ cursors: { ...this.state.value.cursors, [name]: this.aim } });
  }

  /** The next of what is looked for; what that is must be said first. @param {1 | -1} direction */
  stepFind(direction) {
    if (this.findNext) this.findNext(direction);
    else this.host.openTool('find');
  }

  /** Let go of the pointer, of a question for a place, of the cursors. */
  cancel() {
    if (this.#picked) this.#pick(null);
    else if (this.state.value.cursors.x !== null || this.state.value.cursors.y !== null) this.state.set({ cursors: { x: null, y: null } });
    this.pointing.cancel();
    this.#hover.move(null, 0);
  }

  /**
   * Ask for a place in the plot.
   *
   * @param {string} words   What to press. @returns {Promise<Spot | null>} Null if nobody wanted to.
   */
  pick(words) {
    this.#picked?.(null);
    this.host.say(words);
    this.view.plot.classList.add('picking');
    return new Promise((resolve) => {
      this.#picked = resolve;
    });
  }

  /** @param {Spot | null} spot */
  #pick(spot) {
    this.view.plot.classList.remove('picking');
    this.#picked?.(spot);
    this.#picked = null;
  }

  /** Put something under the plot, or take it away. @param {HTMLElement | null} element @param {string} id */
  dock(element, id) {
    const before = this.view.dock.querySelector(`[data-dock="${id}"]`);
    if (element && element !== before) {
      element.dataset.dock = id;
      this.view.dock.append(element);
    }
    if (before && before !== element) before.remove();
    this.view.dock.hidden = this.view.dock.childElementCount === 0;
  }

  /** Call when the view is planned, so that a lens asks for what it needs. @param {() => void} planner */
  alsoPlan(planner) {
    this.#planners.add(planner);
    return () => void this.#planners.delete(planner);
  }

  /** Draw again, for a new theme or size. */
  refresh() {
    this.#stripDrawn = '';
    this.requestDraw();
  }

  requestDraw() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  /** @param {number | null} position   Of the page's time cursor, in samples. */
  showNow(position) {
    this.now = position;
    this.#placeNow();
  }

  /** Bring a position into the window, if it lies in the record. @param {number} position */
  follow(position) {
    const { a, b } = this.window;
    if (position < -0.5 || position > this.dataset.samples - 0.5 || (position >= a && position <= b)) return;
    this.setWindow({ a: position - (b - a) / 2, b: position + (b - a) / 2 }, position);
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
      hover: (anchor, y) => this.#hover.move(anchor, y),
      press: (anchor, y) => this.#press(anchor, y),
    });
  }

  /** @param {number} anchor @param {number} y   Of a press without a drag. */
  #press(anchor, y) {
    const { a, b } = this.window;
    const position = a + (b - a) * anchor;
    if (this.#picked) {
      const at = y * this.surface.scale;
      const row = this.plot.rowAt(at);
      const values = (this.cover?.axis?.unit ?? this.dataset.valueUnit) === this.dataset.valueUnit; // not numbers of segments
      if (row) this.#pick({ position, value: values ? row.max - ((at - row.top) / row.height) * (row.max - row.min) : NaN, ch: row.ch });
    } else {
      this.showNow(position);
      this.host.time(this.clockOf(position));
    }
  }

  /** @param {number} position @returns {number | null} Unix seconds, where a clock was recorded. */
  clockOf(position) {
    const zero = this.dataset.clockAt(this.selection);
    return zero === null ? null : zero + timeAt(this.calibration, position);
  }

  #windowShares() {
    const { samples } = this.dataset;
    return { from: (this.window.a + 0.5) / samples, to: (this.window.b + 0.5) / samples };
  }

  /** @param {Set<keyof import('./state.js').WaveView>} changed */
  #changed(changed) {
    if (['channels', 'trc', 'seg', 'window', 'layout'].some((key) => changed.has(/** @type {'seg'} */ (key)))) this.#moved();
    this.view.showState();
    this.requestDraw();
    this.host.changed();
  }

  #moved() {
    if (this.surface.measured) this.#opening = false;
    this.scheduler.beginStep();
    const wait = this.#lastPlan + PLAN_INTERVAL - performance.now();
    if (wait <= 0) this.#plan();
    else this.#planTimer ||= window.setTimeout(() => this.#plan(), wait);
  }

  #resized() {
    this.#stripDrawn = '';
    this.draw();
    this.#plan();
  }

  /** What only a tool has read changes nothing here. @param {import('../fetch/scheduler.js').Changed} changed */
  #arrived(changed) {
    if (![this.wanted, this.stripWanted, this.prefetched].some((interest) => interest.concerns(changed))) return;
    this.#plan();
    this.requestDraw();
  }

  /** Something that will be drawn is still on its way. */
  get #waits() {
    return this.wanted.waits || this.stripWanted.waits;
  }

  /** State what is needed now; the scheduler drops the rest. */
  #plan() {
    clearTimeout(this.#planTimer);
    this.#planTimer = 0;
    if (!this.surface.measured || !this.strip.measured) return;
    this.#lastPlan = performance.now();
    const { selections, supply } = this;
    const { width } = this.surface;
    const whole = wholeRecord(this.dataset.samples);
    this.stripWanted.set(supply.needs(whole, this.strip.width, selections[0], 0));
    this.wanted.set(selections.flatMap((selection, i) => supply.needs(shifted(this.window, this.dataset, selections[0], selection), width, selection, 1 + i / 100)));
    for (const planner of this.#planners) planner();
    const level = supply.level(this.window, width, selections[0]);
    if (!this.#waits) this.prefetched.set(level < 0 ? [] : supply.prefetch(level, this.#target, width, selections[0], this.#opening));
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.surface.measured) return;
    const start = performance.now();
    this.plot.lay(this.window, this.selections, this.state.value.layout);
    this.plot.draw(this.marks.values(), this.cover);
    this.#drawStrip();
    this.#describe();
    // What long reads of tools have pushed out of memory is fetched again.
    if (!this.#waits && this.#planTimer === 0 && !this.plot.traces.every(({ columns }) => columns?.complete)) this.#plan();
    this.drawMs = performance.now() - start;
    this.host.drawn();
  }

  #drawStrip() {
    const { strip, view, supply, selection } = this;
    const { from, to } = this.#windowShares();
    view.stripWindow.style.left = `${(from * 100).toFixed(6)}%`;
    view.stripWindow.style.width = `${((to - from) * 100).toFixed(6)}%`;
    const whole = wholeRecord(this.dataset.samples);
    const level = supply.level(whole, strip.width, selection);
    const { ch, trc, seg } = selection;
    const drawn = `${ch} ${trc} ${seg} ${level}`;
    if (!strip.measured || level < 0 || this.#stripDrawn === drawn) return;
    const traces = gatherTraces(this, whole, [selection], strip.width);
    const range = rangeOf(this.dataset, traces);
    strip.clear();
    if (range) {
      const { context, scale } = strip;
      const style = getComputedStyle(this.element);
      const css = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
      drawTraces({ context, scale, css }, this.dataset, { traces, ch, top: 3 * scale, height: strip.height - 6 * scale, ...range }, false);
    }
    if (traces[0].columns?.complete) this.#stripDrawn = drawn;
  }

  /** Words and numbers for what the canvas shows. */
  #describe() {
    const { view, dataset, selections, calibration, window, plot } = this;
    const factor = this.level < 0 ? 0 : dataset.levels[this.level].factor;
    const level = levelText(factor, this.#state());
    setText(view.caption, captionText(dataset, selections, calibration));
    setText(view.summary, summaryText(dataset, calibration, window));
    view.showClipped(plot.traces);
    if (plot.traces.some(({ columns }) => columns?.complete)) requestAnimationFrame(() => this.numbers.get()); // the picture first
    showRows(view.values, this.numbers.here?.valueRows({ dataset, traces: plot.traces, calibration, window, level }) ?? []);
    view.canvas.setAttribute('aria-label', `Waveform, ${summaryText(dataset, calibration, window)}; numbers in the table below`);
    const holes = plot.traces.some(({ columns }) => columns?.holes) && !this.#waits && this.scheduler.failures.size === 0;
    const tooWide = this.level < 0 || holes;
    view.note.hidden = !tooWide || this.cover !== null;
    if (tooWide) setText(view.note, 'Part of this stretch is in no overview of this store. Zoom in to see its samples.');
    this.#hover.show();
    this.#placeNow();
  }

  /** @param {number} from @param {number} to  Shares of the width. */
  #mark(from, to) {
    const { mark } = this.view;
    mark.hidden = from === to;
    mark.style.left = `${Math.min(from, to) * 100}%`;
    mark.style.width = `${Math.abs(to - from) * 100}%`;
  }

  #placeNow() {
    const { now, window: { a, b }, view } = this;
    view.now.hidden = now === null || now < a || now > b;
    if (now !== null) view.now.style.left = `${((now - a) / (b - a)) * 100}%`;
  }

  /** @returns {string} What the picture is drawn from. */
  levelText() {
    if (this.level < 0) return 'too much to draw';
    const { factor } = this.dataset.levels[this.level];
    const wide = factor / ((this.window.b - this.window.a) / this.surface.width);
    return levelText(factor, this.#state()) + (factor > 1 && wide > 1 ? ` · a bin is ${wide.toFixed(1)} pixels wide` : '');
  }

  #state() {
    if (this.#waits) return 'loading';
    return this.plot.traces.every(({ columns }) => columns?.complete) ? 'whole' : 'partial';
  }

  /** @returns {string} The view in words, for screen readers. */
  spoken() {
    const { dataset, selections, calibration } = this;
    return `${captionText(dataset, selections, calibration)} ${summaryText(dataset, calibration, this.window)}`.trim();
  }
}
