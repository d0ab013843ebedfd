// @ts-check
import { h } from '../../frame/dom.js';
import { positionText, timeText } from './readings.js';

/**
 * The two cursors in the plot: lines with a name, which can be dragged and moved with the arrow keys.
 *
 * Lines and tags are drawn on the canvas, so that a saved picture has them; over each tag lies one of its like that takes the
 * pointer and the keys.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../types.js').Paint} Paint
 * @typedef {'x' | 'y'} CursorName
 */

const NAMES = /** @type {const} */ (['x', 'y']);
const TAG = { width: 20, height: 19 }; // CSS pixels, as in measure.css
const DISTANCE = 46; // CSS pixels from the bottom, above what the plot says there
const LOWEST = 170; // CSS pixels that a plot must be high for the distance to be written into it
const FAR = 10; // steps that Shift makes of one
/** Steps of the arrow keys: pixels, or samples where these are wider. @type {Readonly<Record<string, number>>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export class Cursors {
  /** @param {WavePanel} panel @param {(name: CursorName, ch: number) => number | null} valueAt   The value there, once it is known. */
  constructor(panel, valueAt) {
    this.panel = panel;
    this.valueAt = valueAt;
    this.handles = { x: this.#handle('x'), y: this.#handle('y') };
    panel.view.plot.append(this.handles.x, this.handles.y);
    panel.marks.set('cursors', { draw: (paint) => this.#draw(paint) });
    toFront(panel, 'notes');
    panel.requestDraw();
  }

  /** Bring the handles to where the cursors are. */
  update() {
    const { panel } = this;
    const { cursors, window: { a, b } } = panel.state.value;
    for (const name of NAMES) {
      const [at, handle] = [cursors[name], this.handles[name]];
      const gone = at === null || at < a || at > b;
      // A handle that loses its place by its own keys must not lose the keys: they go to the plot.
      if (gone && document.activeElement === handle) panel.view.canvas.focus();
      handle.hidden = gone;
      if (gone) continue;
      handle.style.left = `${((at - a) / (b - a)) * 100}%`;
      handle.setAttribute('aria-valuenow', String(at));
      handle.setAttribute('aria-valuetext', positionText(panel.calibration, at, panel.dataset.timeUnit));
    }
  }

  /** @param {CursorName} name @param {number | null} at   In samples; null takes it away. */
  move(name, at) {
    this.panel.state.set({ cursors: { ...this.panel.state.value.cursors, [name]: at } });
  }

  /** @param {CursorName} name @returns {HTMLElement} */
  #handle(name) {
    const label = name.toUpperCase();
    const handle = h('button', {
      type: 'button', class: 'cursor-handle', role: 'slider', hidden: true, 'aria-label': `Cursor ${label}`, 'aria-valuemin': 0, 'aria-valuemax': this.panel.dataset.samples - 1,
      title: `Cursor ${label}: drag it, or use the arrow keys (Shift ten pixels, Alt one sample, Delete takes it away)`,
    }, h('span', { class: 'cursor-tag' }, label));
    let held = false;
    handle.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      held = true;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener('pointermove', (event) => {
      if (held) this.move(name, this.#positionAt(event.clientX));
    });
    const release = () => {
      held = false;
    };
    handle.addEventListener('pointerup', release);
    handle.addEventListener('pointercancel', release);
    handle.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.panel.view.canvas.dispatchEvent(new WheelEvent('wheel', event)); // the wheel zooms here as everywhere
    }, { passive: false });
    handle.addEventListener('keydown', (event) => this.#key(name, event));
    return handle;
  }

  /** @param {CursorName} name @param {KeyboardEvent} event */
  #key(name, event) {
    const at = this.panel.state.value.cursors[name];
    if (at === null || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Delete' || event.key === 'Backspace') {
      this.move(name, null);
    } else if (event.key in STEPS) {
      const { a, b } = this.panel.window;
      const pixel = (b - a) / Math.max(1, this.panel.view.canvas.clientWidth);
      const step = event.altKey ? 1 : Math.max(1, Math.round(pixel)) * (event.shiftKey ? FAR : 1);
      this.move(name, at + STEPS[event.key] * step);
      this.#follow(name);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Keep a cursor that is moved with keys in view. @param {CursorName} name */
  #follow(name) {
    const at = this.panel.state.value.cursors[name];
    const { a, b } = this.panel.window;
    if (at === null || (at >= a && at <= b)) return;
    const shift = at < a ? at - a - (b - a) / FAR : at - b + (b - a) / FAR;
    this.panel.setWindow({ a: a + shift, b: b + shift });
    this.handles[name].focus();
  }

  /** @param {number} clientX @returns {number} The nearest sample. */
  #positionAt(clientX) {
    const box = this.panel.view.canvas.getBoundingClientRect();
    const { a, b } = this.panel.window;
    return Math.round(a + (b - a) * Math.max(0, Math.min(1, (clientX - box.left) / box.width)));
  }

  /** @param {Paint} paint */
  #draw(paint) {
    const { cursors } = this.panel.state.value;
    const { context, height, scale } = paint;
    const colour = paint.css('--text');
    context.save();
    if (cursors.x !== null && cursors.y !== null) this.#drawDistance(paint, cursors.x, cursors.y);
    for (const name of NAMES) {
      const at = cursors[name];
      if (at === null) continue;
      const x = Math.round(paint.x(at));
      if (x < -TAG.width * scale || x > paint.width + TAG.width * scale) continue;
      context.fillStyle = colour;
      // Solid and dashed, so that the two are told apart also without their names.
      const dash = (name === 'x' ? height : 7) * scale;
      const wide = Math.max(1, Math.round(scale));
      for (let y = 0; y < height; y += name === 'x' ? height : dash * 1.7) context.fillRect(x - Math.floor(wide / 2), y, wide, Math.min(dash, height - y));
      this.#drawTag(paint, name, x);
      this.#drawValues(paint, name, x);
    }
    context.restore();
  }

  /** @param {Paint} paint @param {CursorName} name @param {number} x */
  #drawTag({ context, scale, css }, name, x) {
    const [width, height] = [TAG.width * scale, TAG.height * scale];
    context.beginPath();
    context.roundRect(x - width / 2, 0, width, height, [0, 0, 5 * scale, 5 * scale]);
    context.fillStyle = css('--text');
    context.fill();
    context.fillStyle = css('--surface');
    context.font = `650 ${12 * scale}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(name.toUpperCase(), x, height / 2 + scale / 2);
  }

  /** A ring around the sample of each channel. @param {Paint} paint @param {CursorName} name @param {number} x */
  #drawValues(paint, name, x) {
    if (this.panel.cover) return;
    const { context, scale } = paint;
    for (const { ch } of this.panel.selections) {
      const value = this.valueAt(name, ch);
      if (value === null || !Number.isFinite(value)) continue;
      context.beginPath();
      context.arc(x, paint.y(value, ch), 4 * scale, 0, 2 * Math.PI);
      context.fillStyle = paint.css('--surface');
      context.strokeStyle = paint.css(`--trace-${ch % 6}`);
      context.lineWidth = 2 * scale;
      context.fill();
      context.stroke();
    }
  }

  /** The distance in words between the two lines, where there is room. @param {Paint} paint @param {number} from @param {number} to */
  #drawDistance(paint, from, to) {
    const { context, scale, height } = paint;
    if (height < LOWEST * scale) return;
    const { interval } = this.panel.calibration;
    const text = `\u0394 ${timeText(Math.abs(to - from) * interval, interval, this.panel.dataset.timeUnit)}`;
    const [left, right] = [paint.x(Math.min(from, to)), paint.x(Math.max(from, to))];
    context.font = `${12 * scale}px system-ui, sans-serif`;
    const wide = context.measureText(text).width + 16 * scale;
    const middle = (Math.max(0, left) + Math.min(paint.width, right)) / 2;
    if (right < 0 || left > paint.width || right - left < wide + 12 * scale || Math.min(paint.width, right) - Math.max(0, left) < wide) return;
    const y = height - DISTANCE * scale;
    context.strokeStyle = context.fillStyle = paint.css('--text');
    context.lineWidth = Math.max(1, Math.round(scale));
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(right, y);
    for (const [x, way] of [[left, 1], [right, -1]]) {
      context.moveTo(x + 6 * way * scale, y - 4 * scale);
      context.lineTo(x, y);
      context.lineTo(x + 6 * way * scale, y + 4 * scale);
    }
    context.stroke();
    context.fillStyle = paint.css('--surface');
    context.fillRect(middle - wide / 2, y - 10 * scale, wide, 20 * scale);
    context.fillStyle = paint.css('--text');
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(text, middle, y + scale / 2);
  }
}

/** Draw a mark after all others. @param {WavePanel} panel @param {string} name */
export function toFront({ marks }, name) {
  const mark = marks.get(name);
  if (mark && marks.delete(name)) marks.set(name, mark);
}
