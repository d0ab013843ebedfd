// @ts-check
import { Drawer } from './drawer.js';
import { keep, RAIL } from './kept.js';
import { Rail } from './rail.js';

/**
 * What stands beside the picture: the rail at the left, the drawer with the tools at the right.
 *
 * @typedef {import('./types.js').OpenTool} OpenTool
 * @typedef {import('./types.js').Tool} Tool
 * @typedef {import('./view.js').View} View
 *
 * @typedef {object} Bench   The tools of one view.
 * @property {Map<string, OpenTool>} loaded
 * @property {Map<string, Promise<OpenTool | undefined>>} coming
 * @property {string} open   '' for none.
 */

const REST = 150; // ms between two looks at what the rail shows

export class Desk {
  /** @type {WeakMap<View, Bench>} */ #benches = new WeakMap();
  /** Whose tools are offered. @type {import('./types.js').Panel | null | undefined} */ #shown;
  #frame = 0;
  #timer = 0;
  #loading = 0;

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.rail = new Rail(() => this.toggleRail());
    this.drawer = new Drawer((id) => this.toggleTool(id), () => this.closeTool());
    this.body = /** @type {HTMLElement} */ (app.root.querySelector('.body'));
    this.rail.element.hidden = !this.body.classList.contains('with-rail');
    this.body.prepend(this.rail.element);
    this.body.append(this.drawer.element);
  }

  get #view() {
    return this.app.active;
  }

  /** Nothing is on its way. */
  get settled() {
    const tools = this.app.views.flatMap((view) => [...this.#bench(view).loaded.values()]);
    return this.#loading === 0 && this.#frame === 0 && this.#timer === 0 && tools.every(({ settled }) => settled ?? true);
  }

  get stats() {
    const view = this.#view;
    const bench = view && this.#bench(view);
    return bench?.loaded.get(bench.open)?.stats?.() ?? {};
  }

  toggleRail() {
    const open = this.body.classList.toggle('with-rail');
    this.rail.element.hidden = !open;
    keep(RAIL, open ? 'open' : 'closed');
    this.update();
  }

  /** @param {string} id   Closed where it is open. */
  toggleTool(id) {
    const view = this.#view;
    if (view && this.#bench(view).open === id) this.closeTool();
    else void this.openTool(id);
  }

  /** What a link names; tools that do not exist are passed over. @param {View} view @param {string} id   '' for none. */
  showTool(view, id) {
    if (id === this.toolOf(view)) return;
    if (id === '') this.closeTool(view);
    else void this.openTool(id, '', view);
  }

  /** @param {View | null} [view] */
  closeTool(view = this.#view) {
    if (!view) return;
    const bench = this.#bench(view);
    bench.loaded.get(bench.open)?.hidden();
    bench.open = '';
    this.#showTool();
    this.app.moved();
  }

  /** @param {string} id @param {string} [key] @param {View | null} [view] */
  async openTool(id, key = '', view = this.#view) {
    const tool = view?.panel?.tools.find((one) => one.id === id);
    if (!view || !tool) return;
    const bench = this.#bench(view);
    if (bench.open !== id) bench.loaded.get(bench.open)?.hidden();
    bench.open = id;
    this.#showTool();
    const opened = await this.#load(view, tool);
    if (!opened || bench.open !== id) return;
    this.#showTool();
    opened.shown(key);
    this.app.moved();
  }

  /** @param {View} view @returns {string} The tool that is open; '' for none. */
  toolOf(view) {
    return this.#bench(view).open;
  }

  /** The view, or what is looked at, is another one. */
  update() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#update();
    });
  }

  /** A picture was drawn: what the rail says of it may have changed. */
  drawn() {
    if (this.rail.element.hidden) return;
    this.#timer ||= window.setTimeout(() => {
      this.#timer = 0;
      void this.#showTrees();
    }, REST);
  }

  #update() {
    const view = this.#view;
    const panel = view?.panel ?? null;
    if (panel !== this.#shown) {
      this.#shown = panel;
      this.drawer.offer(panel?.tools ?? []);
      this.#showTool();
    }
    for (const one of this.app.views) {
      for (const tool of one.panel?.tools ?? []) if (tool.awake()) void this.#load(one, tool);
      for (const opened of this.#bench(one).loaded.values()) opened.update();
    }
    this.drawn();
  }

  async #showTrees() {
    this.#loading += 1;
    try {
      const views = this.app.views.filter(({ panel }) => panel);
      this.rail.show(await Promise.all(views.map(async ({ title, panel }) => ({ title, tree: (await panel?.tree()) ?? [] }))));
    } finally {
      this.#loading -= 1;
    }
  }

  #showTool() {
    const view = this.#view;
    const bench = view && this.#bench(view);
    const tool = view?.panel?.tools.find(({ id }) => id === bench?.open) ?? null;
    this.drawer.show(tool, (bench && tool && bench.loaded.get(tool.id)?.element) ?? null);
    this.body.classList.toggle('with-tool', tool !== null);
  }

  /** @param {View} view @returns {Bench} */
  #bench(view) {
    let bench = this.#benches.get(view);
    if (!bench) this.#benches.set(view, bench = { loaded: new Map(), coming: new Map(), open: '' });
    return bench;
  }

  /** @param {View} view @param {Tool} tool @returns {Promise<OpenTool | undefined>} Undefined where it cannot be had. */
  #load(view, tool) {
    const { loaded, coming } = this.#bench(view);
    const here = loaded.get(tool.id);
    if (here) return Promise.resolve(here);
    const on = coming.get(tool.id) ?? this.#fetch(view, tool);
    coming.set(tool.id, on);
    return on;
  }

  /** @param {View} view @param {Tool} tool */
  async #fetch(view, tool) {
    const bench = this.#bench(view);
    this.#loading += 1;
    try {
      const opened = await tool.load();
      bench.loaded.set(tool.id, opened);
      opened.update();
      return opened;
    } catch (error) {
      if (bench.open === tool.id) bench.open = '';
      this.#showTool();
      this.app.say(`${tool.label} could not be loaded: ${error instanceof Error ? error.message : error}`);
      return undefined;
    } finally {
      bench.coming.delete(tool.id);
      this.#loading -= 1;
    }
  }
}
