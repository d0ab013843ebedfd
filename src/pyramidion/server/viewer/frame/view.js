// @ts-check
import { LruCache } from '../cache/lru.js';
import { DecodePool } from '../decode/pool.js';
import { Scheduler } from '../fetch/scheduler.js';
import { asViewerError } from '../store/errors.js';
import { HttpStore } from '../store/http.js';
import { openGroup } from '../store/open.js';
import { h } from './dom.js';
import { loadPanel, panelFor, preloadPanel } from './panels.js';
import { sourceUrl } from './source.js';
import { loadStyle } from './style.js';

const CARDS = new URL('./cards.css', import.meta.url).href;
/** Decoding threads, shared by all views. @type {DecodePool | null} */ let pool = null;

/** Something to look at: `data` is the address of a store, `live` that of a camera; one of them may be ''. @typedef {{data: string, live: string}} Named */

/** One dataset on the page: its store, its panel, or the reason why there is none. */
export class View {
  /** @type {import('../store/http.js').Traffic} */ traffic = { requests: 0, bytes: 0, errors: 0 };
  /** @type {import('./types.js').Panel | null} */ panel = null;
  /** @type {Scheduler | null} */ scheduler = null;
  /** @type {import('../store/errors.js').ViewerError | null} */ error = null;
  /** Opening is over, one way or the other. */
  opened = false;
  address = '';

  /** @param {Named} named @param {number} bytes   Of decoded chunks that it may keep. */
  constructor(named, bytes) {
    this.named = named;
    this.bytes = bytes;
    const { data } = named;
    this.title = data === '' ? 'Live' : (data.split('/').filter(Boolean).at(-1) ?? data);
    this.element = h('div', { class: 'view' });
  }

  /** @param {import('./types.js').PanelHost} host @param {string | undefined} asked   The panel that the link names. */
  async open(host, asked) {
    this.opened = false;
    this.error = null;
    this.element.replaceChildren(h('p', { class: 'opening', role: 'status' }, 'Opening …'));
    try {
      this.panel = await (this.named.data === '' ? this.#openCamera(host) : this.#openStore(host, asked));
      this.title = this.panel.title;
      this.element.replaceChildren(this.panel.element);
    } catch (error) {
      this.error = asViewerError(error, this.named.data || this.named.live);
      const [{ errorCard }] = await Promise.all([import('./failure.js'), loadStyle(CARDS)]);
      this.element.replaceChildren(errorCard(this.error, { retry: () => this.retry(), other: () => location.assign('?') }));
    }
    this.opened = true;
  }

  /** Opens it again; whoever opened it says how. */
  retry = () => {};

  /** @param {import('./types.js').PanelHost} host @param {string | undefined} asked */
  async #openStore(host, asked) {
    const store = new HttpStore(sourceUrl(this.named.data, document.baseURI), this.traffic);
    preloadPanel(asked);
    const group = await openGroup(store);
    pool ??= new DecodePool();
    const scheduler = new Scheduler(store, pool, new LruCache(this.bytes));
    const { openPanel } = await loadPanel(panelFor(group, asked));
    this.scheduler = scheduler;
    this.address = store.where('');
    return openPanel({ store, group, scheduler, host, live: this.named.live });
  }

  /** @param {import('./types.js').PanelHost} host */
  async #openCamera(host) {
    const { panel, address } = await (await import('./live.js')).openCamera(this.named.live, { host, traffic: this.traffic });
    this.address = address;
    return panel;
  }

  /** Nothing is on its way and nothing is to be drawn. */
  get settled() {
    return this.opened && (!this.panel || (this.panel.settled() && (this.scheduler?.quiet ?? true)));
  }

  /** What it has done so far. */
  get stats() {
    const { panel, scheduler } = this;
    return {
      ...this.traffic,
      cacheHits: scheduler?.cacheHits ?? 0,
      cacheBytes: scheduler?.cache.bytes ?? 0,
      missing: scheduler?.missing ?? 0,
      step: { ...(scheduler?.step ?? { requests: 0, bytes: 0 }) },
      decodeMs: pool?.decodeMs ?? 0,
      ...panel?.stats(),
    };
  }
}
