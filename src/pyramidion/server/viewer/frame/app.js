// @ts-check
import { LruCache } from '../cache/lru.js';
import { DecodePool } from '../decode/pool.js';
import { Scheduler } from '../fetch/scheduler.js';
import { asViewerError } from '../store/errors.js';
import { HttpStore } from '../store/http.js';
import { openGroup } from '../store/open.js';
import { action, listenKeys } from './actions.js';
import { h } from './dom.js';
import { formatHash, parseHash } from './hash.js';
import { errorBar, errorCard } from './message.js';
import { loadPanel, panelFor, preloadPanel } from './panels.js';
import { sourceUrl } from './source.js';
import { statusLine } from './statusline.js';
import { loadStyle } from './style.js';
import { startTheme, switchTheme } from './theme.js';
import { topBar } from './topbar.js';

const MEMORY = 256 * 2 ** 20; // bytes of decoded chunks
const CARDS = new URL('./cards.css', import.meta.url).href;
const ADDRESS_REST = 250; // ms without a move until the address follows

/** The page: one dataset, one panel, and what surrounds them. */
export class App {
  /** @type {import('../store/http.js').Traffic} */ traffic = { requests: 0, bytes: 0, errors: 0 };
  /** @type {import('./types.js').Panel | null} */ panel = null;
  /** @type {Scheduler | null} */ scheduler = null;
  /** @type {DecodePool | null} */ pool = null;
  /** @type {import('../store/errors.js').ViewerError | null} */ error = null;
  /** Opening is over, one way or the other. */
  opened = false;
  /** Called with a panel once it is shown. @type {(panel: import('./types.js').Panel) => Promise<void>} */
  opening = () => Promise.resolve();

