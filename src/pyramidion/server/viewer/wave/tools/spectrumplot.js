// @ts-check
import { h, icon, setText } from '../../frame/dom.js';
import { formatSi, formatTo, scaled } from '../../frame/si.js';
import { Surface } from '../../frame/surface.js';
import { drawGrid } from '../draw.js';
import { listenPlot } from '../interaction.js';
import { binAt, shareOf, shownAt, spectrumColumns } from '../spectra.js';
import { showTicks } from '../view.js';
import { frequencyTicks, heightRange, heightTicks, tenTo } from './spectrumaxes.js';

/**
 * The plot of spectra under the waveform: frequency to the right, what is wanted of each line upwards.
 *
 * @typedef {import('../spectra.js').Spectrum} Spectrum
 * @typedef {import('../spectra.js').Kind} Kind
 *
 * @typedef {object} Curve
 * @property {number} ch
 * @property {string} name
 * @property {Spectrum} spectrum
 * @property {number} rate     Samples per unit of time.
 * @property {Float64Array} heights   Where each bin is drawn: values, decibels or powers of ten.
 *
 * @typedef {object} Scene
 * @property {readonly Curve[]} curves   The active channel's first.
 * @property {Kind} kind
 * @property {boolean} log               Frequencies on a logarithmic axis.
 * @property {string} unit               Of what is drawn upwards.
 * @property {string} frequencyUnit
 * @property {readonly {frequency: number, height: number}[]} lines   To be pointed out, the first as 1.
 * @property {string} caption
 * @property {boolean} stale             They belong to another window.
 */

const ZOOM = 2;
const FEWEST = 4; // bins between the left and the right edge
const REACH = 4; // CSS pixels from the pointer

export class SpectrumPlot {
  /** Frequencies at the edges; null for all. @type {{from: number, to: number} | null} */ zoomed = null;
  /** @type {Scene | null} */ scene = null;

  #frame = 0;
  /** @type {{anchor: number, y: number} | null} */ #pointer = null;
  #range = { min: 0, max: 1 };

