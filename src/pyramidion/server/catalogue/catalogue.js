// @ts-check
import { openedBefore, readChoice, rememberOpened, writeChoice } from './address.js';
import { choose } from './choose.js';
import { find, formatCount, h, setText } from './dom.js';
import { Feed } from './feed.js';
import { drawFolders } from './folders.js';
import { Rows } from './rows.js';

const form = find('#find', HTMLFormElement);
const words = find('#words', HTMLInputElement);
const order = find('#order', HTMLSelectElement);
const folders = find('#folders', HTMLElement);
const place = find('#datasets', HTMLElement);

let choice = readChoice();
let opened = openedBefore();
let allFolders = false;
/** @type {number | undefined} */ let telling;
/** @type {number | undefined} */ let drawing;
let anew = true;
/** A row is pressed: made anew before it is released, it would lose the click. */
let pressed = false;

const rows = new Rows(place);
const feed = new Feed(drawSoon);

start();

function start() {
  document.documentElement.classList.add('scripted');
  document.querySelector('#pages')?.remove();
  fillForm();
  writeChoice(choice, false);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    rows.end('first');
  });
  form.addEventListener('input', () => setChoice(readForm(), false));
  folders.addEventListener('click', chooseFolder);
  place.addEventListener('click', noteOpened);
  place.addEventListener('keydown', moveInList);
  place.addEventListener('pointerdown', () => {
    pressed = true;
  });
  for (const end of ['pointerup', 'pointercancel', 'dragend', 'contextmenu', 'blur']) addEventListener(end, release);
  words.addEventListener('keydown', leaveSearch);
  document.addEventListener('keydown', focusSearch);
  addEventListener('hashchange', () => {
    choice = readChoice();
    fillForm();
    redraw();
  });
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && rows.hasMore) rows.more();
    sentinelAgain();
  }, { rootMargin: '1500px' }).observe(find('#further', HTMLElement));
  themeButton();
  void feed.run();
}

/** An observer tells of changes only: look again while the end of the list is still near, or when the list has grown. */
function sentinelAgain() {
  requestAnimationFrame(() => {
    const near = find('#further', HTMLElement).getBoundingClientRect().top < innerHeight + 1500;
    if (near && rows.hasMore) {
      rows.more();
      sentinelAgain();
    }
  });
}

/** @param {import('./address.js').Choice} next @param {boolean} step */
function setChoice(next, step) {
  choice = next;
  opened = '';
  writeChoice(choice, step);
  redraw();
}

function redraw() {
  anew = true;
  drawSoon();
}

function drawSoon() {
  drawing ??= requestAnimationFrame(() => {
    drawing = undefined;
    draw();
  });
}

function release() {
  if (!pressed) return;
  pressed = false;
  drawSoon();
}

function draw() {
  if (pressed) return;
  if (!feed.begun && !feed.fault) return; // what the page came with is as good
  document.documentElement.classList.remove('waiting');
  const { matching, inFolder } = choose(feed.entries.values(), choice);
  if (feed.begun) {
    drawFolders(folders, matching, choice.folder, allFolders);
    const shown = withCamera(inFolder);
    if (shown.length) rows.draw(shown, anew);
    else showNothing();
    anew = false;
    sentinelAgain();
    if (opened && rows.reveal(opened)) opened = '';
    if (!feed.looking) opened = '';
  }
  tell(inFolder.length);
}

/** @param {import('./feed.js').Entry[]} entries @returns {import('./feed.js').Entry[]} The camera first, if it is asked for. */
function withCamera(entries) {
  if (!feed.live || choice.folder || choice.kind) return entries;
  return [...choose([feed.live], choice).inFolder, ...entries];
}

/** What is shown where there is no row; left alone where it is shown already. */
function showNothing() {
  rows.clear();
  const why = feed.looking ? 'looking' : feed.entries.size ? 'unmatched' : 'empty';
  if (place.firstElementChild?.getAttribute('data-why') === why) return;
  const [text] = nothing(why);
  text?.setAttribute('data-why', why);
  place.replaceChildren(...(text ? [text] : []));
}