  #status = statusLine();
  #bar = errorBar(() => this.scheduler?.retry());
  #hashTimer = 0;
  /** @type {HTMLDialogElement | null} */ #help = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.actions = [
      action('copy-link', 'Copy a link to this view', ['l'], () => void this.copyLink()),
      action('values', 'This view in numbers', ['i'], () => this.root.classList.toggle('with-values')),
      action('theme', 'Light or dark', ['t'], () => switchTheme(() => this.panel?.refresh())),
      action('help', 'Keys and gestures', ['?', 'h'], () => void this.showHelp(), '?'),
    ];
    startTheme(() => this.panel?.refresh());
    listenKeys(() => [...this.actions, ...(this.panel?.actions ?? [])]);
    addEventListener('hashchange', () => this.panel?.showHash(parseHash(location.hash)));
  }

  /** Show what the address of the page names. */
  async start() {
    const [data, live] = [queried('data'), queried('live')];
    if (data === '' && live !== '') {
      await this.openLive(live);
    } else if (data === '') {
      const [{ startPage }] = await Promise.all([import('./start.js'), loadStyle(CARDS)]);
      this.#frame('', '', startPage((text) => location.assign(`?data=${encodeURIComponent(text)}`)));
      this.opened = true;
    } else {
      await this.open(data);
    }
  }

  /** @param {string} data  Address or path of a store. */
  open(data) {
    return this.#open(data, data.split('/').filter(Boolean).at(-1) ?? data, async () => {
      const store = new HttpStore(sourceUrl(data, document.baseURI), this.traffic);
      const asked = parseHash(location.hash).get('p');
      preloadPanel(asked);
      const group = await openGroup(store);
      this.pool ??= new DecodePool();
      const scheduler = new Scheduler(store, this.pool, new LruCache(MEMORY));
      this.scheduler = scheduler;
      scheduler.listen(() => this.#arrived());
      const { openPanel } = await loadPanel(panelFor(group, asked));
      return { panel: await openPanel({ store, group, scheduler, host: this.#host, live: queried('live') }), address: store.where('') };
    });
  }

  /** @param {string} live  Address or path of the server of a camera. */
  openLive(live) {
    return this.#open(live, 'Live', async () => (await import('./live.js')).openCamera(live, { host: this.#host, traffic: this.traffic }));
  }

  /**
   * @param {string} named   What is to be opened, as the link has it. @param {string} title
   * @param {() => Promise<{panel: import('./types.js').Panel, address: string}>} opening
   */
  async #open(named, title, opening) {
    this.opened = false;
    this.error = null;
    this.#frame(title, named, h('p', { class: 'opening', role: 'status' }, 'Opening …'));
    try {
      const { panel, address } = await opening();
      this.panel = panel;
      this.#status.hint = panel.hint;
      this.#frame(panel.title, address, panel.element, this.#status.element);
      panel.showHash(parseHash(location.hash));
      await this.opening(panel);
    } catch (error) {
      this.error = asViewerError(error, named);
      await loadStyle(CARDS);
      const card = errorCard(this.error, { retry: () => void this.#open(named, title, opening), other: () => location.assign('?') });
      this.#frame(title, named, card);
    }
    this.opened = true;
  }

  get #host() {
    return {
      changed: () => this.#moved(),
      pointed: (/** @type {string} */ text) => this.#status.showPointer(text),
      drawn: () => this.#drawn(),
      say: (/** @type {string} */ text) => this.#toast(text),
    };
  }

  /** What the page and its panel have done so far. */
  get stats() {
    const { panel, scheduler } = this;
    return {
      ...this.traffic,
      cacheHits: scheduler?.cacheHits ?? 0,
      cacheBytes: scheduler?.cache.bytes ?? 0,
      missing: scheduler?.missing ?? 0,
      step: { ...(scheduler?.step ?? { requests: 0, bytes: 0 }) },
      decodeMs: this.pool?.decodeMs ?? 0,
      ...panel?.stats(),
    };
  }

  /** Nothing is on its way and nothing is to be drawn. */
  get settled() {
    return this.opened && (!this.panel || (this.panel.settled() && (this.scheduler?.quiet ?? true)));
  }

  async copyLink() {
    this.#writeHash();
    let said = 'Link copied';
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      said = 'The browser does not allow copying here: take the link from its address field';
    }
    this.#toast(said);
  }

  async showHelp() {
    if (this.#help?.open) {
      this.#help.close();
      return;
    }
    const { helpDialog } = await import('./help.js');
    this.#help?.remove();
    this.#help = helpDialog([...(this.panel?.actions ?? []), ...this.actions], this.panel?.gestures ?? '');
    document.body.append(this.#help);
    this.#help.showModal();
  }

  /** @param {string} title @param {string} address @param {...HTMLElement} content */
  #frame(title, address, ...content) {
    const pictures = /** @type {const} */ ({ 'copy-link': 'link', values: 'info', theme: 'theme', help: 'help' });
    const buttons = this.actions
      .filter(({ id }) => this.panel || id === 'theme' || id === 'help')
      .map((one) => ({ action: one, button: pictures[/** @type {keyof typeof pictures} */ (one.id)] }));
    document.title = title ? `${title} · pyramidion` : 'pyramidion';
    const main = h('main', { class: 'stage' }, this.#bar.element, ...content.slice(0, 1));
    this.root.replaceChildren(topBar(title, address, buttons), main, ...content.slice(1));
  }

  #moved() {
    clearTimeout(this.#hashTimer);
    this.#hashTimer = window.setTimeout(() => this.#writeHash(), ADDRESS_REST);
  }

  #writeHash() {
    clearTimeout(this.#hashTimer);
    if (this.panel) history.replaceState(null, '', formatHash(this.panel.hash(parseHash(location.hash))));
  }

  #arrived() {
    this.#bar.show([...(this.scheduler?.failures.values() ?? [])]);
    this.#status.showTraffic(this.stats);
  }

  #drawn() {
    this.#status.showTraffic(this.stats);
    if (!this.panel) return;
    this.#status.showLevel(this.panel.levelText());
    this.#status.speak(this.panel.spoken());
  }

  /** @param {string} text  Shown for a moment. */
  #toast(text) {
    const toast = h('p', { class: 'toast', role: 'status' }, text);
    document.body.append(toast);
    setTimeout(() => toast.remove(), 2500);
  }
}

/** @param {string} name @returns {string} What the query of the address says; '' for nothing. */
function queried(name) {
  return new URLSearchParams(location.search).get(name)?.trim() ?? '';
}
