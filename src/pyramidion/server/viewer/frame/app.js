// @ts-check
import { action, listenKeys } from './actions.js';
import { Clock } from './clock.js';
import { h, setChildren } from './dom.js';
import { formatHash, ownKeys, parseHash, withOwnKeys } from './hash.js';
import { kept, RAIL } from './kept.js';
import { Late } from './late.js';
import { errorBar } from './message.js';
import { statusLine } from './statusline.js';
import { loadStyle } from './style.js';
import { startTheme, switchTheme } from './theme.js';
import { topBar } from './topbar.js';
import { View } from './view.js';

const MEMORY = 256 * 2 ** 20; // bytes of decoded chunks, over all views
const CARDS = new URL('./cards.css', import.meta.url).href;
const DESK = new URL('./desk.css', import.meta.url).href;
const WIDE = 1400; // CSS pixels from which the rail is open at first
const FIRST_PICTURES = 2000; // ms that the rest of the page waits for them at most
const ADDRESS_REST = 250; // ms without a move until the address follows

/** The page: what is looked at, and what surrounds it. */
export class App {
  /** From top to bottom. @type {View[]} */ views = [];
  /** Keys, drawer and status line belong to it. @type {View | null} */ active = null;
  clock = new Clock();
  /** Called with a panel once its picture is shown. @type {(panel: import('./types.js').Panel) => Promise<void>} */
  opening = () => Promise.resolve();
  /** Rail and drawer, which come after the first picture. */
  desk = new Late(async () => {
    const [{ Desk }] = await Promise.all([import('./desk.js'), loadStyle(DESK)]);
    return new Desk(this);
  }, () => {
    this.#updateDesk();
    this.#showTools();
  });