/** @param {'looking' | 'unmatched' | 'empty'} why @returns {HTMLElement[]} */
function nothing(why) {
  if (why === 'looking') return [];
  if (why === 'unmatched') {
    const all = h('button', { type: 'button', class: 'plain' }, 'Show all datasets');
    all.addEventListener('click', () => {
      setChoice({ words: '', kind: '', order: choice.order, folder: '' }, true);
      fillForm();
      words.focus();
    });
    return [h('section', { class: 'empty' }, h('h2', {}, 'Nothing matches'), h('p', {}, 'All words must occur in a name, a folder or a fact.'), all)];
  }
  return [h('section', { class: 'empty' }, h('h2', {}, 'No dataset here yet'),
    h('p', {}, 'Make one with ', h('code', {}, 'pyramidion generate w.zarr'), ' or ', h('code', {}, 'pyramidion convert SRC w.zarr'), ': it appears here by itself.'))];
}

/** @param {number} n */
function tell(n) {
  const known = feed.entries.size;
  const noun = known === 1 ? 'dataset' : 'datasets';
  const counted = n === known ? formatCount(known) : `${formatCount(n)} of ${formatCount(known)}`;
  const more = feed.looking ? (known ? ', looking for more…' : 'Looking for datasets…') : '';
  if (feed.begun) setText(find('#count', HTMLElement), `${known ? `${counted} ${noun}` : ''}${more}`);
  const note = find('#note', HTMLElement);
  setText(note, feed.fault || feed.note);
  note.hidden = !feed.fault && !feed.note;
  // Told once it rests: nobody wants to hear every letter counted.
  clearTimeout(telling);
  telling = setTimeout(() => setText(find('#told', HTMLElement), feed.fault || `${counted} ${noun}`), feed.looking ? 1500 : 500);
}

/** @returns {import('./address.js').Choice} */
function readForm() {
  const said = new FormData(form);
  return { words: words.value, kind: String(said.get('kind') ?? ''), order: order.value, folder: choice.folder };
}

function fillForm() {
  words.value = choice.words;
  order.value = choice.order;
  for (const radio of form.querySelectorAll('input[name=kind]')) {
    if (radio instanceof HTMLInputElement) radio.checked = radio.value === choice.kind;
  }
}

/** @param {MouseEvent} event */
function chooseFolder(event) {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  if (!button) return;
  if (button.dataset.all !== undefined) {
    allFolders = true;
    redraw();
    return;
  }
  allFolders = false;
  setChoice({ ...choice, folder: button.dataset.folder ?? '' }, true);
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const next = folders.querySelector('button');
    if (document.activeElement === document.body && next instanceof HTMLElement) next.focus();
  }));
}

/** @param {MouseEvent} event */
function noteOpened(event) {
  const link = event.target instanceof Element ? event.target.closest('.entry a') : null;
  if (link) rememberOpened(rows.focusedName() || (link.closest('.entry')?.getAttribute('data-name') ?? ''));
}

/** @param {KeyboardEvent} event */
function moveInList(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  /** @type {Record<string, () => boolean>} */ const moves = {
    ArrowDown: () => rows.move(1),
    ArrowUp: () => rows.move(-1) || (words.focus(), true),
    Home: () => rows.end('first'),
    End: () => rows.end('last'),
    Escape: () => (words.focus(), true),
  };
  if (moves[event.key]?.()) event.preventDefault();
}

/** @param {KeyboardEvent} event */
function leaveSearch(event) {
  if (event.key === 'ArrowDown' && rows.end('first')) event.preventDefault();
}

/** @param {KeyboardEvent} event */
function focusSearch(event) {
  const target = event.target instanceof Element ? event.target : null;
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || target?.matches('input[type=search], textarea')) return;
  event.preventDefault();
  words.focus();
  words.select();
}

function themeButton() {
  const button = find('#theme', HTMLButtonElement);
  button.hidden = false;
  button.addEventListener('click', () => {
    const root = document.documentElement;
    const now = root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    root.dataset.theme = now === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem('pyramidion-theme', root.dataset.theme);
    } catch {
      // Storage may be forbidden: the choice then lasts as long as the page.
    }
  });
}
