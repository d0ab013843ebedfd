// @ts-check
import { h, icon, setText } from '../../frame/dom.js';
import { loadStyle } from '../../frame/style.js';
import { listenPlot } from '../interaction.js';
import { Plot, shifted } from '../plot.js';
import { summaryText } from '../texts.js';
import { clampWindow, panWindow, zoomWindow } from '../window.js';

/**
 * Lenses: further windows of the same record under the plot, each with its own zoom, and a coloured band in the plot
 * that shows where it looks. A lens may lie in another one, which makes a cascade from the whole down to single samples.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../window.js').Window} Window
 */

const NARROWER = 10; // a new lens shows so much less than the one before
const COLOURS = ['--lens-0', '--lens-1', '--lens-2', '--lens-3'];

/** @param {WavePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>} */
export async function openTool(panel) {
  await loadStyle(new URL('./lenses.css', import.meta.url).href);
  return new Lenses(panel);
}

/** All lenses of a panel. */
class Lenses {
  /** @type {Lens[]} */ lenses = [];

  /** @param {WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.list = h('ul', { class: 'lens-list' });
    this.none = h('p', {}, 'A lens is a second, closer look under the plot. Drag its band, or zoom and move in it.');
    this.element = h(
      'div', { class: 'lenses-tool' },
      h('div', { class: 'tool-row' }, h('button', { type: 'button', class: 'plain', onclick: () => this.#add() }, 'Add a lens')),
      this.none, this.list,
    );
    panel.marks.set('lenses', { draw: (paint) => this.#drawBands(paint) });
    panel.alsoPlan(() => this.lenses.forEach((lens) => lens.plan()));
  }

  shown() {
    if (this.panel.state.value.lenses.length === 0) this.#add();
  }

  hidden() {
    // Lenses are part of the view: they stay.
  }

  /** Each lens lies in the middle of the one before, the first in that of the view. */
  #add() {
    const { lenses, window } = this.panel.state.value;
    const { a, b } = lenses.at(-1) ?? window;
    const half = (b - a) / NARROWER / 2;
    const middle = (a + b) / 2;
    this.panel.state.set({ lenses: [...lenses, { a: middle - half, b: middle + half }] });
  }

  /** @param {number} index @param {Window | null} window   Null takes it away. */
  change(index, window) {
    const lenses = [...this.panel.state.value.lenses];
    lenses.splice(index, 1, ...(window ? [window] : []));
    this.panel.state.set({ lenses });
  }

  update() {
    const { lenses } = this.panel.state.value;
    this.none.hidden = lenses.length > 0;
    const before = this.lenses.length;
    while (this.lenses.length > lenses.length) this.lenses.pop()?.end();
    while (this.lenses.length < lenses.length) this.lenses.push(new Lens(this, this.lenses.length));
    while (this.list.childElementCount > lenses.length) this.list.lastElementChild?.remove();
    while (this.list.childElementCount < lenses.length) this.list.append(this.#row(this.list.childElementCount));
    lenses.forEach((window, i) => {
      this.lenses[i].requestDraw();
      setText(this.list.children[i].children[1], summaryText(this.panel.dataset, this.panel.calibration, window));
    });
    if (lenses.length !== before) this.panel.requestDraw(); // for the grips
  }

  /** @param {number} index */
  #row(index) {
    return h(
      'li', {},
      h('span', { class: `swatch lens-${index}`, 'aria-hidden': 'true' }),
      h('span', { class: 'lens-size' }),
      h('button', { type: 'button', class: 'plain', onclick: () => this.panel.setWindow(this.panel.state.value.lenses[index]) }, 'Show'),
      h('button', { type: 'button', class: 'button', 'aria-label': `Remove lens ${index + 1}`, onclick: () => this.#remove(index) }, icon('close')),
    );
  }

  /** The focus stays in the list, so that one can go on with the keys. @param {number} index */
  #remove(index) {
    this.change(index, null);
    this.update();
    const row = this.list.children[Math.min(index, this.list.childElementCount - 1)];
    /** @type {HTMLElement | null} */ (row?.lastElementChild ?? this.element.querySelector('button'))?.focus();
  }

  /** @param {import('../types.js').Paint} paint */
  #drawBands({ context, height, scale, x, css }) {
    this.panel.state.value.lenses.forEach(({ a, b }, i) => {
      band(context, x(a), x(b), height, scale, css(COLOURS[i]));
      this.lenses[i]?.placeGrip(x(a) / scale, x(b) / scale);
    });
  }

  get settled() {
    return this.lenses.every(({ settled }) => settled);
  }

  stats() {
    return { lenses: this.lenses.map(({ plot }) => ({ complete: plot.active?.columns?.complete ?? false, width: plot.surface.width, window: plot.window })) };
  }
}

/** One lens: a plot in the dock with its own window. */
class Lens {
  #frame = 0;

