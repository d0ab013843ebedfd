// @ts-check
import { h, icon } from '../frame/dom.js';

/**
 * Ways to open the same data in other programs: commands to copy, and links where they can work.
 *
 * @param {string} url   Of the data. @param {2 | 3} version   Of the store.
 * @param {(text: string) => void} say
 * @returns {HTMLDialogElement}
 */
export function elsewhereDialog(url, version, say) {
  const close = h('button', { type: 'button', class: 'button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'));
  const commands = commandsFor(url, version).map(({ name, command }) => h(
    'div', { class: 'command' },
    h('h3', {}, name),
    h('button', { type: 'button', class: 'plain', 'aria-label': `Copy the command for ${name}`, onclick: () => void copy(command, say) }, 'Copy'),
    h('pre', { tabindex: '0' }, command),
  ));
  const links = hostedLinks(url, version).map(({ name, href }) => h('a', { class: 'plain', href, target: '_blank', rel: 'noopener noreferrer' }, name));
  const hosted = links.length > 0
    ? h('p', { class: 'links' }, ...links)
    : h('p', {}, 'Viewers on public web sites can only read data at a public https address: this store is not at one.');
  const dialog = h(
    'dialog', { class: 'help elsewhere', 'aria-labelledby': 'elsewhere-title' },
    h('header', {}, h('h2', { id: 'elsewhere-title' }, 'Open elsewhere'), close), ...commands, h('h3', {}, 'On the web'), hosted,
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // a click beside it
  });
  dialog.addEventListener('close', () => dialog.remove());
  return dialog;
}

/** @param {string} url @param {2 | 3} version @returns {{name: string, command: string}[]} */
export function commandsFor(url, version) {
  return [
    { name: 'napari', command: `napari --plugin napari-ome-zarr ${shellQuoted(url)}` },
    {
      name: 'neuroglancer',
      command: `python -i -c ${shellQuoted([
        'import neuroglancer', 'viewer = neuroglancer.Viewer()', 'with viewer.txn() as state:',
        `    state.layers['image'] = neuroglancer.ImageLayer(source='zarr${version}://${url}')`, 'print(viewer)',
      ].join('\n'))}`,
    },
    { name: 'Python', command: `python -i -c ${shellQuoted(`import zarr; data = zarr.open('${url}', mode='r')`)}` },
  ];
}

/**
 * Links into viewers that public sites offer; none where the browser would not let such a site read the data.
 *
 * @param {string} url @param {2 | 3} version @returns {{name: string, href: string}[]}
 */
export function hostedLinks(url, version) {
  if (!isPublic(url)) return [];
  const state = { layers: [{ type: 'image', source: `zarr${version}://${url}`, name: 'image' }] };
  const data = encodeURIComponent(url);
  return [
    { name: 'neuroglancer', href: `https://neuroglancer-demo.appspot.com/#!${encodeURIComponent(JSON.stringify(state))}` },
    { name: 'vizarr', href: `https://hms-dbmi.github.io/vizarr/?source=${data}` },
    { name: 'OME-NGFF validator', href: `https://ome.github.io/ome-ngff-validator/?source=${data}` },
  ];
}

/** @param {string} url @returns {boolean} Whether a page on another site may reach it: https, and not this machine or its network. */
function isPublic(url) {
  const { protocol, hostname } = new URL(url);
  const near = /^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[)|\.(local|internal|lan|home|localhost)$/.test(hostname);
  return protocol === 'https:' && !near && hostname.includes('.');
}

/** @param {string} text @returns {string} One word for a POSIX shell. */
function shellQuoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replace(/["\\$`]/g, '\\$&')}"`;
}

/** @param {string} text @param {(text: string) => void} say */
async function copy(text, say) {
  try {
    await navigator.clipboard.writeText(text);
    say('Command copied');
  } catch {
    say('The browser does not allow copying here: mark the text and copy it');
  }
}
