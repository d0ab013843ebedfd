// The promise of the picture, against a loop over every sample: nothing is lost, and nothing is drawn that is not there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { Columns, eachBar, edges, gather, visibleSamples } = await load('wave/columns.js');

/** A record with its levels, cut into chunks, of which some may be absent. */
function record(values, factors, chunk, present = () => true, keepTail = true) {
  const samples = values.length;
  const grids = factors.map((factor) => ({
    factor, chunk, bins: factor === 1 || keepTail ? Math.ceil(samples / factor) : Math.floor(samples / factor),
  }));
  const pieces = new Map();
  grids.forEach(({ factor, bins }, level) => {
    for (let c = 0; c * chunk < bins; c++) {
      const data = new Float64Array(2 * chunk).fill(NaN);
      for (let i = 0; i < chunk && c * chunk + i < bins; i++) {
        const part = values.slice((c * chunk + i) * factor, (c * chunk + i + 1) * factor).filter((v) => !Number.isNaN(v));
        data[i] = part.length ? Math.min(...part) : NaN;
        data[chunk + i] = part.length ? Math.max(...part) : NaN;
      }
      pieces.set(`${level} ${c}`, { data, low: 0, high: chunk });
    }
  });
  return { grids, samples, piece: (level, c) => (present(level, c) ? pieces.get(`${level} ${c}`) : undefined) };
}

/** The extremes of some samples; infinite where there is no number. */
function extremes(values) {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return [Math.min(...numbers), Math.max(...numbers)];
}

for (const [name, present] of [
  ['all chunks here', () => true],
  ['the finest missing in places', (level, c) => level < 2 || c % 2 === 0],
  ['only the coarsest here', (level) => level === 0],
]) {
  test(`every sample is drawn at most half a pixel beside its place, and nothing else is: ${name}`, () => {
    const next = random(7);
    for (let round = 0; round < 400; round++) {
      const samples = 1 + Math.floor(next() * 700);
      const values = Array.from({ length: samples }, () => (next() < 0.02 ? NaN : Math.round(next() * 1000) - 500));
      const scene = record(values, [64, 16, 4, 1], 8, present);
      const p = next() * samples - 0.5;
      const q = next() * samples - 0.5;
      const a = round % 5 === 0 ? -0.5 : Math.min(p, q);
      const b = round % 5 === 0 ? samples - 0.5 : Math.max(p, q, a + 1);
      const width = 1 + Math.floor(next() * 120);
      const level = Math.floor(next() * 4);
      const columns = gather({ ...scene, level, a, b, width });
      const spp = (b - a) / width;
      const { first, end } = visibleSamples(a, b, samples);
      for (let k = first; k < end; k++) {
        const x = Math.min(width - 1, Math.floor((k - a) / spp));
        const about = [x - 1, x, x + 1].filter((c) => c >= 0 && c < width);
        if (Number.isNaN(values[k])) continue;
        assert.ok(about.some((c) => columns.lo[c] <= values[k]) && about.some((c) => columns.hi[c] >= values[k]), `sample ${k} is not drawn`);
      }
      for (let x = 0; x < width; x++) {
        const near = values.slice(Math.max(0, Math.floor(a + x * spp) - 64), Math.ceil(a + (x + 1) * spp) + 64);
        if (columns.lo[x] <= columns.hi[x]) assert.ok(near.includes(columns.lo[x]) && near.includes(columns.hi[x]), `column ${x} is invented`);
      }
      const { factor } = scene.grids[level];
      if (!columns.complete || factor > spp) continue;
      const edge = edges({ a, b, width, samples }, factor);
      assert.ok(edge[0] <= first && edge[width] >= end);
      for (let x = 0; x < width; x++) {
        assert.deepEqual([columns.lo[x], columns.hi[x]], extremes(values.slice(edge[x], edge[x + 1])), `column ${x} is not its samples`);
        if (x > 0 && edge[x] > first && edge[x] < end) assert.ok(Math.abs(edge[x] - 0.5 - (a + x * spp)) <= Math.max(factor, 1) / 2 + 0.5, 'an edge is off');
      }
    }
  });
}

test('the samples an old overview leaves out come from the samples themselves', () => {
  const values = Array.from({ length: 103 }, (_, k) => (k === 102 ? 999 : k));
  const scene = record(values, [10, 1], 16, () => true, false);
  const columns = gather({ ...scene, level: 0, a: -0.5, b: 102.5, width: 20 });
  assert.equal(columns.hi[19], 999);
  assert.ok(columns.complete && !columns.holes);
  const without = gather({ ...record(values, [10, 1], 16, (level) => level === 0, false), level: 0, a: -0.5, b: 102.5, width: 20 });
  assert.ok(without.holes && !without.complete);
});

test('a line takes one neighbour on each side', () => {
  const scene = record(Array.from({ length: 100 }, (_, k) => k), [16, 1], 32);
  const { runs } = gather({ ...scene, level: 1, a: 49.5, b: 50.5, width: 100 });
  assert.deepEqual(runs.map(({ first, count }) => [first, count]), [[49, 3]]);
});

test('columns at the far end of a record of 2^50 samples are still right', () => {
  const samples = 2 ** 50;
  const grids = [{ factor: 1, bins: samples, chunk: 65536 }];
  const data = new Float64Array(65536).fill(0);
  data[65535] = 7;
  const piece = () => ({ data, low: 0, high: 0 });
  const columns = gather({ grids, samples, piece, level: 0, a: samples - 100.5, b: samples - 0.5, width: 50 });
  assert.equal(columns.hi[49], 7);
  assert.ok([...columns.hi].slice(0, 49).every((v) => v === 0));
});

test('bars reach the column before, over lined ones, and not over holes', () => {
  const columns = new Columns(7);
  const ranges = [[0, 2], [5, 6], [4, 7], null, [9, 9], [1, 2], [4, 4]];
  ranges.forEach((range, x) => range && ([columns.lo[x], columns.hi[x]] = range));
  columns.lined[5] = 1;
  const bars = (vertical) => {
    const seen = [];
    eachBar(columns, vertical, (...bar) => seen.push(bar));
    return seen;
  };
  assert.deepEqual(bars((code) => 10 - code), [[0, 8, 10], [1, 4, 8], [2, 3, 6], [4, 1, 1], [6, 6, 8]]);
  assert.deepEqual(bars((code) => code), [[0, 0, 2], [1, 2, 6], [2, 4, 7], [4, 9, 9], [6, 2, 4]], 'a gain below 0');
});
