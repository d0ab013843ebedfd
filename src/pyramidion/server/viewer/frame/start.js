// @ts-check
import { h } from './dom.js';
import { formatCount } from './si.js';

const SHOWN = 100; // of the datasets of a server, the rest is in its catalogue

/**
 * The first page when no data are named: a field for an address, and what this server has.
 *
 * @param {(data: string) => void} open
 * @returns {HTMLElement}
 */
export function startPage(open) {
  const field = h('input', {
    type: 'text', id: 'address', name: 'data', placeholder: 'https://… or a path on this server', autocomplete: 'url', spellcheck: 'false', required: true,
  });
  const list = h('ul', { class: 'datasets', hidden: true });
  void fillList(list);
  return h(
    'section', { class: 'start' },
    h('h1', {}, 'Open a waveform, an image or a volume'),
    h('p', {}, 'Zoom from the whole to a single sample or pixel. The data are read straight from where they are, piece by piece.'),
    h(
      'form', { class: 'open', onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        open(field.value);
      } },
      h('label', { for: 'address' }, 'Address of a Zarr store'),
      h('div', { class: 'open-row' }, field, h('button', { type: 'submit', class: 'primary' }, 'Open')),
    ),
    list,
  );
}

/** @param {HTMLElement} list  Stays hidden where the server offers no list. */
async function fillList(list) {
  /** @type {unknown} */ let answer;
  try {
    const response = await fetch(new URL('../api/datasets', document.baseURI), { headers: { Accept: 'application/json' } });
    if (!response.ok) return;
    answer = await response.json();
  } catch {
    return; // a static host: there is no list to show
  }
  const datasets = /** @type {{datasets?: unknown}} */ (answer)?.datasets;
  if (!Array.isArray(datasets) || datasets.length === 0) return;
  for (const dataset of datasets.slice(0, SHOWN)) if (typeof dataset?.url === 'string') list.append(entry(dataset));
  if (datasets.length > SHOWN) list.append(h('li', {}, h('a', { class: 'dataset', href: '../' }, `All ${formatCount(datasets.length)} datasets`)));
  list.hidden = false;
}

/**
 * @param {{name?: unknown, kind?: unknown, url: string, data?: unknown, live?: unknown, shape?: unknown}} dataset
 *   `data` is the address to open, where that is not `url` itself; `live` that of a camera.
 * @returns {HTMLElement}
 */
function entry(dataset) {
  // The list's addresses are relative to the server's list, this page's to the page.
  const kind = typeof dataset.live === 'string' ? 'live' : 'data';
  const url = new URL([dataset.live, dataset.data].find((one) => typeof one === 'string') ?? dataset.url, new URL('../api/datasets', document.baseURI));
  const shape = Array.isArray(dataset.shape) ? dataset.shape.map((n) => formatCount(Number(n))).join(' × ') : '';
  return h(
    'li', {},
    h(
      'a', { class: 'dataset', href: `?${kind}=${encodeURIComponent(url.origin === location.origin ? url.pathname + url.search : url.href)}` },
      h('span', { class: 'dataset-name' }, String(dataset.name ?? dataset.url)),
      h('span', { class: 'dataset-kind' }, [String(dataset.kind ?? ''), shape].filter(Boolean).join(' · ')),
    ),
  );
}
