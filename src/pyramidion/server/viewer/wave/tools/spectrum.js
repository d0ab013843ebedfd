// @ts-check
import { h, setText } from '../../frame/dom.js';
import { formatCount, formatShort, formatSi, formatTo } from '../../frame/si.js';
import { loadStyle } from '../../frame/style.js';
import { nextTurn } from '../../frame/turn.js';
import { visibleSamples } from '../columns.js';
import { shifted } from '../plot.js';
import { lines, MOST, shown } from '../spectra.js';
import { WINDOWS, windowShape } from '../windows.js';
import { heightOf } from './spectrumaxes.js';
import { Analyst, GapError, spectrumOf } from './spectrumjob.js';
import { SpectrumPlot, valueText } from './spectrumplot.js';
import { readSettings, settingsText, USUAL } from './spectrumsettings.js';

/**
 * The spectrum of the window: a plot under the waveform, and its highest lines.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../spectra.js').Kind} Kind
 * @typedef {import('../spectra.js').Spectrum} Spectrum
 * @typedef {import('./spectrumplot.js').Curve} Curve
 *
 * @typedef {object} Found   The spectrum of one channel, and of which samples.
 * @property {number} ch
 * @property {Spectrum} spectrum
 * @property {number} rate
 * @property {number} count
 */

const REST = 180; // ms without a move until a new spectrum is computed
const LEAST = 8; // samples that a spectrum needs
const LINES = 10;

/** @param {WavePanel} panel */
export async function openTool(panel) {
  await loadStyle(new URL('./spectrum.css', import.meta.url).href);
  return new SpectrumTool(panel);
}

class SpectrumTool {
  /** @type {Found[]} */ #found = [];
  /** @type {Curve[]} */ #curves = [];
  /** For which view `#found` is, and which is wanted. */ #foundKey = '';
  #key = '';
  #timer = 0;
  /** @type {AbortController | null} */ #working = null;
  #visible = false;
  #drawingAgain = 0;
  #trouble = '';
  #share = 0;
  #analyst = new Analyst();
  /** The settings that are shown, as the view says them. */ #said = '';

  /** @param {WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.plot = new SpectrumPlot(() => panel.element, () => this.#chosen());
    const unit = panel.dataset.valueUnit;
    this.shape = choice('Window', WINDOWS.map(({ id, label }) => [id, label]), USUAL.shape, () => this.#chosen());
    this.kind = choice('Amplitude', [
      ['peak', 'peak'], ['rms', 'RMS'], ['decibel', `RMS in dB re 1 ${unit || 'unit'}`], ['density', `density in ${densityUnit(panel)}`],
    ], USUAL.kind, () => this.#chosen());
    this.scale = choice('Frequency', [['linear', 'linear'], ['log', 'logarithmic']], 'linear', () => {
      this.plot.zoomed = null;
      this.#chosen();
    });
    this.centred = h('input', { type: 'checkbox', checked: true, onchange: () => this.#chosen() });
    this.state = h('p', { class: 'spectrum-state', role: 'status' });
    this.lines = h('tbody');
    this.noLines = h('p', { hidden: true }, 'No line stands out here.');
    this.facts = h('tbody');
    this.element = h(
      'section', { class: 'spectrum-tool', 'aria-label': 'Spectrum' },
      this.shape.element, this.kind.element, this.scale.element,
      h('label', { class: 'spectrum-check' }, this.centred, 'Take the mean away first'),
      this.state,
      h('table', { class: 'spectrum-lines' }, h('caption', {}, 'Highest lines'),
        h('thead', {}, h('tr', {}, ...['No.', 'Frequency', 'Height'].map((name) => h('th', { scope: 'col' }, name)))), this.lines),
      this.noLines,
      h('table', { class: 'spectrum-facts' }, h('caption', {}, 'How it is computed'), this.facts),
      h('p', { class: 'spectrum-definition' }, DEFINITION),
    );
  }

  shown() {
    this.#visible = true;
    this.panel.dock(this.plot.element, 'spectrum');
    this.update();
  }

  hidden() {
    this.#visible = false;
    this.panel.dock(null, 'spectrum');
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#working?.abort();
    this.#key = this.#foundKey;
    this.#analyst.stop();
  }

  stats() {
    const { curves } = this.plot.scene ?? { curves: [] };
    return { spectrum: { busy: this.#busy, pieces: curves[0]?.spectrum.pieces ?? 0, length: curves[0]?.spectrum.length ?? 0, zoomed: this.plot.zoomed } };
  }

  /** No spectrum is computed or due. */
  get settled() {
    return !this.#busy && !this.#drawingAgain;
  }

