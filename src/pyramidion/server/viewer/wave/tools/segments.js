// @ts-check
import { h, setText } from '../../frame/dom.js';
import { formatCount } from '../../frame/si.js';
import { loadStyle } from '../../frame/style.js';
import { levelText } from '../texts.js';
import { SegmentPicture } from './segmentpicture.js';
import { DensityLayer } from './segmentlayers.js';
import { describeAt, drawLanes, drawLegend } from './segmentmarks.js';
import { SegmentTable } from './segmenttable.js';

/**
 * Segments: a table of them, all one under another, or all in one picture that counts them.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../types.js').Paint} Paint
 * @typedef {import('../state.js').WaveView['segments']} Mode
 */

const REST = 140; // ms without a move until a new picture is made
const AROUND = 16; // segments, for those around the current one

/** @type {readonly {id: Mode, label: string, title: string}[]} */
const MODES = [
  { id: 'one', label: 'One', title: 'One segment at a time' },
  { id: 'under', label: 'Under', title: 'Segments one under another' },
  { id: 'density', label: 'Density', title: 'Segments over each other: the colour tells how many' },
];

/** @param {WavePanel} panel */
export async function openTool(panel) {
  await loadStyle(new URL('./segments.css', import.meta.url).href);
  return new SegmentsTool(panel);
}

/** The tab, and the picture in place of the traces. */
class SegmentsTool {
  /** @type {SegmentPicture | null} */ #picture = null;
  /** Stays to be seen until the next one is begun to be painted. @type {SegmentPicture | null} */ #before = null;
  #key = '';
  #timer = 0;
  /** @type {string} What went wrong. */ #trouble = '';
  #log = true;
  /** The segments to show: from, and up to but not including. */ #which;
  #segment;
  #visible = false;

  /** @param {WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
    const { segments } = panel.dataset.shape;
    this.count = segments;
    this.#which = { from: 0, to: segments };
    this.#segment = panel.selection.seg;
    this.table = new SegmentTable(panel, () => this.#tell());
    this.modes = MODES.map(({ id, label, title }) =>
      h('button', { type: 'button', class: 'segment-mode', title, 'aria-pressed': 'false', onclick: () => panel.state.set({ segments: id }) }, label));
    this.fields = ['First segment', 'Last segment'].map((name) =>
      h('input', { type: 'number', min: 0, max: segments - 1, step: 1, inputmode: 'numeric', 'aria-label': name, onchange: () => this.#typed() }));
    this.scale = h(
      'select', { 'aria-label': 'Colours of the counts', onchange: () => this.#rescale() },
      h('option', { value: 'log' }, 'logarithmic'), h('option', { value: 'linear' }, 'linear'),
    );
    this.scaleRow = h('label', { class: 'segment-row' }, 'Colours', this.scale);
    this.progress = h('p', { class: 'segment-progress', role: 'status' });
    this.stopButton = h('button', { type: 'button', class: 'plain segment-stop', onclick: () => this.#cancel() }, 'Stop');
    this.again = h('button', { type: 'button', class: 'plain segment-stop', onclick: () => this.#restart() }, 'Go on');
    this.options = h(
      'div', { class: 'segment-options' },
      h(
        'div', { class: 'segment-row' }, 'Segments', this.fields[0], 'to', this.fields[1],
        h('button', { type: 'button', class: 'plain', title: 'All segments', onclick: () => this.#show(0, segments) }, 'All'),
        h('button', { type: 'button', class: 'plain', title: `${AROUND} segments around the current one`, onclick: () => this.#around() }, 'Near'),
      ),
      this.scaleRow,
      h('div', { class: 'segment-row' }, this.progress, this.stopButton, this.again),
    );
    this.note = h('p', { class: 'segment-note' });
    this.element = h(
      'section', { class: 'segments', 'aria-label': 'Segments' },
      h('div', { class: 'segment-modes', role: 'group', 'aria-label': 'How segments are shown' }, ...this.modes),
      this.options, this.table.element, this.note,
    );
    panel.state.listen(() => this.#changed());
    panel.view.canvas.addEventListener('pointermove', (event) => this.#point(event));
    panel.view.canvas.addEventListener('dblclick', (event) => this.#chooseLane(event));
    this.#changed();
  }

  shown() {
    this.#visible = true;
    this.table.start();
    this.table.reveal();
    this.update();
  }

  hidden() {
    this.#visible = false;
    this.table.stop(); // the picture is part of the view, and stays
  }

  update() {
    if (!this.#visible) return;
    this.table.start();
    this.table.update();
    this.#tell();
  }

  /** Nothing is read or painted. */
  get settled() {
    const { stage } = this.#picture ?? { stage: 'ready' };
    return this.#timer === 0 && (stage === 'ready' || this.#trouble !== '') && this.table.settled;
  }