  /** @param {Lenses} owner @param {number} index */
  constructor(owner, index) {
    const { panel } = owner;
    this.owner = owner;
    this.index = index;
    this.panel = panel;
    const canvas = h('canvas', { class: 'lens-trace', role: 'img', tabindex: '0', 'aria-label': `Lens ${index + 1}` });
    const parts = { canvas, xAxis: h('div', { class: 'x-axis', 'aria-hidden': 'true' }), yAxis: h('div', { class: 'y-axis', 'aria-hidden': 'true' }) };
    this.element = h('section', { class: `lens figure lens-${index}`, 'aria-label': `Lens ${index + 1}` },
      parts.yAxis, h('div', { class: 'plot' }, canvas), parts.xAxis);
    this.plot = new Plot(panel, parts, () => {
      this.draw();
      this.plan();
    });
    this.wanted = panel.scheduler.interest();
    this.unlisten = panel.scheduler.listen((changed) => this.wanted.concerns(changed) && this.#arrived());
    listenPlot(canvas, {
      zoom: (factor, anchor) => this.#move((window, samples) => zoomWindow(window, factor, anchor, samples)),
      pan: (share) => this.#move((window, samples) => panWindow(window, share, samples)),
      select: (from, to) => this.#move(({ a, b }, samples) => clampWindow({ a: a + (b - a) * from, b: a + (b - a) * to }, samples)),
      marking() {}, hover() {}, press() {},
    });
    canvas.addEventListener('keydown', (event) => this.#key(event));
    panel.dock(this.element, `lens-${index}`);
    this.grip = h('div', { class: `lens-grip lens-${index}`, title: `Lens ${index + 1}: drag it` });
    this.#listenGrip();
    panel.view.plot.append(this.grip);
  }

  #listenGrip() {
    const { grip, panel } = this;
    /** @type {number | null} */ let last = null;
    grip.addEventListener('pointerdown', (event) => {
      grip.setPointerCapture(event.pointerId);
      last = event.clientX;
      event.preventDefault();
    });
    grip.addEventListener('pointermove', (event) => {
      if (last === null) return;
      const { a, b } = panel.window;
      const by = ((event.clientX - last) / panel.view.plot.clientWidth) * (b - a);
      last = event.clientX;
      this.#move((window, samples) => clampWindow({ a: window.a + by, b: window.b + by }, samples));
    });
    for (const end of ['pointerup', 'pointercancel']) grip.addEventListener(end, () => {
      last = null;
    });
  }

  /** @param {number} left @param {number} right   CSS pixels in the plot. */
  placeGrip(left, right) {
    const width = Math.max(14, right - left);
    this.grip.style.left = `${(left + right - width) / 2}px`;
    this.grip.style.width = `${width}px`;
  }

  /** No frame is due. */
  get settled() {
    return this.#frame === 0;
  }

  get window() {
    return this.panel.state.value.lenses[this.index];
  }

  /** @param {(window: Window, samples: number) => Window} move */
  #move(move) {
    this.owner.change(this.index, move(this.window, this.panel.dataset.samples));
  }

  /** The keys of the plot, for the lens that has the focus. @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const far = event.shiftKey ? 10 : 1;
    const pan = /** @type {Record<string, number>} */ ({ a: -0.1, arrowleft: -0.1, d: 0.1, arrowright: 0.1 })[key];
    const zoom = /** @type {Record<string, number>} */ ({ w: 0.5, arrowup: 0.5, '+': 0.5, s: 2, arrowdown: 2, '-': 2 })[key];
    if (!pan && !zoom) return;
    event.preventDefault();
    event.stopPropagation();
    this.#move((window, samples) => (pan ? panWindow(window, pan * far, samples) : zoomWindow(window, zoom, 0.5, samples)));
  }

  plan() {
    const { panel, window } = this;
    const [active] = panel.selections;
    const { width } = this.plot.surface;
    if (!window || !this.plot.surface.measured) return;
    this.wanted.set(panel.selections.flatMap((selection) => panel.supply.needs(shifted(window, panel.dataset, active, selection), width, selection, 2)));
  }

  #arrived() {
    this.plan();
    this.requestDraw();
  }

  requestDraw() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    const { panel, plot, window } = this;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!window || !plot.surface.measured) return;
    plot.lay(window, panel.selections, panel.state.value.layout);
    const inner = panel.state.value.lenses.map((lens, i) => ({ lens, i })).filter(({ i }) => i !== this.index);
    plot.draw([{ draw: ({ context, height, scale, x, css }) => inner.forEach(({ lens: { a, b }, i }) => band(context, x(a), x(b), height, scale, css(COLOURS[i]))) }], null);
  }

  end() {
    cancelAnimationFrame(this.#frame);
    this.unlisten();
    this.wanted.set([]);
    this.grip.remove();
    this.panel.dock(null, `lens-${this.index}`);
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {number} left @param {number} right @param {number} height @param {number} scale @param {string} colour
 */
function band(context, left, right, height, scale, colour) {
  const width = Math.max(2 * scale, right - left);
  context.fillStyle = colour;
  context.globalAlpha = 0.14;
  context.fillRect(left, 0, width, height);
  context.globalAlpha = 1;
  context.fillRect(left, 0, scale, height);
  context.fillRect(left + width - scale, 0, scale, height);
}
