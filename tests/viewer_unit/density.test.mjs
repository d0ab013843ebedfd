// Many segments in one picture: counts of every pixel against a loop over all traces, lanes, colours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { coverOf, Density, ramp, shareOfCount } = await load('wave/density.js');
const { gather } = await load('wave/columns.js');
const { Cells, lanes, shareOfValue } = await load('wave/under.js');
const { columnsOf, extremesOf, fittingLevel, readSegments } = await load('wave/manysegments.js');

const HEIGHT = 90;
const vertical = (code) => (100 - code) * (HEIGHT / 200);

/** Columns of samples that are closer together than columns. */
function dense(values, width) {
  const n = values.length;
  const piece = () => ({ data: values, low: 0, high: 0 });
  return gather({ grids: [{ factor: 1, bins: n, chunk: n }], samples: n, level: 0, a: -0.5, b: n - 0.5, width, piece });
}

/** The pixels a trace covers, as its definition says: the values of each column, and what is between it and the one before. */
function covered(values, width) {
  const per = values.length / width;
  const out = [];
  let before = null;
  for (let x = 0; x < width; x++) {
    const part = [...values.slice(x * per, (x + 1) * per)].filter((v) => !Number.isNaN(v)).map(vertical);
    if (part.length === 0) {
      out.push(null);
      before = null;
      continue;
    }
    let [top, bottom] = [Math.min(...part), Math.max(...part)];
    const own = [top, bottom];
    if (before && top > before[1]) top = before[1];
    if (before && bottom < before[0]) bottom = before[0];
    before = own;
    out.push([Math.floor(top), Math.floor(bottom)]);
  }
  return out;
}

test('counts are those of a loop over all traces and pixels', () => {
  const next = random(3);
  const [width, segments] = [37, 60];
  const density = new Density(width, HEIGHT);
  const truth = Array.from({ length: HEIGHT }, () => new Array(width).fill(0));
  for (let s = 0; s < segments; s++) {
    const values = Float64Array.from({ length: width * 4 }, () => (next() < 0.05 ? NaN : Math.round(next() * 60 - 30 + (s === 7 ? 65 : 0))));
    density.add(coverOf(dense(values, width), { a: -0.5, b: values.length - 0.5 }, vertical, HEIGHT));
    covered(values, width).forEach((span, x) => {
      for (let y = span ? Math.max(0, span[0]) : 1; y <= (span ? Math.min(HEIGHT - 1, span[1]) : 0); y++) truth[y][x] += 1;
    });
  }
  let rows = 0;
  density.scan((y, counts) => {
    assert.deepEqual([...counts], truth[y], `row ${y}`);
    rows += 1;
  });
  assert.equal(rows, HEIGHT);
  assert.equal(density.at(5, 44), truth[44][5]);
});

test('a scan in pieces gives the same as one', () => {
  const density = new Density(4, 50);
  for (let i = 0; i < 20; i++) density.add({ top: Int32Array.of(i, 0, 49, 3), bottom: Int32Array.of(i + 10, 49, 49, 2) });
  const whole = [];
  density.scan((y, counts) => whole.push([...counts]));
  const place = { y: 0, counts: new Int32Array(4) };
  const parts = [];
  while (!density.scan((y, counts) => parts.push([...counts]), place, 7));
  assert.deepEqual(parts, whole);
  assert.deepEqual(whole[49], [0, 20, 20, 0]);
});

test('a trace that is taken out again leaves nothing behind', () => {
  const next = random(5);
  const density = new Density(20, HEIGHT);
  const covers = Array.from({ length: 30 }, () => {
    const values = Float64Array.from({ length: 80 }, () => next() * 300 - 150);
    return coverOf(dense(values, 20), { a: -0.5, b: 79.5 }, vertical, HEIGHT);
  });
  for (const cover of covers) density.add(cover);
  for (const cover of covers.slice(1)) density.add(cover, -1);
  density.scan((y, counts) => {
    for (let x = 0; x < 20; x++) assert.equal(counts[x], y >= covers[0].top[x] && y <= covers[0].bottom[x] ? 1 : 0);
  });
});

