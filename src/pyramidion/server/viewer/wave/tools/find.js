// @ts-check
import { h, setText } from '../../frame/dom.js';
import { formatBytes, niceStep } from '../../frame/si.js';
import { loadStyle } from '../../frame/style.js';
import { visibleSamples } from '../columns.js';
import { findAll, findNear } from '../search.js';
import { detailOf, nameOf, neighbour, suggest, summary, windowFor } from '../search_question.js';
import { valueOf } from '../texts.js';
import { FindForm } from './findform.js';
import { FindList } from './findlist.js';
import { drawFound } from './findpicture.js';
import { positionText } from './readings.js';

/**
 * Finds crossings, extremes and quiet stretches anywhere in the record and brings them into the window.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('../search.js').Hit} Hit
 * @typedef {import('../search.js').Question} Question
 *
 * @typedef {object} Answer   What a search has found.
 * @property {string} key     The question and where it was asked.
 * @property {Question} question
 * @property {Hit[]} hits
 * @property {boolean} all    From the beginning; not just the last one that was stepped to.
 * @property {boolean} more   The list is full.
 */

/** ms between two looks at what a search has found so far. */
const REST = 100;

/** @param {WavePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>} */
export async function openTool(panel) {
  await loadStyle(new URL('./find.css', import.meta.url).href);
  return new FindTool(panel);
}

class FindTool {
  /** @type {AbortController | null} */ #running = null;
  /** @type {Answer | null} */ #answer = null;
  /** @type {Hit | null} */ #current = null;
  #shown = false;
  #record;
  #told = 0;
  /** Of the last search, for tests and measurements. */
  #last = { ms: 0, bytes: 0 };

