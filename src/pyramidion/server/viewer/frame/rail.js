// @ts-check
import { h, icon, setText } from './dom.js';

/**
 * The rail: what each open dataset holds, as a tree whose lines are kept from update to update, so that focus stays.
 *
 * @typedef {import('./types.js').Branch} Branch
 */
export class Rail {
  /** @param {() => void} close */
  constructor(close) {
    this.trees = h('div', { class: 'rail-trees', tabindex: '0', role: 'group', 'aria-label': 'What the data hold' });
    this.element = h(
      'nav', { class: 'rail', 'aria-label': 'Arrays and channels' },
      h('header', {}, h('h2', {}, 'Data'), h('button', { type: 'button', class: 'button', 'aria-label': 'Close', title: 'Close (J)', onclick: close }, icon('close'))),
      this.trees, beside(),
    );
  }

  /** @param {readonly {title: string, tree: Branch[]}[]} datasets */
  show(datasets) {
    showList(this.trees, datasets.map(({ title, tree }) => ({ label: title, children: tree })));
  }
}

/** A field to open something else together with what is here. @returns {HTMLElement} */
function beside() {
  const field = h('input', { type: 'text', 'aria-label': 'Address of more data', placeholder: 'Open beside …', spellcheck: 'false', required: true });
  return h('form', { class: 'beside', onsubmit: (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.append('data', field.value.trim());
    location.assign(`?${query}${location.hash}`);
  } }, field, h('button', { type: 'submit', class: 'button', 'aria-label': 'Open it beside', title: 'Open it beside' }, icon('plusbox')));
}

/** What a line stands for now. @type {WeakMap<Element, Branch>} */
const branches = new WeakMap();

/** @param {HTMLElement} holder @param {readonly Branch[]} lines */
function showList(holder, lines) {
  let list = /** @type {HTMLElement | null} */ (holder.querySelector(':scope > ul'));
  if (lines.length === 0) {
    list?.remove();
    return;
  }
  if (!list) holder.append(list = h('ul'));
  while (list.childElementCount > lines.length) list.lastElementChild?.remove();
  while (list.childElementCount < lines.length) list.append(line());
  lines.forEach((branch, i) => showLine(/** @type {HTMLElement} */ (list.children[i]), branch));
}

/** @returns {HTMLElement} */
function line() {
  const item = h('li');
  const branch = () => branches.get(item);
  item.append(
    h('div', { class: 'branch' },
      h('button', { type: 'button', class: 'eye', onclick: () => branch()?.eye?.toggle() }, icon('eye')),
      h('span', { class: 'swatch', 'aria-hidden': 'true' }),
      h('button', { type: 'button', class: 'branch-name', onclick: () => branch()?.run?.() }),
      h('span', { class: 'branch-detail' })),
  );
  return item;
}

/** @param {HTMLElement} item @param {Branch} branch */
function showLine(item, branch) {
  branches.set(item, branch);
  const [eye, swatch, name, detail] = /** @type {HTMLElement[]} */ ([...item.children[0].children]);
  eye.hidden = !branch.eye;
  eye.setAttribute('aria-pressed', String(branch.eye?.on ?? false));
  eye.setAttribute('aria-label', `${branch.eye?.on ? 'Hide' : 'Show'} ${branch.label}`);
  swatch.hidden = !branch.colour;
  swatch.style.background = branch.colour ?? '';
  /** @type {HTMLButtonElement} */ (name).disabled = !branch.run;
  setText(name, branch.label);
  item.children[0].classList.toggle('current', branch.current ?? false);
  if (branch.current) name.setAttribute('aria-current', 'true');
  else name.removeAttribute('aria-current');
  setText(detail, branch.detail ?? '');
  showList(item, branch.children ?? []);
}