test('one odd trace among two thousand counts one, and one is far from nothing', () => {
  const density = new Density(50, HEIGHT);
  for (let s = 0; s < 2000; s++) {
    const values = new Float64Array(200).fill(0);
    if (s === 1234) values[101] = 90;
    density.add(coverOf(dense(values, 50), { a: -0.5, b: 199.5 }, vertical, HEIGHT));
  }
  assert.equal(density.at(25, Math.floor(vertical(90))), 1);
  assert.equal(density.at(25, Math.floor(vertical(50))), 1);
  assert.equal(density.at(24, Math.floor(vertical(50))), 0);
  assert.equal(density.at(10, Math.floor(vertical(0))), 2000);
  for (const log of [true, false]) {
    assert.equal(shareOfCount(1, 2000, log), 0); // the first colour, never none
    assert.equal(shareOfCount(2000, 2000, log), 1);
  }
});

test('samples further apart than columns cover the line between them, without a gap', () => {
  const next = random(9);
  for (let round = 0; round < 200; round++) {
    const n = 2 + Math.floor(next() * 12);
    const values = Float64Array.from({ length: n }, () => (next() < 0.1 ? NaN : next() * 150 - 75));
    const a = next() * (n - 1) - 0.5;
    const b = Math.min(n - 0.5, a + 1 + next() * n);
    const width = 40;
    const piece = () => ({ data: values, low: 0, high: 0 });
    const columns = gather({ grids: [{ factor: 1, bins: n, chunk: n }], samples: n, level: 0, a, b, width, piece });
    const cover = coverOf(columns, { a, b }, vertical, HEIGHT);
    const step = width / (b - a);
    for (let x = 0; x < width; x++) {
      for (const inside of [0.01, 0.3, 0.5, 0.99]) {
        const at = a + (x + inside) / step;
        const [p, q] = [values[Math.floor(at)], values[Math.floor(at) + 1]];
        if (!(Math.floor(at) >= 0) || Number.isNaN(p + (q ?? NaN))) continue;
        const y = Math.floor(vertical(p + (q - p) * (at - Math.floor(at))));
        assert.ok(cover.top[x] <= y && y <= cover.bottom[x], `column ${x}: ${y} not in ${cover.top[x]} to ${cover.bottom[x]}`);
      }
    }
  }
});

test('infinite values are cut off at the edge, and what lies outside covers nothing', () => {
  const cover = coverOf(dense(Float64Array.of(0, Infinity, 500, 600), 2), { a: -0.5, b: 3.5 }, vertical, HEIGHT);
  assert.deepEqual([cover.top[0], cover.bottom[0]], [0, 45]);
  const outside = coverOf(dense(Float64Array.of(500, 600), 1), { a: -0.5, b: 1.5 }, vertical, HEIGHT);
  assert.ok(outside.bottom[0] < outside.top[0]);
});

test('colours go from the first to the last', () => {
  const words = ramp([[1, 2, 3], [100, 100, 100], [254, 10, 20]]);
  assert.equal(words[0], 0xff030201);
  assert.equal(words[255], 0xff140afe);
});

test('lanes share the height; thin ones become rows of colour', () => {
  const few = lanes(10, 400, 1);
  assert.equal(few.lined, true);
  assert.deepEqual([few.top(0), few.top(1), few.top(10)], [0, 40, 400]);
  assert.equal(lanes(100, 400, 1).lined, false);
  assert.equal(lanes(100, 1200, 2).lined, true); // 12 device pixels on a dense screen are 6
  const many = lanes(5000, 400, 1);
  assert.equal(many.rows, 400);
  assert.deepEqual([many.rowOf(0), many.rowOf(2500), many.rowOf(4999)], [0, 200, 399]);
});

