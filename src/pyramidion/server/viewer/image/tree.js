// @ts-check
import { ITEM_SIZE } from '../decode/numbers.js';
import { formatBytes, formatCount, formatShort } from '../frame/si.js';
import { product } from '../store/metadata.js';
import { lengthText, valueText } from './texts.js';

/**
 * What an image holds, for the rail: its channels, its axes, and the arrays that the picture is drawn from.
 *
 * @param {import('./panel.js').ImagePanel} panel @returns {import('../frame/types.js').Branch[]}
 */
export function treeOf(panel) {
  const { dataset, look } = panel;
  const several = look.channels.length > 1;
  return [
    {
      label: 'Channels',
      children: look.channels.map(({ index, label, color, visible, range }) => ({
        label, detail: range ? range.map(valueText).join(' … ') : '', current: several && index === look.chosen,
        ...(several ? { colour: `rgb(${color.join(' ')})`, eye: { on: visible, toggle: () => panel.toggleChannel(index) }, run: () => panel.choose(index) } : {}),
      })),
    },
    { label: 'Axes', children: dataset.axes.map(({ name }) => ({ label: name, detail: axisText(dataset, name) })) },
    arraysOf(dataset, panel.pane.level),
  ];
}

/** @param {import('./dataset.js').ImageDataset} dataset @param {import('./axes.js').AxisName} axis @returns {string} */
function axisText(dataset, axis) {
  const count = dataset.shape[axis];
  const unit = dataset.unit[axis];
  if (!unit) return formatCount(count);
  return [formatCount(count), `${lengthText(dataset, axis, 1)} each`, formatShort(count * dataset.scale[axis], unit, 4)].join(' · ');
}

/**
 * The levels, coarsest first; what they have in common is told once.
 *
 * @param {import('./dataset.js').ImageDataset} dataset @param {number} drawn @returns {import('../frame/types.js').Branch}
 */
function arraysOf({ name, dtype, levels }, drawn) {
  const stored = new Set(levels.map(storedText));
  return {
    label: 'Arrays', detail: stored.size === 1 ? `${dtype} · ${storedText(levels[0])}` : dtype,
    children: levels.map((level, i) => ({
      label: level.array.path || name, current: i === drawn, detail: levelText(level) + (stored.size > 1 ? ` · ${storedText(level)}` : ''),
    })).reverse(),
  };
}

/** @param {import('./dataset.js').Level} level @returns {string} */
function levelText({ array, size }) {
  const ratio = Math.round(100 * Math.max(size.x, size.y, size.z)) / 100;
  return [`${ratio}:1`, sizes(array.shape), formatBytes(product(array.shape) * ITEM_SIZE[array.dtype])].join(' · ');
}

/** @param {import('./dataset.js').Level} level @returns {string} */
function storedText({ array }) {
  return `chunks ${sizes(array.chunk)}${array.index ? ` in shards ${sizes(array.shard)}` : ''}`;
}

/** @param {readonly number[]} all @returns {string} */
function sizes(all) {
  return all.map(formatCount).join(' × ');
}