  #status = statusLine();
  #bar = errorBar(() => {
    this.active?.scheduler?.retry();
    this.#updateDesk(); // tools try again, too
  });
  #main = h('main', { class: 'stage' });
  #body = h('div', { class: railFirst() ? 'body with-rail' : 'body' }, this.#main);
  /** @type {ReturnType<typeof topBar> | null} */ #top = null;
  #hashTimer = 0;
  #started = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.actions = [
      action('rail', 'Arrays and channels', ['j'], () => this.#withDesk((desk) => desk.toggleRail())),
      action('copy-link', 'Copy a link to this view', ['l'], () => void this.copyLink()),
      action('values', 'This view in numbers', ['i'], () => this.root.classList.toggle('with-values')),
      action('theme', 'Light or dark', ['t'], () => switchTheme(() => this.#refresh())),
      action('help', 'Keys and gestures', ['?', 'h'], () => void this.showHelp(), '?'),
    ];
    startTheme(() => this.#refresh());
    listenKeys(() => this.#reachable());
    addEventListener('hashchange', () => this.#showHash());
    this.clock.listen((time, by) => {
      for (const view of this.views) if (view !== by) view.panel?.timeline?.show(time);
    });
  }

  get panel() {
    return this.active?.panel ?? null;
  }

  /** Show what the address of the page names. */
  async start() {
    const named = namedBy(new URLSearchParams(location.search));
    if (named.length === 0) {
      const [{ startPage }] = await Promise.all([import('./start.js'), loadStyle(CARDS)]);
      this.#frame([startPage((text) => location.assign(`?data=${encodeURIComponent(text)}`))]);
    } else {
      this.views = named.map((one) => new View(one, MEMORY / named.length));
      if (named.length > 1) this.actions.unshift(action('next-view', 'Next of what is open', ['f6'], () => this.#goTo(this.views[(this.views.findIndex((view) => view === this.active) + 1) % this.views.length])));
      this.#main.classList.toggle('several', named.length > 1);
      this.active = this.views[0];
      for (const view of this.views) {
        view.retry = () => void this.#open(view);
        view.element.addEventListener('pointerdown', () => this.#activate(view), true);
        view.element.addEventListener('focusin', () => this.#activate(view));
      }
      this.#frame();
      await Promise.all(this.views.map((view) => this.#open(view)));
    }
    await this.#firstPictures();
    if (this.views.length > 0) this.desk.get();
    if (this.panel) await this.opening(this.panel);
    this.#started = true;
  }

  /** Wait until something is seen: what stands beside it must not take its time. */
  async #firstPictures() {
    const until = performance.now() + FIRST_PICTURES;
    while (this.views.some((view) => view.scheduler && !view.settled) && performance.now() < until) {
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
  }

  /** @param {View} view */
  async #open(view) {
    const state = () => ownKeys(parseHash(location.hash), this.views.indexOf(view));
    await view.open(this.#host(view), state().get('p'));
    view.scheduler?.listen(() => this.#arrived(view));
    if (view === this.active) this.#status.hint = view.panel?.hint ?? '';
    this.#frame();
    if (!view.panel) return;
    view.panel.showHash(state());
    this.#updateDesk();
    this.#showTools();
    if (this.#started && view === this.active) await this.opening(view.panel);
  }

  /** Make a view the active one, with the focus in it. @param {View} view */
  #goTo(view) {
    this.#activate(view);
    /** @type {HTMLElement | null} */ (view.element.querySelector('canvas[tabindex]'))?.focus();
  }

  /** @param {View} view */
  #activate(view) {
    if (view === this.active) return;
    this.active = view;
    for (const one of this.views) one.element.classList.toggle('active', one === view);
    this.#status.hint = view.panel?.hint ?? '';
    this.#title();
    this.#updateDesk();
    this.#arrived(view);
    this.#drawn(view);
    if (view.panel) void this.opening(view.panel);
  }

  /** @param {View} view @returns {import('./types.js').PanelHost} */
  #host(view) {
    return {
      changed: () => this.moved(),
      pointed: (text) => view === this.active && this.#status.showPointer(text),
      drawn: () => this.#drawn(view),
      say: (text) => this.say(text),
      openTool: (id) => this.openTool(id),
      time: (time) => time !== null && this.clock.set(time, view),
    };
  }

  /** What the active view and its tool have done so far; empty where nothing is open. */
  get stats() {
    return { ...this.active?.stats, ...this.desk.here?.stats };
  }

  /** Nothing is on its way and nothing is to be drawn. */
  get settled() {
    return this.#started && this.views.every((view) => view.settled) && !this.desk.coming && (this.desk.here?.settled ?? true);
  }

  /** @returns {string} The part of the address that holds what is seen. */
  link() {
    this.#writeHash();
    return location.hash;
  }

  async copyLink() {
    this.link();
    let said = 'Link copied';
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      said = 'The browser does not allow copying here: take the link from its address field';
    }
    this.say(said);
  }

  async showHelp() {
    const { showHelp } = await import('./help.js');
    showHelp([...(this.panel?.actions ?? []), ...this.#toolActions(), ...this.actions], this.panel?.gestures ?? '');
  }

  /** @returns {import('./actions.js').Action[]} Everything that has a key. */
  #reachable() {
    return [...this.actions, ...(this.panel?.actions ?? []), ...this.#toolActions()];
  }

  /** @returns {import('./actions.js').Action[]} */
  #toolActions() {
    return (this.panel?.tools ?? []).map(({ id, label, keys }) => action(id, label, keys, ({ key }) => this.openTool(id, key)));
  }

  /** @param {string} id @param {string} [key]   The one that was pressed. */
  openTool(id, key = '') {
    this.#withDesk((desk) => void desk.openTool(id, key));
  }

  /** @param {(desk: import('./desk.js').Desk) => void} act */
  #withDesk(act) {
    if (this.desk.here) act(this.desk.here);
    else void this.desk.come().then((desk) => desk && act(desk));
  }

  #refresh() {
    for (const { panel } of this.views) panel?.refresh();
    this.#updateDesk();
  }

  #updateDesk() {
    this.desk.here?.update();
  }

  /** Put together what is seen; what is there already stays, with the focus. @param {HTMLElement[]} content   From top to bottom. */
  #frame(content = this.views.map(({ element }) => element)) {
    this.#top ??= this.#topBar();
    setChildren(this.#main, this.#bar.element, ...content);
    this.#body.classList.toggle('with-panel', this.panel !== null);
    if (!this.desk.here) this.#body.classList.toggle('with-tool', (this.panel?.firstTool ?? '') !== '' && !location.hash.includes('tool='));
    setChildren(this.root, this.#top.element, this.#body, ...(this.panel ? [this.#status.element] : []));
    this.#title();
  }

  #topBar() {
    const pictures = /** @type {const} */ ({ rail: 'rail', 'copy-link': 'link', values: 'info', theme: 'theme', help: 'help' });
    const buttons = this.actions
      .filter(({ id }) => id in pictures && (this.views.length > 0 || id === 'theme' || id === 'help'))
      .map((one) => ({ action: one, button: pictures[/** @type {keyof typeof pictures} */ (one.id)] }));
    return topBar(this.views, (view) => this.#goTo(view), buttons);
  }

  #title() {
    document.title = this.active ? `${this.active.title} · pyramidion` : 'pyramidion';
    this.#top?.show(this.active);
  }

  /** The view is another one: rail, tools and address follow. */
  moved() {
    this.#updateDesk();
    clearTimeout(this.#hashTimer);
    this.#hashTimer = window.setTimeout(() => this.#writeHash(), ADDRESS_REST);
  }

  #showHash() {
    const state = parseHash(location.hash);
    this.views.forEach((view, i) => view.panel?.showHash(ownKeys(state, i)));
    this.#showTools();
  }

  #writeHash() {
    clearTimeout(this.#hashTimer);
    let state = parseHash(location.hash);
    this.views.forEach((view, i) => {
      const { panel } = view;
      if (panel) state = withOwnKeys(state, i, this.#withTool(view, panel.hash(ownKeys(state, i))));
    });
    if (this.panel) history.replaceState(null, '', formatHash(state));
  }

  /** @param {View} view @param {import('./hash.js').HashState} state @returns {import('./hash.js').HashState} */
  #withTool(view, state) {
    if (!this.desk.here) return state; // what the view begins with is not open yet
    const tool = this.desk.here.toolOf(view);
    if (tool === (view.panel?.firstTool ?? '')) state.delete('tool');
    else state.set('tool', tool || 'none');
    return state;
  }

  /** The tool of each view: what its link says, else what its panel wants. */
  #showTools() {
    this.views.forEach((view, i) => {
      const tool = ownKeys(parseHash(location.hash), i).get('tool') ?? view.panel?.firstTool ?? '';
      this.desk.here?.showTool(view, tool === 'none' ? '' : tool);
    });
  }

  /** @param {View} view */
  #arrived(view) {
    if (view !== this.active) return;
    this.#bar.show([...(view.scheduler?.failures.values() ?? [])]);
    this.#status.showTraffic(view.stats);
  }

  /** @param {View} view */
  #drawn(view) {
    if (view !== this.active || !view.panel) return;
    this.#status.showTraffic(view.stats);
    this.#status.showLevel(view.panel.levelText());
    this.#status.speak(view.panel.spoken());
    this.desk.here?.drawn();
  }

  /** @param {string} text  Shown for a moment. */
  say(text) {
    const toast = h('p', { class: 'toast', role: 'status' }, text);
    document.body.append(toast);
    setTimeout(() => toast.remove(), 2500);
  }
}

/** @returns {boolean} Whether the rail is open at first: as it was left, else where there is room. */
function railFirst() {
  return innerWidth > 700 && (kept(RAIL) ?? (innerWidth >= WIDE ? 'open' : 'closed')) === 'open';
}

/**
 * What an address names: each `data` is a view; the `live` of a page with one `data` is the camera that records it.
 *
 * @param {URLSearchParams} query @returns {import('./view.js').Named[]}
 */
function namedBy(query) {
  const all = (/** @type {string} */ name) => query.getAll(name).map((text) => text.trim()).filter(Boolean);
  const [data, live] = [all('data'), all('live')];
  const recorded = data.length === 1 && live.length === 1 && !query.has('beside');
  if (recorded) return [{ data: data[0], live: live[0] }];
  return [...data.map((one) => ({ data: one, live: '' })), ...live.map((one) => ({ data: '', live: one }))];
}
