// The order of the rows of the segment table, against a plain sort.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { orderOf } = await load('wave/tools/segmentorder.js');
const { inSlices } = await load('wave/tools/slices.js');

/** What the rows are sorted by, spelled out: equal ones in order, what is no number last, either way. */
function plain(values, down) {
  return Uint32Array.from(values, (_, i) => i).sort((p, q) => {
    const difference = values[p] - values[q];
    if (Number.isNaN(difference)) return Number(Number.isNaN(values[p])) - Number(Number.isNaN(values[q])) || p - q;
    return (down ? -difference : difference) || p - q;
  });
}

function finish(work) {
  let shares = [0];
  for (;;) {
    const { done, value } = work.next();
    if (done) return { order: value, shares };
    shares.push(value);
  }
}

const SPECIAL = [0, -0, 1, -1, NaN, Infinity, -Infinity, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0.1, -0.1, 2 ** 53, 2 ** 32, 65536, 65535];

test('the order is that of a plain sort, either way', () => {
  const next = random(1);
  const makers = {
    special: () => SPECIAL[Math.floor(next() * SPECIAL.length)],
    few: () => Math.floor(next() * 5) - 2,
    bits: () => new Float64Array(Uint32Array.of(next() * 2 ** 32, next() * 2 ** 32).buffer)[0],
    volts: () => (next() - 0.5) * 2e-3,
    unread: () => (next() < 0.8 ? NaN : next()),
    none: () => NaN,
    same: () => 7,
  };
  for (const [name, maker] of Object.entries(makers)) {
    for (const count of [0, 1, 2, 3, 17, 1000, 40_000]) {
      const values = Float64Array.from({ length: count }, maker);
      for (const down of [false, true]) assert.deepEqual(finish(orderOf(values, down)).order, plain(values, down), `${name} ${count} ${down}`);
    }
  }
});

test('a million are sorted in short pieces', async () => {
  const next = random(2);
  const values = Float64Array.from({ length: 1_000_000 }, () => (next() < 0.01 ? NaN : next() - 0.5));
  const { order, shares } = finish(orderOf(values, true));
  assert.deepEqual(order, plain(values, true));
  assert.ok(shares.length > 500);
  assert.ok(shares.every((share, i) => share >= 0 && share < 1 && (i === 0 || share >= shares[i - 1])));
  const stop = new AbortController();
  const sliced = inSlices(orderOf(values, false), stop.signal, () => stop.abort());
  await assert.rejects(sliced, { name: 'AbortError' });
});

test('numbers that change meanwhile leave each segment in its row once', () => {
  const values = Float64Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 1000);
  const work = orderOf(values, false);
  let steps = 0;
  let step = work.next();
  for (; !step.done; step = work.next()) values[(steps++ * 31) % values.length] = NaN;
  assert.deepEqual([...step.value].sort((p, q) => p - q), [...values.keys()]);
});