  /**
   * @param {() => HTMLElement} styled   Whose colours are used.
   * @param {() => void} moved   Other frequencies are seen.
   */
  constructor(styled, moved) {
    this.styled = styled;
    this.moved = moved;
    this.canvas = h('canvas', { class: 'spectrum-canvas', role: 'img', tabindex: '0', 'aria-label': 'Spectrum; its highest lines are listed beside it' });
    this.xAxis = h('div', { class: 'x-axis', 'aria-hidden': 'true' });
    this.yAxis = h('div', { class: 'y-axis', 'aria-hidden': 'true' });
    this.caption = h('p', { class: 'caption' });
    this.readout = h('div', { class: 'readout', hidden: true });
    this.cursor = h('div', { class: 'cursor', hidden: true });
    this.mark = h('div', { class: 'mark', hidden: true });
    this.note = h('p', { class: 'note', role: 'status', hidden: true });
    const button = (/** @type {string} */ label, /** @type {import('../../frame/dom.js').IconName} */ picture, /** @type {() => void} */ run) =>
      h('button', { type: 'button', class: 'button', 'aria-label': label, title: label, onclick: run }, icon(picture));
    this.element = h(
      'section', { class: 'spectrum', 'aria-label': 'Spectrum plot' }, this.yAxis,
      h('div', { class: 'spectrum-plot' }, this.canvas, h('div', { class: 'labels' }, this.caption), this.cursor, this.mark, this.readout, this.note,
        h('div', { class: 'spectrum-buttons' },
          button('Fewer frequencies', 'plus', () => this.#zoom(1 / ZOOM, 0.5)), button('More frequencies', 'minus', () => this.#zoom(ZOOM, 0.5)),
          button('All frequencies', 'fit', () => this.#show(null)))),
      this.xAxis,
    );
    this.surface = new Surface(this.canvas, () => this.draw());
    listenPlot(this.canvas, {
      zoom: (factor, anchor) => this.#zoom(factor, anchor),
      pan: (share) => this.#pan(share),
      select: (from, to) => this.#show({ from: this.#frequencyAt(from), to: this.#frequencyAt(to) }),
      marking: (from, to) => this.#mark(from, to),
      hover: (anchor, y) => {
        this.#pointer = anchor === null ? null : { anchor, y };
        this.#point();
      },
      press: () => {},
    });
  }

  /** @param {Scene | null} scene @param {string} note   In place of a picture, or '' */
  show(scene, note) {
    this.scene = scene;
    this.note.hidden = note === '';
    setText(this.note, note);
    this.element.classList.toggle('stale', scene?.stale ?? false);
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  /** All frequencies there are. */
  get #all() {
    const curves = this.scene?.curves ?? [];
    const to = Math.max(...curves.map(({ rate }) => rate / 2));
    const first = Math.min(...curves.map(({ rate, spectrum }) => rate / spectrum.length));
    return { from: this.scene?.log ? first : 0, to: to > first ? to : first * 2 };
  }

  /** The frequencies that are seen. */
  get span() {
    const all = this.#all;
    const { from, to } = this.zoomed ?? all;
    const span = { from: Math.max(all.from, from), to: Math.min(all.to, to) };
    return span.to > span.from ? span : all;
  }

  /** @param {number} share @returns {number} */
  #frequencyAt(share) {
    return binAt({ ...this.span, log: this.scene?.log ?? false }, share);
  }

  /** @param {number} factor @param {number} anchor */
  #zoom(factor, anchor) {
    if (!this.scene?.curves.length) return;
    this.#show({ from: this.#frequencyAt(anchor - anchor * factor), to: this.#frequencyAt(anchor + (1 - anchor) * factor) });
  }

  /** @param {number} share */
  #pan(share) {
    const all = this.#all;
    if (!this.scene?.curves.length) return;
    const [from, to] = [this.#frequencyAt(share), this.#frequencyAt(1 + share)];
    if (from >= all.from * 0.999 && to <= all.to * 1.001) this.#show({ from, to });
  }

  /** @param {{from: number, to: number} | null} span */
  #show(span) {
    const { curves } = this.scene ?? { curves: [] };
    const all = this.#all;
    const least = FEWEST * Math.min(...curves.map(({ rate, spectrum }) => rate / spectrum.length));
    if (span && span.to - span.from < least) return;
    this.zoomed = !span || (span.from <= all.from && span.to >= all.to) ? null : span;
    this.#frame ||= requestAnimationFrame(() => this.draw());
    this.moved();
  }

  /** @param {number} from @param {number} to   Shares of the width. */
  #mark(from, to) {
    this.mark.hidden = from === to;
    this.mark.style.left = `${Math.min(from, to) * 100}%`;
    this.mark.style.width = `${Math.abs(to - from) * 100}%`;
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { surface, scene } = this;
    if (!surface.measured) return;
    surface.clear();
    setText(this.caption, scene?.caption ?? '');
    this.caption.hidden = !scene;
    if (!scene || scene.curves.length === 0) {
      showTicks(this.xAxis, [], 'left', '', 0);
      showTicks(this.yAxis, [], 'top', '', 0);
      return;
    }
    const columns = scene.curves.map((curve) => this.#columns(curve, scene.log));
    this.#range = heightRange(scene.kind, columns.flatMap(({ hi }) => [...hi]), columns.flatMap(({ lo }) => [...lo]));
    this.#drawAxes(scene);
    const css = getComputedStyle(this.styled());
    for (let i = scene.curves.length - 1; i >= 0; i--) this.#drawCurve(scene.curves[i], columns[i], css.getPropertyValue(`--trace-${scene.curves[i].ch % 6}`).trim());
    this.#drawLines(scene, css.getPropertyValue('--text').trim());
    if (scene.curves.length > 1) this.#drawNames(scene.curves, css);
    this.#point();
  }

  /** @param {Curve} curve @param {boolean} log */
  #columns({ spectrum, rate, heights }, log) {
    const { from, to } = this.span;
    const unit = rate / spectrum.length;
    const bins = { from: from / unit, to: to / unit, log };
    return { ...spectrumColumns(heights, this.surface.width, bins), bins };
  }

