// Waveform stores in memory, for what reads and searches records: all layouts, no server.
import { load } from './viewer.mjs';

const { Scheduler } = await load('fetch/scheduler.js');
const { LruCache } = await load('cache/lru.js');
const { decodeChunk } = await load('decode/chain.js');
const { openGroup } = await load('store/open.js');
const { openWaveform } = await load('wave/dataset.js');
const { Reader } = await load('wave/reader.js');

const LITTLE = { name: 'bytes', configuration: { endian: 'little' } };
const ARRAYS = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array, float64: Float64Array,
};

/** A store whose files are in a map; notes what is asked for. */
export class MemoryStore {
  base = new URL('http://memory/w.zarr');
  log = [];
  hold = null;
  failing = '';

  constructor(files) {
    this.files = files;
  }

  where(path) {
    return path;
  }

  async get(path) {
    return this.files.get(path) ?? null;
  }

  async suffix(path, length, { signal } = {}) {
    await this.#step(path, signal);
    const bytes = this.files.get(path);
    return bytes ? { bytes: bytes.slice(bytes.length - length), total: bytes.length } : null;
  }

  async range(path, start, length, { signal } = {}) {
    await this.#step(`${path} ${start}+${length}`, signal);
    return this.files.get(path)?.slice(start, start + length) ?? null;
  }

  async #step(entry, signal) {
    this.log.push(entry);
    if (this.failing && entry.startsWith(this.failing)) throw new Error('the disk is on fire');
    if (!this.hold) return;
    await new Promise((resolve, reject) => {
      this.hold.push(resolve);
      signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    });
  }

  release() {
    const waiting = this.hold ?? [];
    this.hold = null;
    for (const resolve of waiting) resolve();
  }
}

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

/** Minima and maxima of bins of one row; NaN counts only where there is nothing else. */
function extremesOf(row, factor, keepTail) {
  const bins = keepTail ? Math.ceil(row.length / factor) : Math.floor(row.length / factor);
  const out = new row.constructor(2 * bins);
  for (let bin = 0; bin < bins; bin++) {
    let [min, max] = [NaN, NaN];
    for (const value of row.subarray(bin * factor, (bin + 1) * factor)) {
      if (!(value >= min) && !Number.isNaN(value)) min = value;
      if (!(value <= max) && !Number.isNaN(value)) max = value;
    }
    out[bin] = min;
    out[bins + bin] = max;
  }
  return out;
}

/** Put an array into files. `rows` are the rows of the last axis in C order. */
function writeArray(files, path, { shape, chunk, perShard, rows, dtype, version }) {
  const rank = shape.length;
  const grid = shape.map((n, axis) => Math.ceil(n / chunk[axis]));
  const Kind = ARRAYS[dtype];
  const chunkAt = (at) => {
    const out = new Kind(product(chunk));
    const lead = chunk.slice(0, -1);
    for (let r = 0; r < product(lead); r++) {
      let [rest, row, scale] = [r, 0, 1];
      let inside = true;
      for (let axis = rank - 2; axis >= 0; axis--) {
        const place = at[axis] * chunk[axis] + (rest % lead[axis]);
        rest = Math.floor(rest / lead[axis]);
        inside &&= place < shape[axis];
        row += place * scale;
        scale *= shape[axis];
      }
      const first = at[rank - 1] * chunk[rank - 1];
      if (inside) out.set(rows[row].subarray(first, first + chunk[rank - 1]), r * chunk[rank - 1]);
    }
    return new Uint8Array(out.buffer);
  };
  const all = (sizes) => sizes.reduce((list, n) => list.flatMap((at) => Array.from({ length: n }, (_, i) => [...at, i])), [[]]);
  if (version === 2) {
    for (const at of all(grid)) files.set(`${path}/${at.join('.')}`, chunkAt(at));
    const code = { int8: '|i1', uint8: '|u1', int16: '<i2', uint16: '<u2', int32: '<i4', float32: '<f4', float64: '<f8' }[dtype];
    return { shape, chunks: chunk, dtype: code, fill_value: 0, filters: null, compressor: null, order: 'C', zarr_format: 2 };
  }
  const shard = perShard ? [...chunk.slice(0, -1), chunk[rank - 1] * perShard] : chunk;
  for (const at of all(shape.map((n, axis) => Math.ceil(n / shard[axis])))) {
    const file = `${path}/c/${at.join('/')}`;
    if (!perShard) {
      files.set(file, chunkAt(at));
      continue;
    }
    const parts = [];
    const index = new DataView(new ArrayBuffer(16 * perShard));
    let offset = 0;
    for (let i = 0; i < perShard; i++) {
      const last = at[rank - 1] * perShard + i;
      const bytes = last < grid[rank - 1] ? chunkAt([...at.slice(0, -1), last]) : null;
      index.setBigUint64(16 * i, bytes ? BigInt(offset) : 2n ** 64n - 1n, true);
      index.setBigUint64(16 * i + 8, bytes ? BigInt(bytes.length) : 2n ** 64n - 1n, true);
      if (bytes) parts.push(bytes);
      offset += bytes?.length ?? 0;
    }
    const out = new Uint8Array(offset + 16 * perShard);
    let end = 0;
    for (const part of [...parts, new Uint8Array(index.buffer)]) {
      out.set(part, end);
      end += part.length;
    }
    files.set(file, out);
  }
  const sharding = { name: 'sharding_indexed', configuration: { chunk_shape: chunk, codecs: [LITTLE], index_codecs: [LITTLE], index_location: 'end' } };
  return {
    zarr_format: 3, node_type: 'array', shape, data_type: dtype, fill_value: 0, attributes: {},
    chunk_grid: { name: 'regular', configuration: { chunk_shape: shard } },
    chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
    codecs: perShard ? [sharding] : [LITTLE],
  };
}

