// @ts-check
import { h, setText } from '../../frame/dom.js';
import { parseValue, writeValue } from '../search_question.js';

/**
 * The question as a form.
 *
 * @typedef {import('../search.js').Question} Question
 */

/** @typedef {{kind: Question['kind'], label: string, fields: readonly string[], about: string}} Choice */

/** What can be asked, which fields it has, and what exactly it means. @type {readonly Choice[]} */
const CHOICES = [
  {
    kind: 'crossing', label: 'Crossing of a level', fields: ['level', 'edge', 'hysteresis'],
    about: 'The first sample at or above level + hysteresis / 2 after one below level − hysteresis / 2, or the other way round.',
  },
  {
    kind: 'beyond', label: 'Extreme beyond a threshold', fields: ['level', 'side', 'hysteresis'],
    about: 'The extreme of each excursion: from the first sample at the threshold or beyond until one is back by more than the hysteresis.',
  },
  { kind: 'greatest', label: 'Greatest value', fields: [], about: 'The first sample that has it.' },
  { kind: 'least', label: 'Smallest value', fields: [], about: 'The first sample that has it.' },
  {
    kind: 'quiet', label: 'Longest quiet stretch', fields: ['level', 'band'],
    about: 'The longest run of samples of which none is outside level ± band.',
  },
];

const LABELS = /** @type {Readonly<Record<string, string>>} */ ({ level: 'Level', hysteresis: 'Hysteresis', band: 'Band ±' });

export class FindForm {
  /**
   * @param {string} unit   Of values. @param {number} segments
   * @param {{change: () => void, pick: () => void, all: () => void, step: (direction: 1 | -1) => void}} acts
   */
  constructor(unit, segments, acts) {
    this.unit = unit;
    this.kind = h('select', { 'aria-label': 'What to find' }, ...CHOICES.map(({ kind, label }) => h('option', { value: kind }, label)));
    this.edge = options('Direction of the crossing', [['rising', 'rising'], ['falling', 'falling'], ['either', 'rising or falling']]);
    this.side = options('Side of the threshold', [['above', 'above'], ['below', 'below']]);
    this.scope = options('Where to look', [['record', 'in this segment'], ['segments', 'in all segments']]);
    this.level = this.#number('level');
    this.hysteresis = this.#number('hysteresis');
    this.band = this.#number('band');
    this.about = h('p', { class: 'find-about', id: 'find-about' });
    this.previous = h('button', { type: 'button', class: 'plain', title: 'Previous (,)', 'aria-keyshortcuts': ',', onclick: () => acts.step(-1) }, 'Previous');
    this.next = h('button', { type: 'button', class: 'plain', title: 'Next (.)', 'aria-keyshortcuts': '.', onclick: () => acts.step(1) }, 'Next');
    this.all = h('button', { class: 'primary' }, 'Find all');
    const pick = h('button', { type: 'button', class: 'plain', title: 'Take it from the plot: press where it is', 'aria-label': 'Take the level from the plot', onclick: acts.pick }, 'Pick');
    this.rows = /** @type {Record<string, HTMLElement>} */ ({
      edge: h('div', { class: 'tool-row' }, this.edge),
      side: h('div', { class: 'tool-row' }, this.side),
      level: h('div', { class: 'tool-row find-number' }, label(this.level, 'level'), this.level, pick),
      hysteresis: h('div', { class: 'tool-row find-number' }, label(this.hysteresis, 'hysteresis'), this.hysteresis),
      band: h('div', { class: 'tool-row find-number' }, label(this.band, 'band'), this.band),
    });
    this.element = h(
      'form', { class: 'find-form', novalidate: true },
      h('div', { class: 'tool-row' }, this.kind),
      this.rows.level, this.rows.edge, this.rows.side, this.rows.hysteresis, this.rows.band,
      h('div', { class: 'tool-row', hidden: segments < 2 }, this.scope),
      h('div', { class: 'tool-row find-go' }, this.previous, this.next, this.all),
      this.about,
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      acts.all();
    });
    this.element.addEventListener('input', ({ target }) => {
      /** @type {HTMLElement} */ (target).removeAttribute('aria-invalid');
      this.show();
      acts.change();
    });
    this.show();
  }

  /** @param {string} name */
  #number(name) {
    return h('input', { type: 'text', id: `find-${name}`, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'find-about' });
  }

  /** @returns {boolean} Whether there can be several answers. */
  get several() {
    return this.kind.value === 'crossing' || this.kind.value === 'beyond';
  }

  get #choice() {
    return /** @type {Choice} */ (CHOICES.find(({ kind }) => kind === this.kind.value));
  }

  /** The fields that the question has. */
  show() {
    const { fields, about } = this.#choice;
    for (const [name, row] of Object.entries(this.rows)) row.hidden = !fields.includes(name);
    setText(/** @type {HTMLElement} */ (this.rows.level.querySelector('label')), this.kind.value === 'beyond' ? 'Threshold' : LABELS.level);
    setText(this.about, about);
    this.previous.hidden = this.next.hidden = !this.several;
    setText(this.all, this.several ? 'Find all' : 'Find');
  }

  /** @param {{level?: number, hysteresis?: number, band?: number}} values   In units. */
  fill(values) {
    for (const name of /** @type {const} */ (['level', 'hysteresis', 'band'])) {
      const value = values[name];
      if (value !== undefined) this[name].value = writeValue(value, this.unit);
    }
  }

  /** Nothing has been written yet. */
  get empty() {
    return this.level.value === '' && this.hysteresis.value === '' && this.band.value === '';
  }

  #numbers() {
    return /** @type {const} */ (['level', 'hysteresis', 'band']).filter((name) => this.#choice.fields.includes(name));
  }

  /**
   * @param {boolean} [tell]   Mark fields that are wrong.
   * @returns {{question: Question} | {wrong: string}} What is asked, or what is wrong with it.
   */
  read(tell = false) {
    const { kind } = this.#choice;
    /** @type {Record<string, number>} */ const values = {};
    let wrong = '';
    for (const name of this.#numbers()) {
      const value = parseValue(this[name].value || (name === 'level' ? '' : '0'), this.unit);
      if (value === null || (name !== 'level' && value < 0)) wrong ||= complaint(name, this[name].value, this.unit, value !== null);
      else values[name] = value;
      if (tell) this[name].setAttribute('aria-invalid', String(!(name in values)));
    }
    if (wrong) return { wrong };
    const { level, hysteresis, band } = values;
    if (kind === 'crossing') return { question: { kind, level, hysteresis, edge: /** @type {'either'} */ (this.edge.value) } };
    if (kind === 'beyond') return { question: { kind, level, hysteresis, side: /** @type {'above'} */ (this.side.value) } };
    if (kind === 'quiet') return { question: { kind, level, band } };
    return { question: { kind } };
  }
}

/** @param {string} name @param {string} text @param {string} unit @param {boolean} negative @returns {string} */
function complaint(name, text, unit, negative) {
  const what = LABELS[name].replace(' ±', '');
  if (negative) return `${what}: ${text.slice(0, 24)} is negative; write how wide it is`;
  return `${what}: ${text.trim() === '' ? 'write a value' : `“${text.slice(0, 24)}” is no value`}, for example 12 m${unit} or -0.5`;
}

/** @param {string} name @param {readonly (readonly [string, string])[]} choices */
function options(name, choices) {
  return h('select', { 'aria-label': name }, ...choices.map(([value, text]) => h('option', { value }, text)));
}

/** @param {HTMLInputElement} input @param {string} name */
function label(input, name) {
  return h('label', { for: input.id }, LABELS[name]);
}
