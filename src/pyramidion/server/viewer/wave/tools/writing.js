// @ts-check
import { edges } from '../columns.js';
import { arrayMember, csvComments, csvNames, csvRows, npz, scalarMember, textMember } from '../files.js';
import { timeAt, valueOf } from '../texts.js';
import { inSlices } from './slices.js';

/**
 * What is in view as CSV and as .npz.
 *
 * @typedef {import('../panel.js').WavePanel} WavePanel
 * @typedef {import('./stretch.js').Stretch} Stretch
 * @typedef {import('../../decode/numbers.js').Numbers} Numbers
 *
 * @typedef {object} Job
 * @property {WavePanel} panel
 * @property {AbortSignal} signal
 * @property {(share: number) => void} progress
 */

const BLOCK = 2 ** 18; // samples that are read at a time
const ROWS = 2 ** 12; // that are written between two pauses

/**
 * Every sample as text: times and values of each channel.
 *
 * @param {Job} job @param {readonly Stretch[]} stretches @returns {Promise<Blob>}
 */
export async function writeCsv(job, stretches) {
  const { timeUnit, valueUnit } = job.panel.dataset;
  const shared = sameClock(stretches);
  const names = stretches.flatMap(({ selection: { ch } }, i) => [
    ...(shared && i > 0 ? [] : [named(shared ? 'time' : `ch${ch}_time`, timeUnit)]), named(stretches.length > 1 ? `ch${ch}` : 'value', valueUnit),
  ]);
  /** @type {BlobPart[]} */ const parts = [csvComments(remarks(job.panel, stretches)), csvNames(names)];
  for await (const { blocks, at } of blocksOf(job, stretches)) {
    const columns = stretches.flatMap(({ calibration: { start, interval, gain, offset }, from }, i) => {
      const codes = blocks[i];
      const time = (/** @type {number} */ row) => (row < codes.length ? start + (from + at + row) * interval : null);
      const value = (/** @type {number} */ row) => (row < codes.length ? codes[row] * gain - offset : null);
      return shared && i > 0 ? [value] : [time, value];
    });
    parts.push(...await inSlices(rowsOf(Math.max(...blocks.map(({ length }) => length)), columns), job.signal));
  }
  return new Blob(parts, { type: 'text/csv' });
}

/**
 * The smallest and the largest value of each column of pixels, as drawn.
 *
 * @param {WavePanel} panel @param {readonly Stretch[]} stretches @returns {Blob}
 */
export function writeEnvelope(panel, stretches) {
  const { timeUnit, valueUnit, samples, levels } = panel.dataset;
  const shared = sameClock(stretches);
  const several = stretches.length > 1;
  const traces = panel.plot.traces.filter(({ columns, level }) => columns && level >= 0);
  const columns = traces.flatMap(({ ch, columns: drawn, window, level, calibration }, i) => {
    if (!drawn) return [];
    const width = (window.b - window.a) / drawn.width;
    const { factor } = levels[level];
    const edge = factor <= width ? edges({ ...window, width: drawn.width, samples }, factor) : null;
    const from = (/** @type {number} */ x) => timeAt(calibration, edge ? edge[x] : window.a + x * width);
    const to = (/** @type {number} */ x) => timeAt(calibration, edge ? edge[x + 1] - 1 : window.a + (x + 1) * width);
    const low = (/** @type {number} */ x) => Math.min(valueOf(calibration, drawn.lo[x]), valueOf(calibration, drawn.hi[x]));
    const high = (/** @type {number} */ x) => Math.max(valueOf(calibration, drawn.lo[x]), valueOf(calibration, drawn.hi[x]));
    const here = (/** @type {number} */ x) => drawn.lo[x] <= drawn.hi[x];
    const [prefix, clock] = [several ? `ch${ch}_` : '', shared ? '' : `ch${ch}_`];
    return [
      ...(shared && i > 0 ? [] : [{ name: named(`${clock}from`, timeUnit), of: from, here }, { name: named(`${clock}to`, timeUnit), of: to, here }]),
      { name: named(`${prefix}min`, valueUnit), of: low, here }, { name: named(`${prefix}max`, valueUnit), of: high, here },
    ];
  });
  const seen = [...Array(traces[0]?.columns?.width ?? 0).keys()].filter((x) => columns.some(({ here }) => here(x)));
  const { factor } = levels[Math.max(0, panel.level)];
  const text = [
    csvComments([
      ...remarks(panel, stretches),
      `envelope: smallest and largest value of the samples from one time to another, both included, for each of ${seen.length} columns of pixels; from ${factor === 1 ? 'the samples' : `bins of ${factor} samples`}`,
    ]),
    csvNames(columns.map(({ name }) => name)),
    csvRows(seen.length, columns.map(({ of, here }) => (row) => (here(seen[row]) ? of(seen[row]) : null))),
  ];
  return new Blob(text, { type: 'text/csv' });
}

/**
 * Codes, calibration and times as NumPy reads them; the member `about` says what is what.
 *
 * @param {Job} job @param {readonly Stretch[]} stretches @returns {Promise<Blob>}
 */
