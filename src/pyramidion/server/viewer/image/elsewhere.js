// @ts-check
import { handoffDialog, isPublic, pythonQuoted, shellQuoted } from '../frame/handoff.js';
import { areaOf } from './geometry.js';

/**
 * Ways to open an image in other programs, and to read exactly what is in view.
 *
 * @param {import('./panel.js').ImagePanel} panel
 */
export function openElsewhere(panel) {
  const { url, version } = panel.source;
  handoffDialog([...readingsOf(panel, url), ...commandsFor(url, version)], hostedLinks(url, version), (text) => panel.host.say(text));
}

/** @param {import('./panel.js').ImagePanel} panel @param {string} url @returns {import('../frame/handoff.js').Recipe[]} */
function readingsOf({ dataset, pane, place, look }, url) {
  const { frame, plane } = pane;
  if (!frame) return [];
  const level = dataset.levels[pane.level];
  const { h0, h1, v0, v1 } = areaOf(frame);
  const shown = /** @type {Record<string, [number, number]>} */ ({ [plane.h]: [h0, h1], [plane.v]: [v0, v1] });
  const at = /** @type {Record<string, number>} */ ({ ...place.point, t: place.t });
  const cuts = dataset.axes.map(({ name }) => {
    if (name === 'c') return String(look.visible[0]?.index ?? 0);
    if (!(name in shown)) return String(dataset.pixelAt(level, name, at[name] + 0.5));
    const [first, last] = shown[name].map((edge) => dataset.pixelAt(level, name, edge));
    return `${first}:${last + 1}`;
  });
  return [{
    name: 'Python: the pixels in view',
    text: [
      'import zarr  # pip install zarr fsspec aiohttp',
      `level = zarr.open_array(${pythonQuoted(`${url.replace(/\/$/, '')}/${level.array.path}`.replace(/\/$/, ''))}, mode="r")`,
      `pixels = level[${cuts.join(', ')}]  # axes ${dataset.axes.map(({ name }) => name).join(', ')}`,
    ].join('\n'),
  }];
}

/** @param {string} url @param {2 | 3} version @returns {import('../frame/handoff.js').Recipe[]} */
export function commandsFor(url, version) {
  return [
    { name: 'napari', text: `napari --plugin napari-ome-zarr ${shellQuoted(url)}` },
    {
      name: 'neuroglancer',
      text: `python -i -c ${shellQuoted([
        'import neuroglancer', 'viewer = neuroglancer.Viewer()', 'with viewer.txn() as state:',
        `    state.layers['image'] = neuroglancer.ImageLayer(source='zarr${version}://${url}')`, 'print(viewer)',
      ].join('\n'))}`,
    },
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
