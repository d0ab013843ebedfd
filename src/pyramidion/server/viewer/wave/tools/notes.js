// @ts-check
import { h, icon, setText } from '../../frame/dom.js';
import { formatCount } from '../../frame/si.js';
import { loadStyle } from '../../frame/style.js';
import { shownStart, timeAt, whole } from '../texts.js';
import { toFront } from './cursors.js';
import { drawFlags, drawStaffs } from './flagpicture.js';
import { parsePlace } from './places.js';
import { positionText } from './readings.js';

/**
 * Notes along the record, kept in the link, and a field to go anywhere.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {{at: number, text: string}} Note
 */

/** Characters a link should have at most: more is cut off by some programs that pass it on. */
const LINK = 2000;
/** Of these, for everything in it but the address and the notes. */
const VIEW = 400;
const LONGEST = 200;

/** @param {WavePanel} panel @returns {Promise<import('../../frame/types.js').OpenTool>} */
export async function openTool(panel) {
  await loadStyle(new URL('./notes.css', import.meta.url).href);
  return new NotesTool(panel);
}

class NotesTool {
  #shown = '';
  /** Where the pointer was when the key was pressed, in samples. @type {number | null} */ #pointed = null;
  /** The note that is being changed. @type {Note | null} */ #edited = null;

  /** @param {WavePanel} panel */
  constructor(panel) {
    this.panel = panel;
    const { segments } = panel.dataset.shape;
    const ways = ['1.25 ms', '−5 ns', '+1 ms from here', '#123456'];
    if (segments > 1) ways.push('seg 12');
    if (this.#triggers) ways.push('trigger 4.25 ms');
    this.place = h('input', { type: 'text', 'aria-label': 'Time or sample to go to', placeholder: 'time or #sample', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'goto-answer' });
    this.answer = h('p', { class: 'notes-answer', id: 'goto-answer', role: 'status' });
    this.text = h('input', { type: 'text', 'aria-label': 'Text of the note', placeholder: 'What is to be seen here', maxlength: LONGEST, autocomplete: 'off', 'aria-describedby': 'note-room' });
    this.where = h('select', { 'aria-label': 'Where the note goes' });
    this.room = h('p', { id: 'note-room', role: 'status' });
    this.list = h('ol', { class: 'notes-list' });
    this.element = h(
      'div', { class: 'notes' },
      h('h3', {}, 'Go to'),
      h('form', { class: 'tool-row', onsubmit: (/** @type {Event} */ event) => this.#submit(event, () => this.#goTo()) }, this.place, h('button', { class: 'plain' }, 'Go')),
      this.answer,
      h('p', {}, `${ways.join(' · ')}. The zoom stays.`),
      h('h3', {}, 'New note'),
      h(
        'form', { onsubmit: (/** @type {Event} */ event) => this.#submit(event, () => void this.#add()) },
        h('div', { class: 'tool-row' }, this.text), h('div', { class: 'tool-row' }, this.where, h('button', { class: 'primary' }, 'Add')),
      ),
      this.room,
      h('h3', {}, 'Notes'),
      this.list,
    );
    for (const input of [this.place, this.text]) input.addEventListener('keydown', (event) => this.#leave(event));
    panel.marks.set('note-staffs', { draw: (paint) => drawStaffs(paint, panel.state.value.notes) });
    toFront(panel, 'cursors'); // their words are crossed by no staff, and they cross no note
    panel.marks.set('notes', { draw: (paint) => drawFlags(paint, panel.state.value.notes) });
    panel.requestDraw();
  }

  /** @param {string} [key] */
  shown(key) {
    const { a, b } = this.panel.window;
    const aside = Math.abs(this.panel.aim - (a + b) / 2) > (b - a) * 1e-6; // without a pointer it is the middle
    this.#pointed = key === 'n' && aside ? this.#sample(this.panel.aim) : null;
    this.#showPlaces();
    this.where.selectedIndex = 0;
    this.update();
    if (key === 'g') this.place.select();
    (key === 'n' ? this.text : key === 'g' ? this.place : null)?.focus();
  }

  hidden() {
    this.#pointed = null;
  }

  update() {
    if (!this.element.isConnected) return;
    this.#showPlaces();
    this.#showList();
    this.#showRoom(this.panel.state.value.notes);
  }

  /** @param {Event} event @param {() => void} run */
  #submit(event, run) {
    event.preventDefault();
    run();
  }

  /** Esc gives the keys back to the plot. @param {KeyboardEvent} event */
  #leave(event) {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    this.panel.view.canvas.focus();
  }

  get #triggers() {
    return this.panel.calibration.trigger !== null;
  }

  /** @param {number} position @returns {number} The nearest sample. */
  #sample(position) {
    return Math.max(0, Math.min(this.panel.dataset.samples - 1, Math.round(position)));
  }

  /** @param {number} position @returns {string} */
  #time(position) {
    const { calibration, dataset } = this.panel;
    return positionText(calibration, position, dataset.timeUnit);
  }