export async function writeNpz(job, stretches) {
  const { panel, signal, progress } = job;
  const { name, timeUnit, valueUnit } = panel.dataset;
  /** @type {Numbers[][]} */ const codes = stretches.map(() => []);
  for await (const { blocks } of blocksOf({ ...job, progress: (share) => progress(share / 2) }, stretches)) blocks.forEach((block, i) => codes[i].push(block));
  /** @type {import('../files.js').Member[]} */ const members = [
    textMember('about', about(panel, stretches)), textMember('dataset', name), textMember('time_unit', timeUnit), textMember('value_unit', valueUnit),
  ];
  for (const [i, { selection, calibration, from }] of stretches.entries()) {
    const { ch, trc, seg } = selection;
    const times = await inSlices(timesOf(codes[i], from, calibration), signal);
    members.push(
      arrayMember(`codes_ch${ch}`, codes[i]), arrayMember(`times_ch${ch}`, times), scalarMember(`gain_ch${ch}`, calibration.gain), scalarMember(`offset_ch${ch}`, calibration.offset),
      scalarMember(`start_ch${ch}`, timeAt(calibration, from)), scalarMember(`interval_ch${ch}`, calibration.interval),
      scalarMember(`sample_ch${ch}`, BigInt(from)), scalarMember(`trace_ch${ch}`, BigInt(trc)), scalarMember(`segment_ch${ch}`, BigInt(seg)),
    );
  }
  const parts = await inSlices(npz(members), signal, (share) => progress(0.5 + share / 2));
  return new Blob(await inSlices(blobsOf(parts), signal), { type: 'application/octet-stream' });
}

/**
 * Read stretches side by side, block by block.
 *
 * @param {Job} job @param {readonly Stretch[]} stretches
 * @returns {AsyncGenerator<{blocks: Numbers[], at: number}>} `at`: samples from the beginning of each stretch.
 */
async function* blocksOf({ panel, signal, progress }, stretches) {
  const longest = Math.max(...stretches.map(({ from, to }) => to - from));
  const read = (/** @type {number} */ at) => Promise.all(stretches.map(({ selection, from, to }) =>
    panel.reader.samples(Math.min(from + at, to), Math.min(from + at + BLOCK, to), selection, signal)));
  for (let at = 0; at === 0 || at < longest; at += BLOCK) {
    progress(at / longest);
    yield { blocks: await read(at), at };
  }
}

/** @param {number} count @param {readonly ((row: number) => number | null)[]} columns @returns {Generator<number, Blob[]>} */
function* rowsOf(count, columns) {
  const parts = [];
  for (let from = 0; from < count; from += ROWS) {
    // Blobs, because they leave the memory of the page.
    parts.push(new Blob([csvRows(Math.min(ROWS, count - from), columns.map((column) => (row) => column(from + row)))]));
    yield from / count;
  }
  return parts;
}

/** Each for itself: one of all at once would take its time. @param {readonly Uint8Array[]} parts @returns {Generator<number, Blob[]>} */
function* blobsOf(parts) {
  const blobs = [];
  for (const part of parts) {
    blobs.push(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (part)]));
    yield 1;
  }
  return blobs;
}

/** @param {readonly Numbers[]} blocks @param {number} from @param {import('../dataset.js').Calibration} calibration @returns {Generator<number, Float64Array[]>} */
function* timesOf(blocks, from, { start, interval }) {
  const times = [];
  let first = from;
  for (const { length } of blocks) {
    const block = new Float64Array(length);
    for (let i = 0; i < length; i++) block[i] = start + (first + i) * interval;
    times.push(block);
    first += length;
    yield 0;
  }
  return times;
}

/** @param {readonly Stretch[]} stretches @returns {boolean} All samples lie at the same times. */
function sameClock([first, ...others]) {
  return others.every(({ calibration, from, to }) => calibration.start === first.calibration.start && from === first.from && to === first.to);
}

/** @param {string} name @param {string} unit @returns {string} */
function named(name, unit) {
  return unit ? `${name}_${unit}` : name;
}

/** @param {WavePanel} panel @param {readonly Stretch[]} stretches @returns {string[]} What a reader must know. */
function remarks({ dataset }, stretches) {
  const { name, timeUnit, valueUnit, samples } = dataset;
  return [
    name,
    ...stretches.map(({ selection, calibration, from, to }) => {
      const { ch, trc, seg } = selection;
      const { gain, offset, start, interval, trigger } = calibration;
      return `ch${ch} (${dataset.channelName(ch)}): trace ${trc}, segment ${seg}, samples ${from} to ${to - 1} of ${samples}; `
        + `time of sample k in ${timeUnit} = ${start} + k * ${interval}; value in ${valueUnit || 'plain numbers'} = code * ${gain} - ${offset}`
        + (trigger === null ? '' : `; trigger at ${trigger} ${timeUnit}`);
    }),
  ];
}

/** @param {WavePanel} panel @param {readonly Stretch[]} stretches @returns {string} What is in an .npz. */
function about(panel, stretches) {
  return [
    ...remarks(panel, stretches),
    '',
    'For each channel N:',
    '  codes_chN     samples as stored; 64-bit integers as float64 (exact to 2**53), float16 as float32',
    '  gain_chN, offset_chN     value = codes * gain - offset, in value_unit',
    '  times_chN     time of each sample, in time_unit; the first is start_chN, the step interval_chN',
    '  sample_chN    number of the first sample in the record; trace_chN, segment_chN: where it is from',
  ].join('\n');
}
