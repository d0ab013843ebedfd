// @ts-check
import { h, icon, setText } from './dom.js';

/** The drawer at the right: a tab for each tool of the panel, and the one that is open. */
export class Drawer {
  /** @param {(id: string) => void} open @param {() => void} close */
  constructor(open, close) {
    this.open = open;
    this.tabs = h('div', { class: 'drawer-tabs', role: 'tablist', 'aria-label': 'Tools' });
    this.title = h('h2', { id: 'drawer-title' });
    this.content = h('div', { class: 'drawer-content', role: 'tabpanel', 'aria-labelledby': 'drawer-title' });
    this.element = h(
      'aside', { class: 'tools', 'aria-label': 'Tools' }, this.tabs,
      h('div', { class: 'tools-open', hidden: true },
        h('header', {}, this.title, h('button', { type: 'button', class: 'button', 'aria-label': 'Close the tool', title: 'Close', onclick: close }, icon('close'))),
        this.content),
    );
    this.tabs.addEventListener('keydown', (event) => this.#arrow(event));
    this.content.addEventListener('keydown', (event) => this.#leave(event));
  }

  /** @param {readonly import('./types.js').Tool[]} tools */
  offer(tools) {
    this.element.hidden = tools.length === 0;
    this.tabs.replaceChildren(...tools.map(({ id, label, icon: picture, keys }) => h(
      'button',
      { type: 'button', class: 'button', role: 'tab', id: `tool-${id}`, 'data-tool': id, 'aria-selected': 'false', 'aria-label': label, tabindex: -1,
        title: `${label} (${keys.map((key) => key.toUpperCase()).join(', ')})`, onclick: () => this.open(id) },
      icon(picture),
    )));
    this.tabs.firstElementChild?.setAttribute('tabindex', '0');
  }

  /** @param {import('./types.js').Tool | null} tool @param {HTMLElement | null} element   Null while it is on its way. */
  show(tool, element) {
    const holder = /** @type {HTMLElement} */ (this.content.parentElement);
    // Focus that would be lost with what it is on goes to the tab, where the keys of the page work.
    if (tool === null && holder.contains(document.activeElement)) this.#chosen?.focus();
    holder.hidden = tool === null;
    for (const tab of this.tabs.children) {
      const chosen = tool !== null && /** @type {HTMLElement} */ (tab).dataset.tool === tool.id;
      tab.setAttribute('aria-selected', String(chosen));
      if (tool !== null) tab.setAttribute('tabindex', chosen ? '0' : '-1');
    }
    setText(this.title, tool?.label ?? '');
    if (tool === null) this.content.replaceChildren();
    else if (!element) this.content.replaceChildren(h('p', { class: 'opening', role: 'status' }, 'Loading …'));
    else if (this.content.firstElementChild !== element) this.content.replaceChildren(element);
  }

  get #chosen() {
    return /** @type {HTMLElement | null} */ (this.tabs.querySelector('[aria-selected="true"]'));
  }

  /** Esc leaves a field, and gives the keys back to the page. @param {KeyboardEvent} event */
  #leave(event) {
    const field = /** @type {HTMLElement} */ (event.target).matches('input, select, textarea');
    if (event.key !== 'Escape' || event.defaultPrevented || !field) return;
    event.preventDefault();
    this.#chosen?.focus();
  }

  /** Arrow keys go from tab to tab, as screen readers expect. @param {KeyboardEvent} event */
  #arrow(event) {
    const by = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 })[event.key];
    const tabs = /** @type {HTMLElement[]} */ ([...this.tabs.children]);
    const at = tabs.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (!by || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    tabs[(at + by + tabs.length) % tabs.length].focus();
  }
}