test('a cell shows what is furthest from the usual, whatever its side', () => {
  const cells = new Cells(50, 2);
  const quiet = new Float64Array(200).fill(10);
  const odd = quiet.slice();
  odd[8] = 300;
  odd[120] = -250;
  for (const values of [quiet, odd, quiet]) cells.add(0, dense(values, 50), { a: -0.5, b: 199.5 });
  cells.add(1, dense(quiet, 50), { a: -0.5, b: 199.5 });
  const middle = cells.middle();
  assert.equal(middle, 10);
  assert.equal(cells.shown(2, middle), 300);
  assert.equal(cells.shown(30, middle), -250);
  assert.equal(cells.shown(3, middle), 10);
  assert.ok(Number.isNaN(new Cells(1, 1).shown(0, 0)));
  const sharper = new Cells(50, 1);
  sharper.add(0, dense(quiet, 50), { a: -0.5, b: 199.5 });
  cells.take(0, sharper);
  assert.equal(cells.shown(2, middle), 10);
  assert.ok(Number.isNaN(sharper.shown(2, middle)));
  assert.deepEqual([shareOfValue(10, 10, 5), shareOfValue(5, 10, 5), shareOfValue(15, 10, 5), shareOfValue(1e9, 10, 5)], [0.5, 0, 1, 1]);
});

test('the level is the coarsest whose bins fit into a column', () => {
  const levels = [{ factor: 1024 }, { factor: 256 }, { factor: 64 }, { factor: 1 }];
  assert.equal(fittingLevel(levels, 2e6, 1000), 0);
  assert.equal(fittingLevel(levels, 1e6, 1000), 1);
  assert.equal(fittingLevel(levels, 7e4, 1000), 2);
  assert.equal(fittingLevel(levels, 6e4, 1000), 3);
  assert.equal(fittingLevel([{ factor: 2500 }, { factor: 1 }], 1e6, 1000), 0); // wide bins rather than a million samples each
  assert.equal(fittingLevel([{ factor: 1 }], 1e9, 1000), 0);
});

/** A store in memory: segments of `samples`, an overview of `factor` that may lack the last bin, triggers between samples. */
function store(data, samples, factor, keepTail) {
  const bins = keepTail ? Math.ceil(samples / factor) : Math.floor(samples / factor);
  const dataset = {
    samples,
    levels: [{ factor, bins, raw: false }, { factor: 1, bins: samples, raw: true }],
    calibration: ({ seg }) => ({ start: 0.25 * (seg % 3), interval: 1 }),
  };
  const reader = {
    bins: async (level, from, to, { seg }) => {
      const min = new Int16Array(to - from);
      const max = new Int16Array(to - from);
      for (let b = from; b < to; b++) {
        const part = data[seg].slice(b * factor, (b + 1) * factor);
        min[b - from] = Math.min(...part);
        max[b - from] = Math.max(...part);
      }
      return { min, max };
    },
    samples: async (from, to, { seg }) => data[seg].slice(from, to),
  };
  return { dataset, reader };
}

for (const keepTail of [true, false]) {
  test(`read segments give the columns of their samples, ${keepTail ? 'with' : 'without'} the last bin`, async () => {
    const next = random(21);
    const [samples, factor, segments] = [1003, 16, 130];
    const data = Array.from({ length: segments }, () => Int16Array.from({ length: samples }, () => Math.floor(next() * 2000) - 1000));
    const source = store(data, samples, factor, keepTail);
    const active = { ch: 0, trc: 0, seg: 4 };
    for (const [level, a, b, width] of [[0, -0.5, 1002.5, 50], [1, -0.5, 1002.5, 50], [1, 100.2, 130.7, 60], [0, 300, 1002.5, 20]]) {
      const seen = [];
      for await (const read of readSegments(source, active, { a, b }, width, 3, segments, level, new AbortController().signal)) {
        seen.push(read.seg);
        const shift = (source.dataset.calibration(active).start - source.dataset.calibration(read).start) / 1;
        assert.deepEqual(read.window, { a: a + shift, b: b + shift });
        const columns = columnsOf(read, source.dataset, width);
        const range = columns.range();
        const visible = data[read.seg].slice(Math.max(0, Math.ceil(a + shift)), Math.ceil(b + shift));
        assert.ok(columns.complete && !columns.holes);
        assert.ok(range.min <= Math.min(...visible) && range.max >= Math.max(...visible));
        if (level === 1 && b - a > width) assert.deepEqual(range, { min: Math.min(...visible), max: Math.max(...visible) });
        const ends = extremesOf(read);
        assert.ok(ends.min <= range.min && ends.max >= range.max);
      }
      assert.deepEqual(seen, Array.from({ length: segments - 3 }, (_, i) => i + 3));
    }
  });
}
