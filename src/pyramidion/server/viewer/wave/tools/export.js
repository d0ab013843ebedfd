// @ts-check
import { h, setText } from '../../frame/dom.js';
import { formatBytes, formatCount, formatShort } from '../../frame/si.js';
import { loadStyle } from '../../frame/style.js';
import { fileName } from '../files.js';
import { timeAt } from '../texts.js';
import { stretchesInView } from './stretch.js';

/**
 * The window as a file: CSV, .npz or PNG.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('./stretch.js').Stretch} Stretch
 * @typedef {'csv' | 'envelope' | 'npz' | 'png'} Kind
 */

/** Values (samples of all channels) up to which a file is written. @type {Readonly<Record<string, number>>} */
const MOST = { csv: 5_000_000, npz: 2 ** 24 };
const KEEP = 30_000; // ms that a finished file stays in memory for the browser to save it
/** @type {readonly [Kind, string, string][]} */
const KINDS = [
  ['csv', 'CSV', 'every sample: time and value'],
  ['envelope', 'CSV, envelope', 'smallest and largest value of each column of pixels, as drawn'],
  ['npz', 'NumPy .npz', 'every sample: codes, gain, offset and times'],
  ['png', 'PNG', 'the plot with axes and caption, at twice the size'],
];

/** @param {WavePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>} */
export async function openTool(panel) {
  await loadStyle(new URL('./export.css', import.meta.url).href);
  return new ExportTool(panel);
}

class ExportTool {
  /** @type {Kind} */ kind = 'csv';
  /** @type {AbortController | null} */ #running = null;
  #visible = false;

  /** @param {WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.size = h('p', { class: 'export-size', id: 'export-size' });
    this.refusal = h('p', { class: 'export-refusal', role: 'status', id: 'export-refusal' });
    this.light = h('input', { type: 'checkbox', checked: true });
    this.save = h('button', { type: 'submit', class: 'primary', 'aria-describedby': 'export-size export-refusal' }, 'Save');
    this.cancel = h('button', { type: 'button', class: 'plain', hidden: true, onclick: () => this.#stop('Export cancelled') }, 'Cancel');
    this.progress = h('progress', { max: 1, 'aria-label': 'Export', hidden: true });
    this.said = h('p', { role: 'status' });
    this.element = h(
      'form', { class: 'export', onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void this.#run();
      } },
      h('fieldset', {}, h('legend', {}, 'What is in view, as'), ...KINDS.map(([kind, name, words]) => this.#choice(kind, name, words))),
      this.lightChoice = h('label', { class: 'export-light' }, this.light, 'Light background'),
      this.size, this.refusal,
      h('div', { class: 'tool-row' }, this.save, this.cancel, this.progress),
      this.said,
    );
  }

  /** @param {string} [key] */
  shown(key) {
    this.#visible = true;
    this.update();
    if (key) /** @type {HTMLElement | null} */ (this.element.querySelector('input[type="radio"]:checked'))?.focus();
  }

