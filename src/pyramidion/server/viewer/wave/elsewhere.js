// @ts-check
import { handoffDialog, pythonQuoted, shellQuoted } from '../frame/handoff.js';
import { formatCount } from '../frame/si.js';
import { visibleSamples } from './columns.js';

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
  const { first, end } = visibleSamples(window.a, window.b, dataset.samples);
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
  const values = selections.map((selection, i) => `values${names[i]} = ${array}[${cut(selection, raw.shape.length, `${first}:${end}`)}].astype(float) ${calibrated(selection)}`);
  const times = `times = ${calibration.start} + np.arange(${first}, ${end}) * ${calibration.interval}  # ${dataset.timeUnit}`;
  /** @type {import('../frame/handoff.js').Recipe[]} */ const recipes = [];
  if (end - first <= MOST) {
    recipes.push({ name: `Python: the ${formatCount(end - first)} samples in view`, text: [...start, ...values, times].join('\n') });
    recipes.push({
      name: 'xarray: the same with its axis',
      text: [...start.slice(0, 2), 'import xarray', ...start.slice(2), values[0], times,
        `window = xarray.DataArray(values${names[0]}, {"time": times}, ["time"], attrs={"units": ${pythonQuoted(dataset.valueUnit)}})`].join('\n'),
    });
  }
  const overview = level >= 0 ? dataset.levels[level] : null;
  if (overview && !overview.raw) {
    const { array: drawn, factor, bins } = overview;
    const [from, to] = [Math.floor(first / factor), Math.min(bins, Math.ceil(end / factor))];
    recipes.push({
      name: `Python: the envelope that is drawn, ${formatCount(factor)} samples a bin`,
      text: [...start, ...selections.map((selection, i) =>
        `low${names[i]}, high${names[i]} = np.sort(store[${pythonQuoted(drawn.path)}][${cut(selection, drawn.shape.length - 1, `:, ${from}:${to}`)}].astype(float) ${calibrated(selection).replace('  #', ', axis=0)  #')}`),
      `times = ${calibration.start} + np.arange(${from}, ${to}) * ${factor} * ${calibration.interval}  # ${dataset.timeUnit}, of the first sample of each bin`].join('\n'),
    });
  }
  recipes.push({ name: 'pyramidion', text: `pyramidion info ${shellQuoted(source)}` });
  return recipes;
}
