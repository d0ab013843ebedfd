// Words for places and counts, and the numbers in links.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { visibleSamples } = await load('wave/columns.js');
const { timeTicks } = await load('wave/figure.js');
const { hashOf, showHash } = await load('wave/link.js');
const { placeText, summaryText, whole } = await load('wave/texts.js');
const { formatHash, parseHash } = await load('frame/hash.js');

const CLOCK = { gain: 1, offset: 0, interval: 1e-9, start: 0, trigger: null };
const FAR = { ...CLOCK, start: 1.7e9 }; // Unix seconds: a step of float64 is 240 samples
const plain = (text) => text.replaceAll('\u202f', '');

/** What the link needs of a panel. */
function panel(calibration, view) {
  const value = {
    channels: [0], layout: 'overlay', trc: 0, seg: 0, window: { a: 0, b: 10 }, cursors: { x: null, y: null }, notes: [], lenses: [], segments: 'one', ...view,
  };
  return { calibration, state: { value, set: (patch) => Object.assign(value, patch) }, setWindow: (window) => Object.assign(value, { window }) };
}

test('the samples in view are those from the left edge up to, not including, the right one', () => {
  assert.deepEqual(visibleSamples(3, 7, 100), { first: 3, end: 7 });
  assert.deepEqual(visibleSamples(2.2, 7.2, 100), { first: 3, end: 8 });
  assert.deepEqual(visibleSamples(-5, 1, 100), { first: 0, end: 1 });
  // The window of another channel may lie beside a record: then there are none, and no read of them fails.
  assert.deepEqual(visibleSamples(150, 170, 100), { first: 100, end: 100 });
  assert.deepEqual(visibleSamples(-70, -50, 100), { first: 0, end: 0 });
  const dataset = { timeUnit: 's', samples: 100 };
  assert.match(summaryText(dataset, CLOCK, { a: 0, b: 10.4 }), /11 samples$/, 'as many as are measured and written to files');
  assert.match(summaryText(dataset, CLOCK, { a: 0.2, b: 10.4 }), /10 samples$/);
});

test('a clock too far away to tell samples apart counts from the first one', () => {
  assert.equal(plain(placeText(CLOCK, 1000, 1e-10, 's')), '1.0000 µs');
  assert.equal(plain(placeText(FAR, 1000, 1e-10, 's')), '1.0000 µs from sample 0');
  const dataset = { timeUnit: 's', samples: 1e6 };
  const { ticks, unit } = timeTicks(dataset, FAR, { a: 1000, b: 1040 }, 1040);
  assert.equal(unit, 'µs from sample 0');
  assert.ok(ticks.length >= 4);
  for (const { at, label } of ticks) assert.ok(Math.abs(1000 + at / 26 - Number(plain(label)) * 1000) < 1e-6, label);
});

test('a link says whole and half samples exactly, however far its clock is', () => {
  const next = random(7);
  for (let round = 0; round < 3000; round++) {
    const start = (next() - 0.5) * 10 ** (next() * 3); // up to 10^12 samples from zero
    const calibration = { ...CLOCK, start };
    const a = Math.floor(next() * 1e6) / 2;
    const window = { a, b: a + Math.floor(next() * 1e4) + 1 };
    const cursors = { x: Math.ceil(a), y: null };
    const again = panel(calibration, {});
    showHash(again, parseHash(formatHash(hashOf(panel(calibration, { window, cursors }), new Map()))));
    assert.deepEqual(again.state.value.window, window, `${start}`);
    assert.equal(Math.round(again.state.value.cursors.x), cursors.x);
  }
});

test('notes of any text make a link', () => {
  assert.equal(whole(`${'a'.repeat(199)}\u{1F600}`, 200), 'a'.repeat(199), 'no half of a sign');
  const text = `${'b'.repeat(199)}\u{1F600}`;
  const again = panel(CLOCK, {});
  showHash(again, parseHash(`#t=0,1e-8&n=${encodeURIComponent(`1e-9~${text}|x~no place|2e-9~a~b`)}`));
  const notes = again.state.value.notes.filter(({ at }) => Number.isFinite(at));
  assert.deepEqual(notes.map((note) => note.text), ['b'.repeat(199), 'a~b']);
  assert.doesNotThrow(() => formatHash(hashOf(panel(CLOCK, { notes }), new Map())));
});