  hidden() {
    this.#visible = false;
    if (this.#running) this.panel.host.say('Export cancelled: its tab was left');
    this.#stop('');
  }

  /** No file is being written. */
  get settled() {
    return this.#running === null;
  }

  update() {
    if (!this.#visible) return;
    const stretches = stretchesInView(this.panel);
    const refusal = this.#refusalOf(stretches);
    setText(this.size, this.#sizeText(stretches));
    setText(this.refusal, refusal);
    this.save.disabled = refusal !== '' || this.#running !== null;
    this.lightChoice.hidden = this.kind !== 'png';
  }

  /** @param {Kind} kind @param {string} name @param {string} words @returns {HTMLElement} */
  #choice(kind, name, words) {
    const input = h('input', { type: 'radio', name: 'export-kind', value: kind, checked: kind === this.kind, onchange: () => {
      this.kind = kind;
      setText(this.said, '');
      this.update();
    } });
    return h('label', { class: 'export-kind' }, input, h('span', {}, h('span', { class: 'export-name' }, name), h('span', { class: 'export-words' }, words)));
  }

  /** @param {readonly Stretch[]} stretches @returns {string} Why this cannot be written, and what helps; '' where it can. */
  #refusalOf(stretches) {
    const values = countOf(stretches);
    const most = MOST[this.kind];
    if (values === 0) return 'There is no sample in view.';
    if (most !== undefined && values > most) {
      const channels = stretches.length > 1 ? ' of all channels' : '';
      const envelope = this.kind === 'csv' ? ', take the envelope' : '';
      return `${formatCount(values)} samples${channels} are more than ${formatCount(most)}: zoom in${envelope}, or read them in Python: “Open elsewhere” (key O) has the lines for exactly this window.`;
    }
    const drawn = this.panel.plot.traces;
    if (this.kind === 'envelope' && this.panel.cover) return 'There is no envelope of what is drawn now: show one segment.';
    if (this.kind === 'envelope' && !drawn.every(({ columns }) => columns?.complete)) return 'The picture is not complete yet.';
    return '';
  }

  /** @param {readonly Stretch[]} stretches @returns {string} */
  #sizeText(stretches) {
    const samples = `${formatCount(stretches[0].to - stretches[0].from)} samples`;
    return stretches.length > 1 ? `${samples} of ${stretches.length} channels` : samples;
  }

  async #run() {
    if (this.#running) return;
    const stretches = stretchesInView(this.panel);
    if (this.#refusalOf(stretches)) return;
    const control = new AbortController();
    this.#running = control;
    this.#showProgress(0);
    setText(this.said, '');
    const name = this.#name(stretches);
    try {
      const blob = await this.#write(stretches, control.signal);
      download(blob, name);
      setText(this.said, `Saved ${name}, ${formatBytes(blob.size)}`);
    } catch (error) {
      if (!control.signal.aborted) setText(this.said, `Not saved: ${error instanceof Error ? error.message : error}`);
    }
    if (this.#running === control) this.#end();
  }

  /** @param {readonly Stretch[]} stretches @param {AbortSignal} signal @returns {Promise<Blob>} */
  async #write(stretches, signal) {
    const { panel } = this;
    if (this.kind === 'png') return (await import('./picture.js')).drawPicture(panel, this.light.checked, signal);
    const { writeCsv, writeEnvelope, writeNpz } = await import('./writing.js');
    if (this.kind === 'envelope') return writeEnvelope(panel, stretches);
    const job = { panel, signal, progress: (/** @type {number} */ share) => this.#showProgress(share) };
    return this.kind === 'csv' ? writeCsv(job, stretches) : writeNpz(job, stretches);
  }

  /** @param {readonly Stretch[]} stretches @returns {string} Dataset, channels and times. */
  #name([{ selection, calibration, from, to }, ...others]) {
    const { dataset } = this.panel;
    const { segments, trcs } = dataset.shape;
    const time = (/** @type {number} */ sample) => formatShort(timeAt(calibration, sample), dataset.timeUnit, 7).replace(/\s/g, '');
    const ending = this.kind === 'envelope' ? 'csv' : this.kind;
    return fileName([
      dataset.name.replace(/\.zarr$/, ''), `ch${[selection, ...others.map((one) => one.selection)].map(({ ch }) => ch).join('-')}`,
      ...(trcs > 1 ? [`trc${selection.trc}`] : []), ...(segments > 1 ? [this.kind === 'png' && this.panel.cover ? 'segments' : `seg${selection.seg}`] : []), time(from), 'to', time(to - 1),
      ...(this.kind === 'envelope' ? ['envelope'] : []),
    ], ending);
  }

  /** @param {number} share */
  #showProgress(share) {
    this.progress.hidden = this.cancel.hidden = false;
    this.save.disabled = true;
    this.progress.value = share;
  }

  /** @param {string} words */
  #stop(words) {
    this.#running?.abort();
    this.#end();
    setText(this.said, words);
  }

  #end() {
    this.#running = null;
    this.progress.hidden = this.cancel.hidden = true;
    this.update();
  }
}

/** @param {readonly Stretch[]} stretches @returns {number} Samples of all channels. */
function countOf(stretches) {
  return stretches.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP);
}
