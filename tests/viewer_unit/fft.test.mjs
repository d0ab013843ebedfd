// Transforms against their definition, windows against their published figures, spectra against what sines must give.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { Fft, realFft } = await load('wave/fft.js');
const { makeWindow, noiseBandwidth, WINDOWS, windowShape } = await load('wave/windows.js');
const { binAt, cut, Estimate, lineBetween, lines, shareOf, shown, shownAt, spectrumColumns } = await load('wave/spectra.js');

/** The definition, with angles reduced exactly. */
function transform(re, im) {
  const n = re.length;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n;
      out.re[k] += re[j] * Math.cos(angle) - im[j] * Math.sin(angle);
      out.im[k] += re[j] * Math.sin(angle) + im[j] * Math.cos(angle);
    }
  }
  return out;
}

/** The largest difference, relative to the largest value. */
function difference(p, q, count = q.re.length) {
  let worst = 0;
  let largest = 0;
  for (let k = 0; k < count; k++) {
    worst = Math.max(worst, Math.hypot(p.re[k] - q.re[k], p.im[k] - q.im[k]));
    largest = Math.max(largest, Math.hypot(q.re[k], q.im[k]));
  }
  return worst / largest;
}

const noise = (n, seed) => {
  const next = random(seed);
  return Float64Array.from({ length: n }, () => next() * 2 - 1);
};

for (const n of [1, 2, 3, 4, 5, 7, 8, 12, 17, 64, 97, 100, 128, 243, 360, 512, 1009]) {
  test(`a transform of ${n} is what its definition says`, () => {
    const [re, im] = [noise(n, n), noise(n, n + 1)];
    const truth = transform(re, im);
    const out = { re: re.slice(), im: im.slice() };
    new Fft(n).transform(out.re, out.im);
    assert.ok(difference(out, truth) < 1e-12);
    const real = realFft(re);
    assert.equal(real.re.length, Math.floor(n / 2) + 1);
    assert.ok(difference(real, transform(re, new Float64Array(n)), real.re.length) < 1e-12);
  });
}

test('a plan can be used again', () => {
  const fft = new Fft(100);
  const once = { re: noise(100, 1), im: noise(100, 2) };
  const again = { re: once.re.slice(), im: once.im.slice() };
  fft.transform(once.re, once.im);
  fft.transform(again.re, again.im);
  assert.deepEqual(once, again);
});

for (const n of [2 ** 17, 100_003, 99_999]) {
  test(`a line among ${n} samples comes back with its amplitude and phase, and power is kept`, () => {
    const x = Float64Array.from({ length: n }, (_, j) => Math.cos((2 * Math.PI * ((777 * j) % n)) / n + 0.4));
    const { re, im } = realFft(x);
    assert.ok(Math.abs(re[777] / (n / 2) - Math.cos(0.4)) < 1e-12);
    assert.ok(Math.abs(im[777] / (n / 2) - Math.sin(0.4)) < 1e-12);
    const y = noise(n, 4);
    const other = realFft(y);
    const power = other.re.reduce((sum, v, k) => sum + (v * v + other.im[k] ** 2) * (k === 0 || 2 * k === n ? 1 : 2), 0) / n;
    assert.ok(Math.abs(power / y.reduce((sum, v) => sum + v * v, 0) - 1) < 1e-12);
  });
}

test('windows have their published noise bandwidths and sidelobes', () => {
  const published = { rectangular: [1, -13.2], hann: [1.5, -31.4], 'blackman-harris': [2.0044, -92], 'flat-top': [4.2186, -116.8] };
  const n = 512;
  for (const shape of WINDOWS) {
    const window = makeWindow(shape, n);
    const [bandwidth, sidelobe] = published[shape.id];
    assert.ok(Math.abs(noiseBandwidth(window, n) - bandwidth) < 1e-4, shape.id);
    const padded = new Float64Array(n * 16);
    padded.set(window.weights);
    const { re, im } = realFft(padded);
    const level = re.map((v, k) => 20 * Math.log10(Math.hypot(v, im[k]) / window.sum));
    const highest = Math.max(...level.slice(16 * shape.terms.length)); // behind the main lobe
    assert.ok(Math.abs(highest - sidelobe) < 0.3, `${shape.id}: ${highest}`);
  }
  assert.equal(windowShape('nobody').id, 'rectangular');
});

/** The spectrum of one stretch. */
function spectrum(x, id, centred = false) {
  const estimate = new Estimate(x.length, windowShape(id), centred);
  estimate.add(x.slice());
  return estimate.result();
}