  /** @param {WavePanel} panel */
  constructor(panel) {
    const { dataset } = panel;
    this.panel = panel;
    this.#record = this.#recordKey;
    this.form = new FindForm(dataset.valueUnit, dataset.shape.segments, {
      change: () => this.#forget(), pick: () => void this.#pick(), all: () => void this.#all(), step: (direction) => void this.#step(direction),
    });
    this.said = h('p', { class: 'find-said', role: 'status' });
    this.share = h('progress', { max: 1, value: 0, 'aria-label': 'Share of the record that is decided' });
    this.work = h(
      'div', { class: 'tool-row', hidden: true },
      this.share, h('button', { type: 'button', class: 'plain', title: 'Stop (Esc)', onclick: () => this.#stop('Stopped.') }, 'Stop'),
    );
    this.list = new FindList((hit) => this.#words(hit), (hit) => this.#choose(hit));
    this.element = h('div', { class: 'find' }, this.form.element, this.work, this.said, this.list.element);
    this.escape = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Escape' || !this.#running) return;
      event.preventDefault();
      event.stopPropagation();
      this.#stop('Stopped.');
    };
    panel.findNext = (direction) => void this.#step(direction);
  }

  /** @param {string} [key] */
  shown(key) {
    this.#shown = true;
    this.#suggest();
    this.panel.marks.set('find', { draw: (paint) => this.#draw(paint) });
    this.panel.requestDraw();
    if (key === '/') this.form.kind.focus();
  }

  /** Values to begin with, once there is something to take them from. */
  #suggest() {
    const seen = this.form.empty ? this.#seen() : null;
    if (seen) this.form.fill(suggest(seen));
  }

  hidden() {
    this.#shown = false;
    this.#stop('Stopped.');
    this.panel.marks.delete('find');
    this.panel.requestDraw();
  }

  update() {
    if (this.#record === this.#recordKey) return;
    this.#record = this.#recordKey;
    this.#forget();
  }

  /** Nothing is searched, and the list is whole. */
  get settled() {
    return this.#running === null && this.list.settled;
  }

  stats() {
    return { find: { running: this.#running !== null, hits: this.#answer?.hits ?? [], more: this.#answer?.more ?? false, share: this.share.value, ...this.#last } };
  }

  /** What the answers belong to. */
  get #recordKey() {
    const { ch, trc } = this.panel.selection;
    return `${ch} ${trc}`;
  }

  /** @returns {'record' | 'segments'} */
  get #scope() {
    return this.form.scope.value === 'segments' ? 'segments' : 'record';
  }

  /** @returns {{min: number, max: number} | null} The values in view. */
  #seen() {
    const { calibration, selection } = this.panel;
    const codes = this.panel.columnsOf(selection.ch)?.range();
    if (!codes) return null;
    const ends = [valueOf(calibration, codes.min), valueOf(calibration, codes.max)];
    return { min: Math.min(...ends), max: Math.max(...ends) };
  }

  async #pick() {
    const spot = await this.panel.pick('Press in the plot where the level is');
    if (!spot) return;
    if (Number.isNaN(spot.value)) return this.#say('Segments stand one under another here: show one to take a level from it.', true);
    const row = this.panel.plot.rows.find(({ ch }) => ch === spot.ch);
    const step = row ? niceStep((row.max - row.min) / 2000) : 0; // finer than a pixel
    this.form.fill({ level: step > 0 ? Math.round(spot.value / step) * step : spot.value });
    this.#forget();
  }

  // Searching

  /** @returns {Question | null} Null after it was told what is wrong with it. */
  #question() {
    const read = this.form.read(true);
    if ('question' in read) return read.question;
    this.#say(read.wrong, true);
    return null;
  }

  /** @param {Question} question */
  #key(question) {
    const scope = this.#scope;
    return JSON.stringify([question, scope, this.#recordKey, scope === 'record' ? this.panel.selection.seg : '']);
  }

  async #all() {
    const question = this.#question();
    if (!question) return;
    this.#forget();
    /** @type {Answer} */ const answer = { key: this.#key(question), question, hits: [], all: true, more: false };
    this.#answer = answer;
    const { reader, selection } = this.panel;
    const done = await this.#run((options) => findAll(reader, selection, question, {
      ...options, scope: this.#scope, found: (hits) => this.#growing(answer, hits),
    }));
    if (!done) return;
    Object.assign(answer, done);
    this.#say(`${summary(question, done.hits.length, done.more, { unit: this.panel.dataset.valueUnit, where: this.#where })} ${this.#cost()}`);
    this.#list();
    if (!this.form.several && done.hits.length > 0) this.#choose(done.hits[0]);
  }

  /** @param {1 | -1} direction */
  async #step(direction) {
    const question = this.#question();
    if (!question || this.#running) return;
    if (question.kind !== 'crossing' && question.kind !== 'beyond') return this.#again(question);
    const { panel } = this;
    const origin = this.#origin(direction);
    const answer = this.#answer?.all && this.#answer.key === this.#key(question) ? this.#answer : null;
    const known = answer && neighbour(answer.hits, { seg: panel.selection.seg, at: origin }, direction);
    if (known) return this.#choose(known);
    const searched = answer && !(answer.more && direction > 0);
    const hit = searched ? null : await this.#run((options) => findNear(panel.reader, panel.selection, question, origin, direction, { ...options, scope: this.#scope }));
    if (hit === undefined) return;
    if (hit === null) {
      this.#say(`No ${direction > 0 ? 'further' : 'earlier'} ${nameOf(question, panel.dataset.valueUnit)} in ${this.#where}.`);
      return;
    }
    if (!answer) this.#answer = { key: this.#key(question), question, hits: [hit], all: false, more: false };
    this.#list();
    this.#choose(hit);
    this.#say(`${nameOf(question, panel.dataset.valueUnit).replace(/^./, (letter) => letter.toUpperCase())}. ${this.#cost()}`);
  }

  /** There is one answer only. @param {Question} question */
  async #again(question) {
    if (this.#answer?.key === this.#key(question) && this.#answer.hits.length > 0) this.#choose(this.#answer.hits[0]);
    else await this.#all();
  }

  /** Where to go on: at cursor X where it is in view, else at the edge of the view. @param {1 | -1} direction */
  #origin(direction) {
    const { window: { a, b }, cursors: { x } } = this.panel.state.value;
    const { first, end } = visibleSamples(a, b, this.panel.dataset.samples);
    if (x !== null && x >= first && x < end) return x;
    return direction > 0 ? first - 0.5 : end - 0.5;
  }

  get #where() {
    if (this.panel.dataset.shape.segments < 2) return 'this record';
    return this.#scope === 'segments' ? 'all segments' : `segment ${this.panel.selection.seg}`;
  }

  /**
   * @template R
   * @param {(options: {signal: AbortSignal, progress: (share: number) => void}) => Promise<R>} search
   * @returns {Promise<R | undefined>} Undefined where it was stopped or went wrong.
   */
  async #run(search) {
    this.#stop('');
    const stop = new AbortController();
    const { reader } = this.panel;
    const [began, before] = [performance.now(), reader.bytes];
    this.#running = stop;
    this.share.value = 0;
    this.work.hidden = false;
    document.addEventListener('keydown', this.escape, true);
    try {
      const found = await search({ signal: stop.signal, progress: (share) => this.#progress(share) });
      return stop.signal.aborted ? undefined : found;
    } catch (error) {
      if (!stop.signal.aborted) this.#say(error instanceof Error ? error.message : String(error), true);
      return undefined;
    } finally {
      this.#last = { ms: performance.now() - began, bytes: reader.bytes - before };
      if (this.#running === stop) this.#end();
    }
  }

  #end() {
    this.#running = null;
    this.work.hidden = true;
    document.removeEventListener('keydown', this.escape, true);
  }

  /** @param {string} words   For the person; '' where something else begins. */
  #stop(words) {
    if (!this.#running) return;
    this.#running.abort();
    this.#end();
    const count = this.#answer?.hits.length ?? 0;
    if (words) this.#say(`${words}${count ? ' The list is what was found until then.' : ''}`);
    if (this.#answer) this.#answer.all = false; // what is behind the last of them is not known
    this.#list();
  }

  /** @param {number} share */
  #progress(share) {
    const now = performance.now();
    if (now - this.#told < REST) return;
    this.#told = now;
    this.share.value = share;
    this.#list();
  }

  /** @param {Answer} answer @param {readonly Hit[]} hits */
  #growing(answer, hits) {
    if (answer.hits.length < hits.length) answer.hits = /** @type {Hit[]} */ (hits);
  }

  /** @returns {string} What the search took. */
  #cost() {
    const { bytes, ms } = this.#last;
    return `${bytes > 0 ? `${formatBytes(bytes)} read` : 'Nothing had to be read'}, ${ms < 1000 ? `${Math.ceil(ms)} ms` : `${(ms / 1000).toFixed(1)} s`}.`;
  }

  #forget() {
    this.#stop('');
    this.#answer = null;
    this.#current = null;
    this.#say('');
    this.#list();
  }

  /** @param {string} words @param {boolean} [wrong] */
  #say(words, wrong = false) {
    this.said.classList.toggle('wrong', wrong);
    setText(this.said, words);
    if (!this.#shown && words) this.panel.host.say(words);
  }

  // What was found

  #list() {
    this.list.show(this.#answer?.key ?? '', this.#answer?.hits ?? [], this.#current);
    this.panel.requestDraw();
  }

  /** @param {Hit} hit */
  #words(hit) {
    const { dataset, selection } = this.panel;
    const { question } = /** @type {Answer} */ (this.#answer);
    const calibration = dataset.calibration({ ...selection, seg: hit.seg });
    return {
      time: positionText(calibration, hit.at, dataset.timeUnit),
      detail: detailOf(hit, question, calibration, { time: dataset.timeUnit, value: dataset.valueUnit }),
      segment: dataset.shape.segments > 1 && this.#scope === 'segments' ? `segment ${hit.seg}` : '',
    };
  }

  /** @param {Hit} hit */
  #choose(hit) {
    const { panel } = this;
    const whole = this.#answer?.question.kind === 'quiet';
    const width = panel.surface.width / panel.surface.scale;
    this.#current = hit;
    panel.state.set({
      seg: hit.seg, window: windowFor(hit, panel.window, width, whole),
      cursors: whole ? { x: hit.from, y: hit.to - 1 } : { ...panel.state.value.cursors, x: hit.at },
    });
    panel.host.time(panel.clockOf(hit.at));
    this.#list();
    if (!this.#shown) panel.host.say(positionText(panel.calibration, hit.at, panel.dataset.timeUnit));
  }

  /** @param {import('../types.js').Paint} paint */
  #draw(paint) {
    this.#suggest();
    if (this.panel.cover) return;
    const { seg, ch } = this.panel.selection;
    const hits = (this.#answer?.hits ?? []).filter((hit) => hit.seg === seg);
    const current = this.#current?.seg === seg ? this.#current : null;
    drawFound(paint, { hits, current, whole: this.#answer?.question.kind === 'quiet', levels: this.#levels(), ch });
  }

  /** @returns {number[]} Values to show as lines. */
  #levels() {
    const read = this.form.read();
    if (!('question' in read) || !('level' in read.question)) return [];
    const { question } = read;
    if (question.kind === 'beyond') return [question.level];
    const half = question.kind === 'quiet' ? question.band : question.hysteresis / 2;
    return half > 0 ? [question.level - half, question.level + half] : [question.level];
  }
}
