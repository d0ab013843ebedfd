// Mean, RMS, state levels, frequency, duty factor and transition times, on signals whose answers are known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { measure, stateLevels } = await load('wave/measuring.js');
const { inSlices } = await load('wave/tools/slices.js');

const run = (codes, gain = 1, offset = 0, clip = null) => {
  const work = measure(codes, gain, offset, clip);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    assert.ok(step.value > 0 && step.value <= 1);
  }
};
/** How many samples lie between two pauses, at most. */
const pace = (codes) => codes.length / ([...measure(codes, 1, 0, null)].length / 3);
const near = (actual, expected, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

test('mean, RMS and deviation of samples far from zero keep their digits', () => {
  const next = random(3);
  const codes = Float64Array.from({ length: 300_007 }, () => 1e9 + next());
  let [sum, squares] = [0n, 0n];
  const whole = Array.from(codes, (code) => BigInt(Math.round((code - 1e9) * 2 ** 40)));
  for (const n of whole) sum += n;
  const mean = Number(sum) / codes.length / 2 ** 40;
  for (const n of whole) squares += (n - sum / BigInt(codes.length)) ** 2n;
  const deviation = Math.sqrt(Number(squares) / codes.length) / 2 ** 40;
  const { mean: found, deviation: spread, rms } = run(codes, 1, 1e9);
  near(found, mean, 2e-7); // what is left of the digits of a mean near 1e9, less 1e9
  near(spread, deviation, 1e-9);
  near(rms, Math.hypot(mean, deviation), 1e-6);
});

test('gain and offset, negative gains too, and the empty and the flat stretch', () => {
  const codes = Int16Array.of(1, 2, 3, 4);
  for (const gain of [0.5, -0.5]) {
    const { mean, rms, deviation, count } = run(codes, gain, 1);
    const values = [...codes].map((code) => code * gain - 1);
    near(mean, values.reduce((a, b) => a + b) / 4);
    near(rms, Math.sqrt(values.reduce((a, b) => a + b * b, 0) / 4));
    near(deviation, Math.sqrt(1.25) / 2);
    assert.equal(count, 4);
  }
  const flat = run(Int16Array.of(7, 7, 7), 2, 1);
  assert.deepEqual([flat.mean, flat.rms, flat.deviation, flat.levels, flat.timing], [13, 13, 0, null, null]);
  const empty = run(new Float32Array([NaN, NaN]));
  assert.deepEqual([empty.count, empty.nans, empty.mean, empty.timing], [0, 2, NaN, null]);
  assert.ok(Number.isNaN(run(Float32Array.of(1, Infinity, 2)).mean));
  assert.equal(run(new Int16Array(0)).count, 0);
});

test('NaN are counted and left out; clipped samples are counted', () => {
  const found = run(Float32Array.of(1, NaN, 3, NaN, 5));
  assert.deepEqual([found.count, found.nans, found.mean], [3, 2, 3]);
  assert.equal(run(Int16Array.of(-128, 0, 127, 126, -127), 1, 0, [-128, 127]).clipped, 2);
  assert.equal(run(Int16Array.of(-128, 0, 127)).clipped, 0);
});

/** A trapezoid: `rise` samples up, `high`, `fall` down, `low`, again and again. */
function pulses({ low, rise, high, fall, times, base = 0, top = 1000 }) {
  const shape = [];
  for (let i = 0; i < low; i++) shape.push(base);
  for (let i = 1; i <= rise; i++) shape.push(base + ((top - base) * i) / rise);
  for (let i = 1; i < high; i++) shape.push(top);
  for (let i = 1; i <= fall; i++) shape.push(top - ((top - base) * i) / fall);
  return Float64Array.from({ length: shape.length * times }, (_, i) => shape[i % shape.length]);
}

test('levels, frequency, duty factor, rise and fall of trapezoids', () => {
  const shape = { low: 40, rise: 20, high: 30, fall: 50, times: 9, base: -200, top: 800 };
  const codes = pulses(shape);
  const period = 40 + 20 + 29 + 50;
  for (const gain of [1, -1]) {
    const { levels, timing } = run(codes, gain, 0);
    assert.equal(levels.bistable, true);
    near(levels.base, gain > 0 ? -200 : -800, 1e-9);
    near(levels.top, gain > 0 ? 800 : 200, 1e-9);
    near(timing.period, period, 1e-9);
    const high = 10 + 29 + 25; // from half way up to half way down
    near(timing.duty, gain > 0 ? high / period : 1 - high / period, 1e-9);
    near(timing[gain > 0 ? 'rise' : 'fall'].mean, 16, 1e-9);
    near(timing[gain > 0 ? 'fall' : 'rise'].mean, 40, 1e-9);
    assert.equal(timing.cycles, 8);
    assert.deepEqual([timing.rise.count, timing.fall.count], [9, 9]);
  }
});

test('a sine has the period it was made with, with noise too', () => {
  const next = random(8);
  for (const noise of [0, 0.05]) {
    const period = 371.25;
    const codes = Float64Array.from({ length: 100_000 }, (_, i) => Math.sin((2 * Math.PI * i) / period) + noise * (2 * next() - 1));
    const { timing, rms } = run(codes);
    assert.equal(timing.cycles, Math.floor((100_000 - period / 2) / period));
    near(timing.period, period, noise ? 1e-4 : 1e-7);
    near(timing.duty, 0.5, noise ? 5e-3 : 1e-4);
    near(rms, Math.SQRT1_2, 5e-3);
  }
});

test('crossings need 40 and 60 %, and nothing is measured across NaN', () => {
  const steps = [0, 0, 100, 100, 45, 55, 45, 100, 0, 0, 100, 100, 0, 0, 100];
  const { timing } = run(Float64Array.from(steps));
  assert.equal(timing.cycles, 2); // the dip to 45 is none
  near(timing.period, ((9.5 - 1.5) + (13.5 - 9.5)) / 2);
  const gap = [0, 100, 0, 100, NaN, 0, 100, 0, 100];
  const broken = run(Float64Array.from(gap)).timing;
  assert.equal(broken.cycles, 2);
  near(broken.period, 2);
  assert.deepEqual([broken.rise.count, broken.fall.count], [4, 2]);
  const once = run(Float64Array.of(0, 0, 1, 1)).timing;
  assert.deepEqual([once.cycles, Number.isNaN(once.period), once.rise.count, once.fall.count], [0, true, 1, 0]);
  near(once.rise.mean, 0.8);
});

test('a runt is no rise, and a slow start counts from its last crossing of 10 %', () => {
  const found = run(Float64Array.of(0, 0, 50, 0, 0, 20, 0, 100, 100, 0, 0, 100, 100)).timing;
  assert.equal(found.rise.count, 2);
  near(found.rise.mean, 0.8);
});

test('what has no two states is measured between its smallest and largest sample', () => {
  const next = random(5);
  const ramp = Float64Array.from({ length: 10_000 }, (_, i) => i);
  assert.deepEqual(run(ramp).levels, { base: 0, top: 9999, bistable: false });
  const noise = Float64Array.from({ length: 50_000 }, () => Math.sqrt(-2 * Math.log(next() + 1e-300)) * Math.cos(2 * Math.PI * next()));
  const { levels } = run(noise);
  assert.equal(levels.bistable, false);
  assert.deepEqual([levels.base, levels.top], [Math.min(...noise), Math.max(...noise)]);
});

test('overshoot does not move the levels', () => {
  const codes = pulses({ low: 100, rise: 2, high: 100, fall: 2, times: 5 });
  codes[102] = 1200;
  codes[306] = -150;
  const { levels } = run(codes);
  near(levels.base, 0, 1e-9);
  near(levels.top, 1000, 1e-9);
});

test('of equally full bins the outermost are the states', () => {
  const counts = new Float64Array(100);
  const sums = new Float64Array(100);
  for (const bin of [3, 10, 80, 95]) [counts[bin], sums[bin]] = [5, 5 * bin];
  assert.deepEqual(stateLevels(counts, sums, 0, 100), { base: 3, top: 95, bistable: true });
});

test('the result does not depend on where the pauses are, and work can be given up', async () => {
  const codes = Int16Array.from({ length: 300_000 }, (_, i) => 1000 * Math.sin(i / 40));
  assert.deepEqual(await inSlices(measure(codes, 1e-3, 0, null), new AbortController().signal), run(codes, 1e-3));
  assert.ok(pace(codes) <= 65_536); // some hundred microseconds
  const control = new AbortController();
  const endless = (function* () {
    for (;;) yield 0;
  })();
  const running = inSlices(endless, control.signal, () => control.abort());
  await assert.rejects(running, { name: 'AbortError' });
});

const { extremeReadings, rateText, sampleReadings, tabbed, unite } = await load('wave/tools/readings.js');
const CALIBRATION = { gain: -2e-3, offset: 0.25, interval: 2e-9, start: -1e-3, trigger: null };
const plain = (text) => text.replaceAll('\u202f', '').replaceAll('\u2212', '-');

test('a negative gain turns smallest and largest over', () => {
  const rows = extremeReadings({ min: -100, max: 200, minAt: 5, maxAt: 10 }, CALIBRATION, { time: 's', value: 'V' });
  const by = Object.fromEntries(rows.map(({ id, value, text }) => [id, [value, plain(text)]]));
  assert.deepEqual(by.min, [200 * -2e-3 - 0.25, '-650.000 mV']);
  assert.deepEqual(by.max, [-100 * -2e-3 - 0.25, '-50.0000 mV']);
  assert.deepEqual(by['min-at'], [-1e-3 + 10 * 2e-9, '-999.9800 µs']);
  near(by['peak-to-peak'][0], 0.6);
  assert.deepEqual(extremeReadings({ min: null, max: null, minAt: null, maxAt: null }, CALIBRATION, { time: 's', value: 'V' }), []);
});

test('rates have prefixes only where they are Hz', () => {
  assert.equal(plain(rateText(50_000, 's')), '50.00000 kHz');
  assert.equal(plain(rateText(0.125, 'm')), '125.0000 ×10⁻³ 1/m');
});

test('what is not there is a dash, and rows of several channels meet', () => {
  const flat = sampleReadings(run(Int16Array.of(1, 1)), CALIBRATION, { time: 's', value: '' });
  assert.equal(flat.find(({ id }) => id === 'frequency').text, '—');
  const extremes = extremeReadings({ min: 1, max: 1, minAt: 0, maxAt: 0 }, CALIBRATION, { time: 's', value: '' });
  assert.deepEqual(unite([flat, extremes]).slice(0, 2).map(({ id }) => id), ['min', 'min-at']);
  const lines = tabbed(['one', 'two\tthree'], [extremes, flat]).split('\n').map((line) => line.split('\t'));
  assert.deepEqual(lines[0], ['measurement', 'unit', 'one', 'two three']);
  assert.deepEqual(lines[1], ['Minimum', '', String(1 * -2e-3 - 0.25), '']);
  assert.ok(lines.every((line) => line.length === 4));
});
