// @ts-check
import { action } from '../frame/actions.js';
import { h, setText } from '../frame/dom.js';
import { formatHash, parseHash } from '../frame/hash.js';
import { formatCount } from '../frame/si.js';
import { loadStyle } from '../frame/style.js';
import { openGroup } from '../store/open.js';
import { isGrowing } from './dataset.js';
import { hashOf } from './link.js';

/**
 * A recording that is still being made: its newest frames, and the way back to the live picture.
 *
 * @typedef {import('./panel.js').ImagePanel} ImagePanel
 * @typedef {import('../store/open.js').ArrayMeta} ArrayMeta
 */

const EVERY = 1000; // ms between two questions about how long it is
const RARELY = 5000; // where nobody answers

/** @param {ImagePanel} panel @param {import('../frame/types.js').Page} page */
export function followGrowth(panel, page) {
  void loadStyle(new URL('./growing.css', import.meta.url).href);
  const growth = new Growth(panel, page);
  panel.view.size.after(growth.element);
  panel.growth = growth;
  if (panel.dataset.growing) {
    panel.actions.push(action('newest', 'The newest frame, and each that comes', ['n'], () => growth.newest()));
    growth.start();
  }
  if (page.live) panel.actions.push(action('live', 'Back to the live picture', ['g'], () => location.assign(growth.liveAddress())));
}

class Growth {
  /** @param {ImagePanel} panel @param {import('../frame/types.js').Page} page */
  constructor(panel, { store, live }) {
    this.panel = panel;
    this.dataset = panel.dataset;
    this.store = store;
    this.live = live;
    this.word = h('span', {}, 'Recording');
    this.badge = h('span', { class: 'badge', 'data-mood': 'recording', hidden: !this.dataset.growing }, h('span', { class: 'badge-dot', 'aria-hidden': 'true' }), this.word);
    this.follow = h('button', { type: 'button', class: 'plain follow', title: 'The newest frame, and each that comes (N)', hidden: !this.dataset.growing, onclick: () => this.newest() }, 'Follow newest');
    const refresh = () => this.back.setAttribute('href', this.liveAddress());
    this.back = h('a', { class: 'plain follow', title: 'Back to the live picture (G)', hidden: live === '', onpointerdown: refresh, onfocus: refresh, href: `?live=${encodeURIComponent(live)}` }, 'Live');
    this.element = h('div', { class: 'growing' }, this.badge, this.follow, this.back);
  }

  /** The newest frame is shown: so will the next. */
  get following() {
    return this.panel.place.t === this.dataset.shape.t - 1;
  }

  newest() {
    this.panel.goTo('t', this.dataset.shape.t - 1);
  }

  start() {
    setTimeout(() => void this.#look(), EVERY);
  }

  /** @returns {string} The live picture at this view. */
  liveAddress() {
    const before = parseHash(location.hash);
    const state = hashOf(this.panel, before);
    for (const key of ['t', 'x', 'y', 'z', 'pl']) state.delete(key);
    if (!this.panel.place.chosen) for (const key of ['c', 's']) state.delete(key);
    // There the range followed what was seen.
    if (state.delete('auto')) state.set('ch', (state.get('ch') ?? '').split(':').slice(0, 2).join(':'));
    return `?live=${encodeURIComponent(this.live)}${formatHash(state.set('p', 'live'))}`;
  }

  async #look() {
    let wait = EVERY;
    try {
      const group = await openGroup(this.store);
      const arrays = await Promise.all(this.dataset.levels.map(({ array }) => group.array(array.path)));
      this.#grow(arrays.filter((array) => array !== null));
      this.dataset.growing = isGrowing(group);
      setText(this.word, 'Recording');
    } catch {
      wait = RARELY;
      setText(this.word, 'Recording, no answer');
    }
    this.show();
    if (this.dataset.growing) setTimeout(() => void this.#look(), wait);
    else this.panel.host.say(`The recording is complete: ${formatCount(this.dataset.shape.t)} frames`);
  }

  /** @param {ArrayMeta[]} arrays   The levels as they are now. */
  #grow(arrays) {
    const { dataset, panel } = this;
    const before = dataset.shape.t;
    const now = Math.min(...arrays.map(({ shape }) => shape[0])); // time comes first
    if (arrays.length < dataset.levels.length || !(now > before)) return;
    const { following } = this;
    dataset.levels.forEach((level, i) => {
      Object.assign(level.array, arrays[i]);
      level.array.shape[0] = level.shape.t = now;
    });
    // Chunks of several frames may have been read before they were full.
    const open = new Set(dataset.levels.filter(({ chunk }) => before % chunk.t > 0).map(({ array, chunk }) => `${array.path}#${Math.floor(before / chunk.t)}.`));
    panel.scheduler.forget((key) => open.has(key.slice(0, key.indexOf('.') + 1)));
    panel.showSize();
    if (following) panel.place.setSlice({ t: now - 1 });
    else panel.requestDraw();
  }

  show() {
    this.badge.hidden = this.follow.hidden = !this.dataset.growing;
    this.follow.setAttribute('aria-pressed', String(this.following));
  }
}