/**
 * Open a store of given rows.
 *
 * `factors` are the bin sizes, coarsest first; `lead` the leading axes ([] to [channels, trcs, segments]) and `leadChunk`
 * their chunk. `version` 2 drops the last partial bin and does not state the bin size, as old tools did.
 */
export async function openRows(rows, {
  dtype = 'int16', lead = [1, 1, 1], leadChunk = lead.map(() => 1), chunk = 1024, binChunk = 256, perShard = 4, factors = [1024, 256, 64],
  version = 3, attributes = {}, cacheBytes = 1e8,
} = {}) {
  const files = new Map();
  const samples = rows[0].length;
  const metadata = {};
  metadata.raw = writeArray(files, 'raw', { shape: [...lead, samples], chunk: [...leadChunk, chunk], perShard, rows, dtype, version });
  factors.forEach((factor, k) => {
    const pairs = rows.map((row) => extremesOf(row, factor, version !== 2));
    const bins = pairs[0].length / 2;
    const flat = pairs.flatMap((pair) => [pair.subarray(0, bins), pair.subarray(bins)]);
    const array = writeArray(files, `overview/${k}`, {
      shape: [...lead, 2, bins], chunk: [...leadChunk, 2, version === 2 ? Math.max(1, bins) : binChunk], perShard, rows: flat, dtype, version,
    });
    metadata[`overview/${k}`] = version === 2 ? array : { ...array, attributes: { samples_per_bin: factor } };
  });
  const text = (json) => new TextEncoder().encode(JSON.stringify(json));
  if (version === 2) {
    files.set('.zgroup', text({ zarr_format: 2 }));
    files.set('.zattrs', text(attributes));
    for (const [path, json] of Object.entries(metadata)) files.set(`${path}/.zarray`, text(json));
  } else {
    files.set('zarr.json', text({ zarr_format: 3, node_type: 'group', attributes, consolidated_metadata: { metadata } }));
  }
  const store = new MemoryStore(files);
  const dataset = await openWaveform(store, await openGroup(store));
  const scheduler = new Scheduler(store, { decode: decodeChunk }, new LruCache(cacheBytes));
  return { store, dataset, scheduler, reader: new Reader(dataset, scheduler) };
}

/** The layouts that are read in different ways, by name. */
export const LAYOUTS = {
  'v3 sharded': {},
  'v3 plain': { perShard: 0 },
  'v3, one axis': { lead: [], leadChunk: [] },
  'v3, two axes': { lead: [1], leadChunk: [1] },
  'v3, one level': { factors: [64] },
  'no overview': { factors: [] },
  'v2, old overview': { version: 2, perShard: 0, factors: [1000] },
  'tiny cache': { cacheBytes: 1 },
};
