// @ts-check
import { handoffDialog, pythonQuoted, shellQuoted } from '../frame/handoff.js';
import { formatCount } from '../frame/si.js';
import { visibleSamples } from './columns.js';
import { shifted } from './plot.js';

/**
 * Ways to go on with exactly the samples in view.
 *
 * @param {import('./panel.js').WavePanel} panel
 */
export function openElsewhere(panel) {
  handoffDialog(recipesFor(panel), [], (text) => panel.host.say(text));
}

const MOST = 2 ** 27; // samples of a window that a snippet reads whole

/** @param {import('./panel.js').WavePanel} panel @returns {import('../frame/handoff.js').Recipe[]} */
export function recipesFor({ dataset, window, selections, calibration, level, source }) {
  // Each channel has its own clock, and so its own samples.
  const seen = selections.map((selection) => {
    const { a, b } = shifted(window, dataset, selections[0], selection);
    return { ...visibleSamples(a, b, dataset.samples), start: dataset.calibration(selection).start };
  });
  const [{ first, end }] = seen;
  const alike = seen.every((one) => one.first === first && one.end === end && one.start === calibration.start);
  const raw = dataset.levels[dataset.levels.length - 1].array;
  const start = [
    'import numpy as np', 'import zarr  # pip install zarr fsspec aiohttp', '',
    raw.path ? `store = zarr.open_group(${pythonQuoted(source)}, mode="r")` : `raw = zarr.open_array(${pythonQuoted(source)}, mode="r")`,
  ];
  const cut = (/** @type {import('./dataset.js').Selection} */ { ch, trc, seg }, /** @type {number} */ rank, /** @type {string} */ last) =>
    [...[ch, trc, seg].slice(4 - rank), last].join(', ');
  const calibrated = (/** @type {import('./dataset.js').Selection} */ selection) => {
    const { gain, offset } = dataset.calibration(selection);
    return `* ${gain} - ${offset}  # ${dataset.valueUnit || 'a plain number'}`;
  };
  const names = selections.map(({ ch }) => (selections.length > 1 ? `_${ch}` : ''));
  const array = raw.path ? `store[${pythonQuoted(raw.path)}]` : 'raw';
  const values = selections.map((selection, i) => `values${names[i]} = ${array}[${cut(selection, raw.shape.length, `${seen[i].first}:${seen[i].end}`)}].astype(float) ${calibrated(selection)}`);
  const timed = (/** @type {string} */ name, /** @type {(typeof seen)[number]} */ one, factor = 1, more = '') =>
    `${name} = ${one.start} + np.arange(${Math.floor(one.first / factor)}, ${Math.ceil(one.end / factor)}) * ${factor === 1 ? '' : `${factor} * `}${calibration.interval}  # ${dataset.timeUnit}${more}`;
  const times = (factor = 1, more = '') => (alike ? [timed('times', seen[0], factor, more)] : seen.map((one, i) => timed(`times${names[i]}`, one, factor, more)));
  /** @type {import('../frame/handoff.js').Recipe[]} */ const recipes = [];
  if (end - first <= MOST) {
    recipes.push({ name: `Python: the ${formatCount(end - first)} samples in view`, text: [...start, ...values, ...times()].join('\n') });
    recipes.push({
      name: 'xarray: the same with its axis',
      text: [...start.slice(0, 2), 'import xarray', ...start.slice(2), values[0], timed('times', seen[0]),
        `window = xarray.DataArray(values${names[0]}, {"time": times}, ["time"], attrs={"units": ${pythonQuoted(dataset.valueUnit)}})`].join('\n'),
    });
  }
  const overview = level >= 0 ? dataset.levels[level] : null;
  if (overview && !overview.raw) {
    const { array: drawn, factor, bins } = overview;
    const binned = (/** @type {(typeof seen)[number]} */ one) => `:, ${Math.floor(one.first / factor)}:${Math.min(bins, Math.ceil(one.end / factor))}`;
    recipes.push({
      name: `Python: the envelope that is drawn, ${formatCount(factor)} samples a bin`,
      text: [...start, ...selections.map((selection, i) =>
        `low${names[i]}, high${names[i]} = np.sort(store[${pythonQuoted(drawn.path)}][${cut(selection, drawn.shape.length - 1, binned(seen[i]))}].astype(float) ${calibrated(selection).replace('  #', ', axis=0)  #')}`),
      ...times(factor, ', of the first sample of each bin')].join('\n'),
    });
  }
  recipes.push({ name: 'pyramidion', text: `pyramidion info ${shellQuoted(source)}` });
  return recipes;
}
