// @ts-check
import { formatBytes, formatCount, formatShort } from '../frame/si.js';
import { ITEM_SIZE } from '../decode/numbers.js';
import { product } from '../store/metadata.js';

/**
 * What a waveform store holds, for the rail: its channels, and the arrays that the picture is drawn from.
 *
 * @param {import('./panel.js').WavePanel} panel @returns {import('../frame/types.js').Branch[]}
 */
export function treeOf(panel) {
  const { dataset, state } = panel;
  const { channels, trcs, segments, samples } = dataset.shape;
  const shown = state.value.channels;
  const { interval } = panel.calibration;
  const size = [[segments, 'segment'], [trcs, 'trace']].filter(([n]) => Number(n) > 1).map(([n, word]) => `${formatCount(Number(n))} ${word}s`);
  return [
    {
      label: 'Channels',
      children: Array.from({ length: channels }, (_, ch) => ({
        label: dataset.channelName(ch), detail: rangeText(panel, ch), colour: `var(--trace-${ch % 6})`, current: ch === shown[0],
        eye: { on: shown.includes(ch), toggle: () => panel.toggleChannel(ch) },
        run: () => (shown.includes(ch) ? panel.activate(ch) : panel.select({ ch })),
      })),
    },
    {
      label: 'Record',
      detail: [...size, `${formatCount(samples)} samples`, formatShort(samples * interval, dataset.timeUnit, 6)].join(' · '),
    },
    {
      label: 'Arrays',
      children: [...dataset.levels].reverse().map(({ array, factor, bins }) => ({
        label: array.path || 'samples', current: array === dataset.levels[panel.level]?.array,
        detail: `${factor === 1 ? 'every sample' : `${formatCount(factor)}:1`} · ${formatCount(bins)} · ${array.dtype} · ${formatBytes(product(array.shape) * ITEM_SIZE[array.dtype])}`,
      })),
    },
  ];
}

/** @param {import('./panel.js').WavePanel} panel @param {number} ch @returns {string} What is seen of a channel. */
function rangeText(panel, ch) {
  const codes = panel.columnsOf(ch)?.range();
  if (!codes) return '';
  const { gain, offset } = panel.dataset.calibration({ ...panel.selection, ch });
  const ends = [codes.min * gain - offset, codes.max * gain - offset].sort((p, q) => p - q);
  return ends.map((value) => formatShort(value, panel.dataset.valueUnit, 3)).join(' … ');
}
