// Places as people write them, and flags that do not cover each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { parsePlace } = await load('wave/tools/places.js');
const { layFlags } = await load('wave/tools/flags.js');

const AXIS = { unit: 's', samples: 1_000_000, segments: 20, triggers: true };
const parse = (text, axis = {}) => parsePlace(text, { ...AXIS, ...axis });

test('times with and without units', () => {
  const cases = {
    '1.25 ms': 1.25e-3, '3us': 3e-6, '3 µs': 3e-6, '3 μs': 3e-6, '2e-6': 2e-6, '-5 ns': -5e-9, '\u22125 ns': -5e-9, '.5s': 0.5, '12 ks': 12_000, '7': 7, '2 min': 120,
    '1.5h': 5400, '3n': 3e-9, '4 m': 4e-3, '12.345\u202f678 ms': 12.345678e-3, '1E3 ps': 1e-9, '0.1 ms': 1e-4,
  };
  for (const [text, time] of Object.entries(cases)) assert.deepEqual(parse(text), { kind: 'time', time, from: 'zero' }, text);
  assert.deepEqual(parse('+1 ms'), { kind: 'time', time: 1e-3, from: 'here' });
  assert.deepEqual(parse('+-1 ms'), { kind: 'time', time: -1e-3, from: 'here' });
  assert.deepEqual(parse('+ 1 ms'), { kind: 'time', time: 1e-3, from: 'here' });
  assert.deepEqual(parse('5m', { unit: 'm' }), { kind: 'time', time: 5, from: 'zero' });
  assert.deepEqual(parse('5 km', { unit: 'm' }), { kind: 'time', time: 5000, from: 'zero' });
});

test('samples, segments and triggers', () => {
  for (const text of ['#123456', 'sample 123456', '# 123\u202f456', 'SAMPLE 123456', 'sample 1.23456e5']) {
    assert.deepEqual(parse(text), { kind: 'sample', sample: 123456, from: 'zero' }, text);
  }
  assert.deepEqual(parse('+#100'), { kind: 'sample', sample: 100, from: 'here' });
  for (const text of ['seg 12', 'segment 12', 'Seg12']) assert.deepEqual(parse(text), { kind: 'segment', segment: 12 });
  assert.deepEqual(parse('trigger 4.25 ms'), { kind: 'trigger', time: 4.25e-3, from: 'zero' });
});

test('nonsense is answered with what to write', () => {
  const cases = {
    '': /Write a time/, '  ': /Write a time/, abc: /no time/, '1 mV': /no unit of this axis, which counts in s/, '1,5 ms': /point/, '#x': /sample/, '#1.5': /sample/,
    '#1000000': /from 0 to 999\u202f999/, '#-1': /from 0/, 'seg 20': /from 0 to 19/, 'seg x': /segment/, '1e999 s': /too large/, '<b>1': /no time/, '1 ms 2': /no time/, '1 __proto__': /no unit/,
  };
  for (const [text, words] of Object.entries(cases)) {
    const place = parse(text);
    assert.equal(place.kind, 'nonsense', text);
    assert.match(place.words, words);
  }
  assert.match(parse('trigger 1', { triggers: false }).words, /no trigger times/);
  assert.match(parse('seg 1', { segments: 1 }).words, /one segment/);
  assert.ok(parse('x'.repeat(1000)).words.length < 200);
});

test('flags never cover each other, and lie in the plot', () => {
  const next = random(4);
  for (let round = 0; round < 200; round++) {
    const flags = Array.from({ length: 20 }, () => ({ x: next() * 800, width: 20 + next() * 150 })).sort((p, q) => p.x - q.x);
    const laid = layFlags(flags, 800, 4, 6);
    laid.forEach(({ row, left }, i) => {
      assert.ok(row >= -1 && row < 4 && left >= 0);
      if (row < 0) return;
      assert.ok(left + flags[i].width <= 800 + 1e-9 || left === 0);
      laid.forEach((other, k) => {
        if (k === i || other.row !== row) return;
        assert.ok(other.left >= left + flags[i].width + 6 - 1e-9 || other.left + flags[k].width + 6 <= left + 1e-9);
      });
    });
  }
  assert.deepEqual(layFlags([{ x: 10, width: 50 }, { x: 700, width: 50 }], 800, 1, 4).map(({ row }) => row), [0, 0]);
  assert.deepEqual(layFlags([{ x: 790, width: 50 }], 800, 1, 4), [{ row: 0, left: 740 }]);
  assert.deepEqual(layFlags([{ x: 10, width: 50 }, { x: 20, width: 50 }], 800, 1, 4).map(({ row }) => row), [0, -1]);
});