  get #busy() {
    return this.#visible && (this.#timer !== 0 || (this.#working !== null && !this.#working.signal.aborted));
  }

  /** The view, or a setting, may be another one. */
  update() {
    if (!this.#visible) return;
    const { channels, trc, seg, window, spectrum } = this.panel.state.value;
    if (spectrum !== this.#said) this.#take(readSettings(spectrum));
    const key = JSON.stringify([channels, trc, seg, window, this.shape.value, this.centred.checked]);
    if (key === this.#key) {
      this.plot.show(this.plot.scene, this.plot.note.textContent ?? ''); // the theme may have changed
      return;
    }
    this.#key = key;
    this.#working?.abort();
    clearTimeout(this.#timer);
    this.#timer = globalThis.setTimeout(() => void this.#compute(key), this.#foundKey === '' ? 0 : REST);
    this.#show();
  }

  /** Something was chosen here: it becomes part of the view. */
  #chosen() {
    const before = readSettings(this.#said);
    this.#said = settingsText(this.#settings);
    this.panel.state.set({ spectrum: this.#said });
    this.#follow(before);
    this.update();
  }

  /** The view is to be shown like this. @param {import('./spectrumsettings.js').Settings} settings */
  #take(settings) {
    const before = this.#settings;
    this.shape.value = settings.shape;
    this.kind.value = settings.kind;
    this.scale.value = settings.log ? 'log' : 'linear';
    this.centred.checked = settings.centred;
    this.plot.zoomed = settings.zoomed;
    this.#said = settingsText(settings);
    this.panel.state.set({ spectrum: this.#said }); // without what could not be used
    this.#follow(before);
  }

  /** Draw what needs no other transform. @param {import('./spectrumsettings.js').Settings} before */
  #follow({ kind, log, zoomed }) {
    const now = this.#settings;
    if (kind !== now.kind) void this.#drawAgain();
    else if (log !== now.log) this.#show();
    else if (zoomed !== now.zoomed) this.#listLines();
  }

  /** @returns {import('./spectrumsettings.js').Settings} */
  get #settings() {
    return { shape: this.shape.value, kind: this.#kind, log: this.scale.value === 'log', centred: this.centred.checked, zoomed: this.plot.zoomed };
  }

  /** @param {string} key */
  async #compute(key) {
    this.#timer = 0;
    const working = new AbortController();
    const { signal } = working;
    this.#working = working;
    this.#trouble = this.#refusal() ?? '';
    this.#share = 0;
    try {
      const found = this.#trouble ? [] : await this.#all(signal);
      const curves = await this.#drawn(found, signal);
      this.#found = found;
      this.#curves = curves;
      this.#foundKey = key;
    } catch (error) {
      if (signal.aborted) return;
      this.#found = this.#curves = [];
      this.#foundKey = key;
      this.#trouble = this.#words(error);
    }
    working.abort();
    this.#show();
  }

  /** @returns {string | null} Why there can be no spectrum of this window. */
  #refusal() {
    const { first, end } = visibleSamples(this.panel.window.a, this.panel.window.b, this.panel.dataset.samples);
    if (end - first < LEAST) return `A spectrum needs ${LEAST} samples or more: zoom out.`;
    if (end - first > MOST) return `${formatCount(end - first)} samples are too many for a spectrum, which takes up to ${formatCount(MOST)}: zoom in.`;
    return null;
  }

  /** @param {unknown} error @returns {string} */
  #words(error) {
    if (!(error instanceof GapError)) return error instanceof Error ? error.message : String(error);
    return `Sample ${formatCount(error.at)} is no number: there is no spectrum of a window with gaps. Choose a stretch without.`;
  }

  /** The spectra of all channels that are shown. @param {AbortSignal} signal @returns {Promise<Found[]>} */
  async #all(signal) {
    const { panel } = this;
    const { selections, dataset } = panel;
    const found = [];
    for (const [i, selection] of selections.entries()) {
      const window = shifted(panel.window, dataset, selections[0], selection);
      const { first, end } = visibleSamples(window.a, window.b, dataset.samples);
      if (end - first < LEAST) continue; // a channel that was not recorded then
      const calibration = dataset.calibration(selection);
      const job = { selection, calibration, first, end, shape: this.shape.value, centred: this.centred.checked };
      const spectrum = await spectrumOf(panel.reader, this.#analyst, job, signal, (share) => {
        this.#share = (i + share) / selections.length;
        this.#tell();
      });
      found.push({ ch: selection.ch, spectrum, rate: 1 / calibration.interval, count: end - first });
    }
    return found;
  }

  /** Where each bin is drawn. @param {readonly Found[]} found @param {AbortSignal} [signal] @returns {Promise<Curve[]>} */
  async #drawn(found, signal) {
    const kind = this.#kind;
    const curves = [];
    for (const { ch, spectrum, rate } of found) {
      const { rms, length, bandwidth } = spectrum;
      const heights = new Float64Array(rms.length);
      for (let k = 0; k < rms.length; k++) {
        const mirrored = k > 0 && 2 * k !== length;
        heights[k] = heightOf(kind, shown(kind, rms[k], mirrored, (bandwidth * rate) / length));
      }
      curves.push({ ch, name: this.panel.dataset.channelName(ch), spectrum, rate, heights });
      await nextTurn(); // one channel at a time, so that nothing is held up
      signal?.throwIfAborted();
    }
    return kind === this.#kind ? curves : this.#drawn(found, signal); // another was chosen meanwhile
  }

  get #kind() {
    return /** @type {Kind} */ (this.kind.value);
  }

  async #drawAgain() {
    const found = this.#found;
    this.#drawingAgain += 1;
    const curves = await this.#drawn(found);
    this.#drawingAgain -= 1;
    if (found === this.#found) this.#curves = curves;
    this.#show();
  }

  #show() {
    const { panel } = this;
    const unit = this.#kind === 'decibel' ? 'dB' : this.#kind === 'density' ? densityUnit(panel) : panel.dataset.valueUnit;
    const stale = this.#key !== this.#foundKey && this.#curves.length > 0;
    const caption = `Spectrum · ${windowShape(this.shape.value).label} · ${this.kind.label}${stale ? ' · of the window before' : ''}`;
    const scene = {
      curves: this.#curves, kind: this.#kind, log: this.scale.value === 'log', unit, frequencyUnit: frequencyUnit(panel), lines: [], caption, stale,
    };
    this.plot.show(scene, this.#key === this.#foundKey ? this.#trouble : '');
    this.#listLines();
    this.#listFacts();
    this.#tell();
  }

  /** The highest lines among the frequencies that are seen, of the active channel. */
  #listLines() {
    const [found] = this.#found;
    const [curve] = this.#curves;
    const { scene } = this.plot;
    if (!scene) return;
    if (!found || !curve) {
      this.lines.replaceChildren();
      return;
    }
    const { spectrum, rate } = found;
    const unit = rate / spectrum.length;
    const { from, to } = this.plot.span;
    const tops = lines(spectrum, windowShape(this.shape.value), Math.floor(from / unit), Math.ceil(to / unit) + 1, LINES);
    const value = (/** @type {number} */ rms) => shown(this.#kind, rms, true, spectrum.bandwidth * unit);
    this.plot.scene = { ...scene, lines: tops.map(({ bin, rms }) => ({ frequency: bin * unit, height: heightOf(this.#kind, value(rms)) })) };
    this.noLines.hidden = tops.length > 0;
    this.lines.replaceChildren(...tops.map(({ bin, rms }, i) => h(
      'tr', {}, h('th', { scope: 'row' }, String(i + 1)), h('td', {}, formatTo(bin * unit, unit / 100, scene.frequencyUnit)),
      h('td', {}, valueText(this.#kind, value(rms), scene.unit)),
    )));
  }

  #listFacts() {
    const [found] = this.#found;
    if (!found) {
      this.facts.replaceChildren();
      return;
    }
    const { spectrum, rate, count } = found;
    const { timeUnit, valueUnit } = this.panel.dataset;
    const unit = frequencyUnit(this.panel);
    const pieces = spectrum.pieces === 1 ? 'one transform' : `mean power of ${spectrum.pieces} pieces of ${formatCount(spectrum.length)}, half overlapping`;
    /** @type {[string, string][]} */ const rows = [
      ['Samples', formatCount(count)], ['Computed as', pieces],
      ['Sampling rate', formatShort(rate, unit === 'Hz' ? 'Hz' : `1/${timeUnit}`, 6)], ['Bins', `every ${formatSi(rate / spectrum.length, unit, 4)}`],
      ['Noise bandwidth', `${formatSi((spectrum.bandwidth * rate) / spectrum.length, unit, 4)} (${spectrum.bandwidth.toFixed(3)} bins)`],
      ['Mean', `${formatSi(spectrum.mean, valueUnit, 4)}${this.centred.checked ? ', taken away' : ''}`],
    ];
    this.facts.replaceChildren(...rows.map(([name, text]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, text))));
  }

  #tell() {
    const busy = this.#busy;
    this.state.dataset.busy = String(busy);
    const count = this.#found[0]?.spectrum.pieces ?? 0;
    const text = busy
      ? `Computing${this.#share > 0 ? ` \u00b7 ${Math.round(100 * this.#share)} %` : ' \u2026'}`
      : this.#trouble || (count > 1 ? 'Averaged: the window has more samples than one transform takes.' : '');
    setText(this.state, text);
    this.state.hidden = text === '';
  }
}



const DEFINITION = 'Peak: amplitude of a sine. RMS: peak / √2; 0 Hz as it is. dB: 20 log₁₀ of the RMS over one unit. Power density: RMS² / noise bandwidth. '
  + 'Heights are corrected for the window (coherent gain), densities for its noise bandwidth. Lines stand out five times from the median, and are interpolated between bins.';

/** @param {WavePanel} panel @returns {string} */
function frequencyUnit({ dataset }) {
  return dataset.timeUnit === 's' ? 'Hz' : `1/${dataset.timeUnit}`;
}

/** @param {WavePanel} panel @returns {string} */
function densityUnit(panel) {
  return `${panel.dataset.valueUnit ? `${panel.dataset.valueUnit}²` : '1'}/${panel.dataset.timeUnit === 's' ? 'Hz' : `(${frequencyUnit(panel)})`}`;
}

/**
 * @param {string} name @param {readonly (readonly [string, string])[]} options @param {string} first @param {() => void} changed
 */
function choice(name, options, first, changed) {
  const select = h('select', { 'aria-label': name, onchange: changed }, ...options.map(([value, label]) => h('option', { value }, label)));
  select.value = first;
  return {
    element: h('label', { class: 'spectrum-choice' }, name, select),
    get value() {
      return select.value;
    },
    set value(option) {
      select.value = option;
    },
    get label() {
      return select.selectedOptions[0].label;
    },
  };
}