test('a sine anywhere between two bins has its amplitude within 0.1 % with the flat top', () => {
  const n = 4096;
  for (let part = 0; part <= 1; part += 0.05) {
    const x = Float64Array.from({ length: n }, (_, j) => 3.2 * Math.sin((2 * Math.PI * (200 + part) * j) / n + part));
    const { rms, length, bandwidth, pieces, mean } = spectrum(x, 'flat-top');
    const largest = Math.max(...rms);
    assert.ok(Math.abs(shownAt('peak', { rms, length, bandwidth, pieces, mean }, rms.indexOf(largest), 1) / 3.2 - 1) < 1e-3);
  }
});

for (const { id } of WINDOWS) {
  test(`lines are found between the bins, ${id}`, () => {
    const n = 8192;
    for (const place of [900, 900.1, 900.37, 900.5, 899.74]) {
      const x = Float64Array.from({ length: n }, (_, j) => 2 * Math.sin((2 * Math.PI * place * j) / n + 1) + 0.01 * Math.sin((2 * Math.PI * 2100.3 * j) / n));
      const found = lines(spectrum(x, id), windowShape(id), 0, n, 2);
      assert.ok(Math.abs(found[0].bin - place) < 3e-3, `${found[0].bin} for ${place}`);
      assert.ok(Math.abs(found[0].rms * Math.SQRT2 / 2 - 1) < 2e-3, `${found[0].rms}`);
      if (id !== 'rectangular') assert.ok(Math.abs(found[1].bin - 2100.3) < 0.02, `${found[1].bin}`);
    }
  });
}

test('mean and highest frequency count once', () => {
  const n = 64;
  const x = Float64Array.from({ length: n }, (_, j) => 5 + (j % 2 ? -2 : 2));
  const all = spectrum(x, 'rectangular');
  assert.ok(Math.abs(shownAt('peak', all, 0, 1) - 5) < 1e-12);
  assert.ok(Math.abs(shownAt('peak', all, 32, 1) - 2) < 1e-12);
  assert.equal(all.mean, 5);
  const centred = spectrum(x, 'rectangular', true);
  assert.ok(centred.rms[0] < 1e-12);
  assert.equal(centred.mean, 5);
});

test('the density of noise is its variance over half the sampling rate, with any window', () => {
  const [n, rate] = [4096, 1e6];
  for (const { id } of WINDOWS) {
    const estimate = new Estimate(n, windowShape(id), true);
    for (let i = 0; i < 60; i++) estimate.add(noise(n, 100 + i)); // uniform: variance 1/3
    const result = estimate.result();
    const mean = Array.from({ length: n / 2 - 21 }, (_, i) => shownAt('density', result, i + 11, rate)).reduce((p, q) => p + q) / (n / 2 - 21);
    assert.ok(Math.abs(mean / (1 / 3 / (rate / 2)) - 1) < 0.02, id);
    assert.equal(result.pieces, 60);
  }
  assert.equal(shown('decibel', 10, true, 1), 20);
});

test('a stretch is cut into pieces that overlap by half and leave nothing out', () => {
  assert.deepEqual(cut(1000, 1024), { length: 1000, starts: [0] });
  assert.deepEqual(cut(2048, 1024), { length: 1024, starts: [0, 512, 1024] });
  for (const count of [1025, 5000, 123_457]) {
    const { length, starts } = cut(count, 1024);
    assert.equal(starts[0], 0);
    assert.equal(starts.at(-1) + length, count);
    starts.slice(1).forEach((start, i) => assert.ok(start - starts[i] <= 512 && start > starts[i]));
  }
});

test('no line is between two columns', () => {
  const next = random(12);
  for (const log of [false, true]) {
    const rms = Float64Array.from({ length: 5000 }, () => next());
    const span = { from: log ? 1 : 0, to: 4999, log };
    const { lo, hi } = spectrumColumns(rms, 300, span);
    for (let k = log ? 1 : 0; k < 5000; k++) {
      const x = Math.min(299, Math.floor(shareOf(span, k) * 300 + 1e-9));
      assert.ok(lo[x] <= rms[k] && rms[k] <= hi[x], `bin ${k} in column ${x}`);
    }
    assert.equal(Math.max(...hi), Math.max(...rms.slice(log ? 1 : 0)));
    assert.ok(Math.abs(binAt(span, shareOf(span, 123.4)) - 123.4) < 1e-9);
  }
});

test('a lone bin far from its window gives its own place', () => {
  const { offset, height } = lineBetween([0.5, 1, 0.5], windowShape('hann'));
  assert.ok(Math.abs(offset) < 1e-9);
  assert.ok(Math.abs(height - 1) < 1e-9);
});