  // Going somewhere

  #goTo() {
    const { dataset } = this.panel;
    const place = parsePlace(this.place.value, {
      unit: dataset.timeUnit, samples: dataset.samples, segments: dataset.shape.segments, triggers: this.#triggers,
    });
    const wrong = place.kind === 'nonsense' ? place.words : this.#go(place);
    this.answer.classList.toggle('wrong', wrong !== '');
    this.place.setAttribute('aria-invalid', String(wrong !== ''));
    setText(this.answer, wrong || this.#stands());
  }

  /** @returns {string} Where the view is now. */
  #stands() {
    const { a, b } = this.panel.window;
    const { segments } = this.panel.dataset.shape;
    const sample = this.#sample((a + b) / 2);
    return `${this.#time(sample)}, sample ${formatCount(sample)}${segments > 1 ? `, segment ${this.panel.selection.seg}` : ''}`;
  }

  /** @param {Exclude<import('./places.js').Place, {kind: 'nonsense'}>} place @returns {string} Why that is not possible; '' where it was. */
  #go(place) {
    const { a, b } = this.panel.window;
    if (place.kind === 'segment') {
      this.panel.select({ seg: place.segment });
      return '';
    }
    if (place.kind === 'trigger') return this.#goToTrigger(place.time);
    const { interval } = this.panel.calibration;
    const { start } = shownStart(this.panel.calibration, a, b);
    const middle = (a + b) / 2;
    const zero = place.kind === 'sample' ? 0 : -start / interval;
    const distance = place.kind === 'sample' ? place.sample : place.time / interval;
    return this.#centre((place.from === 'here' ? middle : zero) + distance);
  }

  /** @param {number} time   Since the first trigger. @returns {string} */
  #goToTrigger(time) {
    const { dataset, selection } = this.panel;
    let best = { seg: -1, distance: Infinity, position: 0 };
    for (let seg = 0; seg < dataset.shape.segments; seg++) {
      const { trigger, start, interval } = dataset.calibration({ ...selection, seg });
      if (trigger === null) continue;
      const position = (time - trigger - start) / interval;
      const inside = Math.max(-0.5, Math.min(dataset.samples - 0.5, position));
      const distance = Math.abs(position - inside);
      if (distance < best.distance) best = { seg, distance, position: inside };
    }
    if (best.seg < 0) return 'This recording has no trigger times';
    this.panel.select({ seg: best.seg });
    this.#centre(best.position);
    return '';
  }

  /** @param {number} position @returns {string} Why not. */
  #centre(position) {
    const { samples } = this.panel.dataset;
    // Half a sample of room: places at the very edge are told rounded.
    if (!(position >= -1 && position <= samples)) return `That is outside: this record goes from ${this.#time(0)} to ${this.#time(samples - 1)}`;
    const { a, b } = this.panel.window;
    this.panel.setWindow({ a: position - (b - a) / 2, b: position + (b - a) / 2 }, position);
    return '';
  }

  // Notes

  /** Where a new note can go. */
  #showPlaces() {
    const { cursors, window: { a, b } } = this.panel.state.value;
    /** @type {[string, string][]} */ const places = [];
    if (this.#pointed !== null) places.push(['pointer', `at the pointer, ${this.#time(this.#pointed)}`]);
    if (cursors.x !== null) places.push(['x', `at cursor X, ${this.#time(cursors.x)}`]);
    if (cursors.y !== null) places.push(['y', `at cursor Y, ${this.#time(cursors.y)}`]);
    places.push(['middle', `in the middle, ${this.#time(this.#sample((a + b) / 2))}`], ['press', 'where I press next']);
    const chosen = this.where.value;
    if (this.where.length !== places.length || places.some(([value], i) => /** @type {HTMLOptionElement} */ (this.where[i]).value !== value)) {
      this.where.replaceChildren(...places.map(([value]) => h('option', { value })));
      if (places.some(([value]) => value === chosen)) this.where.value = chosen;
    }
    places.forEach(([, text], i) => setText(this.where[i], text));
  }

  async #add() {
    const text = tidy(this.text.value);
    if (text === '') {
      this.#complain('Write what the note says first');
      this.text.focus();
      return;
    }
    const at = await this.#chosenPlace();
    if (at === null) return;
    if (this.#keep([...this.panel.state.value.notes, { at, text }])) this.text.value = '';
  }

  /** @returns {Promise<number | null>} */
  async #chosenPlace() {
    const { cursors, window: { a, b } } = this.panel.state.value;
    switch (this.where.value) {
      case 'pointer': return this.#pointed;
      case 'x': return cursors.x;
      case 'y': return cursors.y;
      case 'press': {
        const spot = await this.panel.pick('Press in the plot where the note goes');
        return spot && this.#sample(spot.position);
      }
      default: return this.#sample((a + b) / 2);
    }
  }

  /** @param {readonly Note[]} notes @returns {boolean} Whether the link has room for them. */
  #keep(notes) {
    const [used, most] = [this.#length(notes), this.#most];
    if (used > most && used > this.#length(this.panel.state.value.notes)) {
      this.#complain(`The link has no room for that: ${formatCount(used - most)} character${used - most === 1 ? '' : 's'} too many. Shorten it, or delete another note`);
      return false;
    }
    this.panel.state.set({ notes: [...notes].sort((p, q) => p.at - q.at) });
    this.#showRoom(notes);
    return true;
  }

  /** Characters that notes may take of the link. */
  get #most() {
    return Math.max(0, LINK - VIEW - location.href.split('#')[0].length);
  }

  /** @param {readonly Note[]} notes @returns {number} Characters of the link. */
  #length(notes) {
    const { calibration } = this.panel;
    return encodeURIComponent(notes.map(({ at, text }) => `${timeAt(calibration, at)}~${text}`).join('|')).length;
  }

  /** @param {readonly Note[]} notes */
  #showRoom(notes) {
    const said = `${formatCount(this.#length(notes))} of ${formatCount(this.#most)} characters`;
    const key = `${said}|${notes.length}`;
    if (key === this.#shown) return; // a complaint stays until something has changed
    this.#shown = key;
    this.room.classList.remove('wrong');
    setText(this.room, `Notes are kept in the link: ${said} used.`);
  }

  /** @param {string} words */
  #complain(words) {
    this.room.classList.add('wrong');
    setText(this.room, words);
  }

  #showList() {
    const { notes } = this.panel.state.value;
    const key = JSON.stringify([notes, this.#edited, this.panel.selection]);
    if (this.list.dataset.key === key) return;
    this.list.dataset.key = key;
    this.list.replaceChildren(...notes.map((note) => h('li', {}, ...(this.#edited && same(note, this.#edited) ? this.#editor(note) : this.#line(note)))));
    if (notes.length === 0) this.list.append(h('li', { class: 'notes-none' }, 'None yet.'));
  }

  /** @param {Note} note @returns {HTMLElement[]} */
  #line(note) {
    const button = (/** @type {string} */ label, /** @type {import('../../frame/dom.js').IconName} */ picture, /** @type {() => void} */ run) =>
      h('button', { type: 'button', class: 'button', 'aria-label': `${label}: ${note.text}`, title: label, onclick: run }, icon(picture));
    return [
      h('button', { type: 'button', class: 'notes-go', title: 'Go there', onclick: () => void this.#centre(note.at) }, h('span', { class: 'notes-time' }, this.#time(note.at)), h('span', {}, note.text)),
      button('Change', 'note', () => this.#edit(note)),
      button('Delete', 'close', () => this.#delete(note)),
    ];
  }

  /** @param {Note} note @returns {HTMLElement[]} */
  #editor(note) {
    const input = h('input', { type: 'text', 'aria-label': 'Text of the note', maxlength: LONGEST, autocomplete: 'off' });
    input.value = note.text;
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      this.#edit(null);
    });
    const save = () => {
      const text = tidy(input.value);
      const notes = this.panel.state.value.notes.map((one) => (same(one, note) ? { at: note.at, text } : one));
      if (text === '') this.#delete(note);
      else if (this.#keep(notes)) this.#edit(null);
    };
    return [h(
      'form', { class: 'tool-row', onsubmit: (/** @type {Event} */ event) => this.#submit(event, save) },
      input, h('button', { class: 'plain' }, 'Save'), h('button', { type: 'button', class: 'plain', onclick: () => this.#edit(null) }, 'Leave'),
    )];
  }

  /** @param {Note | null} note */
  #edit(note) {
    const before = this.#edited;
    this.#edited = note;
    this.#showList();
    if (note) this.list.querySelector('input')?.select();
    else if (before) this.list.querySelectorAll('li')[this.panel.state.value.notes.findIndex((one) => one.at === before.at)]?.querySelector('button')?.focus();
  }

  /** @param {Note} note */
  #delete(note) {
    const { notes } = this.panel.state.value;
    const index = notes.findIndex((one) => same(one, note));
    this.#edited = null;
    this.#keep(notes.filter((_, i) => i !== index));
    this.#showList();
    // The focus goes to the neighbour, so that one can go on with the keys.
    const lines = this.list.querySelectorAll('li');
    (lines[Math.min(index, lines.length - 1)]?.querySelector('button') ?? this.text).focus();
  }
}

/** @param {Note} p @param {Note} q @returns {boolean} */
function same(p, q) {
  return p.at === q.at && p.text === q.text;
}

/** One line, without the sign that parts notes in a link. @param {string} text @returns {string} */
function tidy(text) {
  return whole(text.replace(/[\u0000-\u001f\u007f\u2028\u2029\s]+/g, ' ').replaceAll('|', '/').trim(), LONGEST);
}