  stats() {
    const picture = this.#picture;
    return {
      segmentsKnown: this.table.known,
      segmentPicture: picture && {
        done: picture.done, stage: this.#timer ? 'due' : picture.stage, count: picture.count, range: picture.range,
        most: picture.layer instanceof DensityLayer ? picture.layer.most : null,
      },
    };
  }

  get #mode() {
    return this.panel.state.value.segments;
  }

  /** The view is another one. */
  #changed() {
    const mode = this.#mode;
    const { seg } = this.panel.selection;
    this.modes.forEach((button, i) => button.setAttribute('aria-pressed', String(MODES[i].id === mode)));
    this.options.hidden = mode === 'one';
    this.scaleRow.hidden = mode !== 'density';
    if (seg !== this.#segment && this.#visible) this.table.reveal();
    this.#segment = seg;
    if (mode !== 'one') {
      this.#cover();
    } else if (this.panel.cover) {
      this.#drop();
      this.panel.cover = null;
      this.panel.requestDraw();
    }
    this.#showFields();
  }

  #cover() {
    if (this.panel.cover) return;
    this.#key = '';
    const tool = this;
    this.panel.cover = {
      get axis() {
        return tool.#axis();
      },
      draw: (paint) => this.#draw(paint),
    };
    this.panel.requestDraw();
  }

  /** Values from bottom to top, or segments from top to bottom. */
  #axis() {
    const picture = this.#shownPicture;
    if (this.#mode === 'under') return { min: this.#which.to - 0.5, max: this.#which.from - 0.5, unit: 'segment' };
    return { min: -1, max: 1, ...picture?.range, unit: this.panel.dataset.valueUnit };
  }

  get #shownPicture() {
    return this.#picture?.painted ? this.#picture : this.#before;
  }

  /** @param {Paint} paint */
  #draw(paint) {
    this.#aim(paint);
    const picture = this.#shownPicture;
    if (!picture || picture.goal.mode !== this.#mode) return;
    picture.draw(paint);
    if (this.#mode === 'under') drawLanes(paint, this.panel, picture.goal);
    drawLegend(paint, this.panel, picture, this.#log);
  }

  /** Make the picture that belongs to this view, unless it is the one there is. @param {Paint} paint */
  #aim({ width, height, scale, css }) {
    const { panel } = this;
    const { ch, trc } = panel.selection;
    const { a, b } = panel.window;
    const mode = /** @type {'under' | 'density'} */ (this.#mode);
    // The colours are part of it, and so is the clock of the current segment, by which the window is placed.
    const where = [mode, ch, trc, panel.calibration.start, width, height, this.#which.from, this.#which.to, css('--surface')].join(' ');
    const key = `${where} ${a} ${b}`;
    if (key === this.#key) return;
    const first = this.#key === '' || !this.#key.startsWith(where);
    this.#key = key;
    clearTimeout(this.#timer);
    const goal = { mode, active: { ...panel.selection }, ...this.#which, window: { a, b }, width, height, scale };
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#make(goal);
    }, first ? 0 : REST);
  }

  /** @param {import('./segmentpicture.js').Goal} goal */
  #make(goal) {
    const { panel } = this;
    this.#picture?.stop();
    if (this.#picture?.painted) this.#before = this.#picture;
    this.#trouble = '';
    const css = getComputedStyle(panel.element);
    const look = () => {
      const named = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
      return { log: this.#log, css: named, trace: named(`--trace-${goal.active.ch % 6}`) };
    };
    const picture = new SegmentPicture(panel, goal, look, () => {
      if (picture !== this.#picture) return;
      if (picture.painted) this.#before = null;
      this.#tell();
      panel.requestDraw();
    });
    this.#picture = picture;
    picture.make().catch((/** @type {unknown} */ error) => {
      if (picture !== this.#picture) return;
      const stopped = error instanceof DOMException && error.name === 'AbortError';
      this.#trouble = stopped ? 'stopped' : error instanceof Error ? error.message : String(error);
      this.#tell();
    });
    this.#tell();
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#picture?.stop();
    this.#picture = this.#before = null;
    this.#key = '';
  }

  #cancel() {
    this.#picture?.stop();
  }

  #restart() {
    this.#key = '';
    this.panel.requestDraw();
  }

  /** Other colours for the same counts. */
  #rescale() {
    this.#log = this.scale.value === 'log';
    this.#picture?.repaint().catch(() => {}); // stopped in between: the next picture has the new colours
  }

  #showFields() {
    const { from, to } = this.#which;
    this.fields[0].value = String(from);
    this.fields[1].value = String(to - 1);
  }

  #typed() {
    const [first, last] = this.fields.map(({ value }) => Math.max(0, Math.min(this.count - 1, Math.trunc(Number(value)) || 0)));
    this.#show(Math.min(first, last), Math.max(first, last) + 1);
  }

  #around() {
    const from = Math.max(0, Math.min(this.count - AROUND, this.panel.selection.seg - AROUND / 2));
    this.#show(from, Math.min(this.count, from + AROUND));
  }

  /** @param {number} from @param {number} to */
  #show(from, to) {
    this.#which = { from, to };
    this.#showFields();
    this.panel.requestDraw();
  }

  /** How far the picture and the table are. */
  #tell() {
    const picture = this.#picture;
    const busy = picture !== null && picture.stage !== 'ready' && this.#trouble === '';
    this.stopButton.hidden = !busy;
    this.again.hidden = picture === null || this.#trouble === '';
    this.progress.dataset.busy = String(busy);
    if (picture) setText(this.progress, progressText(picture, this.#trouble, this.panel.dataset.levels[picture.level].factor));
    const all = this.table.known === this.count;
    setText(this.note, all ? '' : `Extremes of ${formatCount(this.table.known)} of ${formatCount(this.count)} segments${this.table.all ? '' : ' are read as they come into sight'}`);
    this.note.hidden = all;
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const picture = this.#shownPicture;
    if (this.#mode === 'one' || !picture) return;
    this.panel.host.pointed(describeAt(this.panel, picture, event.offsetX, event.offsetY));
  }

  /** @param {MouseEvent} event */
  #chooseLane(event) {
    const picture = this.#shownPicture;
    if (this.#mode !== 'under' || !picture || picture.layer instanceof DensityLayer) return;
    const { from, scale, height } = picture.goal;
    this.panel.state.set({ seg: from + Math.floor(((event.offsetY * scale) / height) * picture.count) });
  }
}

/** @param {SegmentPicture} picture @param {string} trouble @param {number} factor @returns {string} */
function progressText({ done, count, stage, layer }, trouble, factor) {
  const part = `${formatCount(done)} of ${formatCount(count)} segments`;
  if (trouble) return trouble === 'stopped' ? `Stopped at ${part}` : `${part}: ${trouble}`;
  if (stage === 'overview') return `Reading ${part}`;
  if (stage === 'sharper') return `Sharpening ${part}`;
  const most = layer instanceof DensityLayer ? ` · up to ${formatCount(layer.most)} at a pixel` : '';
  return `${formatCount(count)} segments · ${levelText(factor, 'whole')}${most}`;
}