  /** @param {number} height @returns {number} Device pixels from the top. */
  #vertical(height) {
    const { min, max } = this.#range;
    const y = ((max - height) / (max - min)) * this.surface.height;
    return y < 1e5 ? y : 1e5; // minus infinity decibels: below
  }

  /** @param {Scene} scene */
  #drawAxes({ kind, log, unit, frequencyUnit }) {
    const { surface } = this;
    const { scale } = surface;
    const [width, height] = [surface.width / scale, surface.height / scale];
    const span = { ...this.span, log };
    const across = frequencyTicks(span.from, span.to, log, Math.max(2, width / 110), frequencyUnit);
    const up = heightTicks(kind, this.#range, Math.max(2, height / 42), unit);
    const xs = across.ticks.map(({ value }) => shareOf(span, value) * width);
    const ys = up.ticks.map(({ value }) => this.#vertical(value) / scale);
    const colour = getComputedStyle(this.styled()).getPropertyValue('--grid').trim();
    drawGrid(surface.context, xs.map((x) => x * scale), ys.map((y) => y * scale), { colour, scale, top: 0, height: surface.height });
    showTicks(this.xAxis, across.ticks.map(({ label }, i) => ({ at: xs[i], label })), 'left', across.unit, width);
    showTicks(this.yAxis, up.ticks.map(({ label }, i) => ({ at: ys[i], label })), 'top', up.unit, height);
  }

  /**
   * A line from bin to bin where there are fewer than pixels, else the smallest and largest of each column.
   *
   * @param {Curve} curve @param {{lo: Float64Array, hi: Float64Array, bins: {from: number, to: number, log: boolean}}} columns
   * @param {string} colour
   */
  #drawCurve({ heights }, { lo, hi, bins }, colour) {
    const { context, width, scale } = this.surface;
    context.beginPath();
    if (bins.to - bins.from < width / 2) {
      const last = Math.min(heights.length - 1, Math.ceil(bins.to));
      for (let k = Math.max(bins.log ? 1 : 0, Math.floor(bins.from)); k <= last; k++) context.lineTo(shareOf(bins, k) * width, this.#vertical(heights[k]));
    } else {
      for (let x = 0; x < width; x++) {
        if (!(lo[x] <= hi[x])) continue;
        context.lineTo(x + 0.5, this.#vertical(hi[x]));
        if (lo[x] !== hi[x]) context.lineTo(x + 0.5, this.#vertical(lo[x]));
      }
    }
    context.lineWidth = Math.max(1, 1.25 * scale);
    context.lineJoin = 'round';
    context.strokeStyle = colour;
    context.stroke();
  }

  /** Numbers over the lines of the list, so that each is found in the plot. @param {Scene} scene @param {string} colour */
  #drawLines({ lines, log, stale }, colour) {
    const { context, width, scale } = this.surface;
    const span = { ...this.span, log };
    if (stale) return;
    context.font = `600 ${11 * scale}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'bottom';
    context.fillStyle = colour;
    lines.forEach(({ frequency, height }, i) => {
      const x = shareOf(span, frequency) * width;
      if (x < 0 || x > width) return;
      context.fillText(String(i + 1), x, Math.max(13 * scale, this.#vertical(height) - 3 * scale));
    });
  }

  /** Which line is whose. @param {readonly Curve[]} curves @param {CSSStyleDeclaration} css */
  #drawNames(curves, css) {
    const { context, width, scale } = this.surface;
    context.font = `600 ${12 * scale}px system-ui, sans-serif`;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    curves.forEach(({ ch, name }, i) => {
      const y = (46 + 18 * i) * scale;
      const wide = context.measureText(name).width;
      context.globalAlpha = 0.85;
      context.fillStyle = css.getPropertyValue('--surface').trim();
      context.fillRect(width - wide - 36 * scale, y - 9 * scale, wide + 32 * scale, 18 * scale);
      context.globalAlpha = 1;
      context.fillStyle = css.getPropertyValue(`--trace-${ch % 6}`).trim();
      context.fillRect(width - wide - 31 * scale, y - 1.5 * scale, 16 * scale, 3 * scale);
      context.fillText(name, width - 9 * scale, y);
    });
  }

  /** What lies under the pointer: the highest bin within a few pixels, of each curve. */
  #point() {
    const { scene, surface, readout, cursor } = this;
    const pointer = this.#pointer;
    const found = pointer && scene ? scene.curves.map((curve) => this.#nearest(curve, pointer.anchor, scene)) : [];
    readout.hidden = cursor.hidden = found.length === 0 || surface.width === 0;
    if (!pointer || !scene || found.length === 0) return;
    const many = found.length > 1;
    setText(readout, found.map(({ text, name }) => (many ? `${name}   ${text}` : text)).join('\n'));
    readout.classList.toggle('on-left', pointer.anchor > 0.5);
    readout.style.left = cursor.style.left = `${Math.max(0, Math.min(1, found[0].share)) * 100}%`;
    readout.style.top = `${Math.max(40, pointer.y)}px`;
  }

  /** @param {Curve} curve @param {number} anchor @param {Scene} scene */
  #nearest({ spectrum, rate, heights, name }, anchor, { kind, log, unit, frequencyUnit }) {
    const step = rate / spectrum.length;
    const bins = { from: this.span.from / step, to: this.span.to / step, log };
    const near = (REACH * this.surface.scale) / this.surface.width;
    const first = Math.max(0, Math.ceil(binAt(bins, anchor - near)));
    const last = Math.min(heights.length - 1, Math.floor(binAt(bins, anchor + near)));
    let best = Math.max(0, Math.min(heights.length - 1, Math.round(binAt(bins, anchor))));
    for (let k = first; k <= last; k++) if (heights[k] > heights[best]) best = k;
    const text = `${formatTo(best * step, step / 10, frequencyUnit)}   ${valueText(kind, shownAt(kind, spectrum, best, rate), unit)}`;
    return { name, text, share: shareOf(bins, best) };
  }
}

/**
 * A value of a spectrum with its unit.
 *
 * @param {Kind} kind @param {number} value @param {string} unit @returns {string}
 */
export function valueText(kind, value, unit) {
  if (kind === 'decibel') return Number.isFinite(value) ? `${scaled(value, 0, 2)} dB` : 'nothing';
  if (kind === 'density') return `${value.toExponential(2).replace(/e(.*)$/, (_, power) => `×${tenTo(Number(power))}`)} ${unit}`;
  return formatSi(value, unit, 5);
}
