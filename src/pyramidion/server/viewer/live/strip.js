// @ts-check
import { h, setText } from '../frame/dom.js';
import { formatCount } from '../frame/si.js';
import { ageText } from '../image/times.js';
import { recordingAddress } from './link.js';
import { diskText, lostReasons, percent, plural, rateText } from './words.js';

const SPAN = 1000; // ms over which drawn frames are counted

/** The line under the picture: how camera and recording stand, in numbers. */
export class Strip {
  /** Address of the growing recording in the image panel, at this view; '' where nothing is recorded. */
  recording = '';
  /** New frames drawn a second. */
  rate = 0;

  /** When frames were counted, and how many there were. @type {{at: number, frames: number}[]} */ #counts = [];

  /** @param {import('./panel.js').LivePanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.word = h('span');
    this.badge = h('a', { class: 'badge', onpointerdown: () => this.show(), onfocus: () => this.show() }, h('span', { class: 'badge-dot', 'aria-hidden': 'true' }), this.word);
    this.frozen = h('span', { class: 'badge badge-frozen', hidden: true }, 'Frozen');
    this.cells = {
      number: cell('Frame', 'wide'), age: cell('Age'), shown: cell('Shown', '', 'New frames drawn on this page, a second'), rate: cell('Camera', '', 'Frames the camera takes, a second'),
      stored: cell('Stored', 'wide'), ring: cell('Buffer', '', 'How full the memory between camera and disk is'), disk: cell('Disk left', 'long', 'Free space, and for how long it will do'),
      cursor: cell('Cursor', 'wide', 'The time cursor of all panels, seen from the frame shown'), lost: cell('Lost', 'last'),
    };
    this.element = h('div', { class: 'strip', role: 'group', 'aria-label': 'Camera and recording' }, this.badge, this.frozen, h('dl', {}, ...Object.values(this.cells).map(({ element }) => element)));
  }

  /** @param {number} number   Of the frame that is drawn now. */
  showNumber(number) {
    setText(this.cells.number.value, formatCount(number));
  }

  show() {
    const { panel, cells } = this;
    const { news: { info }, standing: { mood, badge }, frozen } = panel;
    this.#count();
    setText(this.word, badge);
    this.badge.dataset.mood = mood;
    this.#link();
    this.frozen.hidden = !frozen.active;
    const { age } = panel;
    cells.age.show(Number.isFinite(age) ? ageText(age) : '–');
    cells.shown.show(frozen.active ? '–' : `${rateText(this.rate)} /s`);
    cells.rate.show(Number.isFinite(info.fps) ? `${rateText(info.fps)} /s` : '');
    cells.cursor.show(cursorText(panel.clock.behind));
    const lost = Number(info.frames_lost);
    cells.lost.show(Number.isFinite(lost) ? formatCount(lost) : '', lost > 0 ? lostReasons(info) : '');
    cells.lost.element.classList.toggle('wrong', lost > 0);
    cells.stored.show(info.store && Number.isFinite(info.frames_stored) ? formatCount(info.frames_stored) : '');
    cells.ring.show(info.store && Number.isFinite(info.ring_used) ? percent(info.ring_used) : '');
    cells.ring.element.classList.toggle('wrong', info.ring_used > 0.8);
    cells.disk.show(info.store ? diskText(info) : '');
    cells.disk.element.classList.toggle('wrong', info.state === 'recording' && info.seconds_left < 60);
  }

  #link() {
    const { news: { info }, feed } = this.panel;
    this.recording = !feed.trouble && info.store && info.frames_stored > 1 ? recordingAddress(this.panel, info.store) : '';
    if (!this.recording) {
      this.badge.removeAttribute('href');
      this.badge.removeAttribute('title');
      return;
    }
    this.badge.setAttribute('href', this.recording);
    this.badge.title = `See the recording ${info.store} at this view: ${plural(info.frames_stored, 'frame')} (G)`;
  }

  #count() {
    const now = performance.now();
    const { frames } = this.panel.drawn;
    this.#counts.push({ at: now, frames });
    while (this.#counts.length > 2 && now - this.#counts[1].at >= SPAN) this.#counts.shift();
    const [first] = this.#counts;
    this.rate = now > first.at ? (1000 * (frames - first.frames)) / (now - first.at) : 0;
  }
}

/** @param {number | null} behind   Seconds. @returns {string} */
function cursorText(behind) {
  if (behind === null) return '';
  if (Math.abs(behind) < 5e-4) return 'here';
  return behind < 0 ? `${ageText(-behind)} ahead` : `${ageText(behind)} ago`;
}

/** @param {string} name @param {string} [width] @param {string} [title] */
function cell(name, width = '', title = '') {
  const value = h('dd', {}, '–');
  const note = h('dd', { class: 'strip-note' });
  const element = h('div', { class: `strip-cell ${width}`, title: title || null, hidden: name !== 'Frame' }, h('dt', {}, name), value, note);
  return {
    element, value,
    /** @param {string} text   '' for what is not known. @param {string} [more] */
    show(text, more = '') {
      element.hidden = text === '';
      setText(value, text);
      setText(note, more);
      if (more) element.title = more;
    },
  };
}
