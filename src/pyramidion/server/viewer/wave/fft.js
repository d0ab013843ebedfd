// @ts-check
/**
 * Discrete Fourier transforms of any length: X[k] = sum over j of x[j] exp(-2 pi i j k / n), as numpy.fft has it.
 *
 * Powers of two by the Cooley-Tukey scheme, other lengths as a convolution of powers of two (L. Bluestein, 1970). Angles
 * are reduced with whole numbers and every factor is computed by itself, so errors stay near 1e-15 of the largest value.
 */

/** A plan for complex transforms of one length. */
export class Fft {
  /** @param {number} n   At least 1. */
  constructor(n) {
    this.n = n;
    /** @type {(re: Float64Array, im: Float64Array) => void} */
    this.transform = n > 1 && (n & (n - 1)) === 0 ? powerOfTwo(n) : n === 1 ? () => {} : bluestein(n);
  }
}

/**
 * The transform of real numbers: the values of k = 0 ... floor(n / 2); the others mirror them.
 *
 * @param {Float64Array} x
 * @param {(n: number) => Fft} [plan]   Where plans come from, for those who keep them.
 * @returns {{re: Float64Array, im: Float64Array}}
 */
export function realFft(x, plan = (n) => new Fft(n)) {
  const n = x.length;
  return n % 2 === 0 && n > 0 ? evenReal(x, plan(n / 2)) : oddReal(x, plan(n));
}

/** @param {Float64Array} x @param {Fft} fft */
function oddReal(x, fft) {
  const re = x.slice();
  const im = new Float64Array(x.length);
  fft.transform(re, im);
  const bins = Math.floor(x.length / 2) + 1;
  return { re: re.slice(0, bins), im: im.slice(0, bins) };
}

/**
 * Even and odd samples as real and imaginary part of one transform of half the length, taken apart afterwards.
 *
 * @param {Float64Array} x @param {Fft} fft
 */
function evenReal(x, fft) {
  const half = x.length / 2;
  const zr = new Float64Array(half);
  const zi = new Float64Array(half);
  for (let j = 0; j < half; j++) {
    zr[j] = x[2 * j];
    zi[j] = x[2 * j + 1];
  }
  fft.transform(zr, zi);
  const re = new Float64Array(half + 1);
  const im = new Float64Array(half + 1);
  for (let k = 0; k <= half; k++) {
    const p = k === half ? 0 : k;
    const q = k === 0 ? 0 : half - k;
    const evenRe = (zr[p] + zr[q]) / 2;
    const evenIm = (zi[p] - zi[q]) / 2;
    const oddRe = (zi[p] + zi[q]) / 2;
    const oddIm = (zr[q] - zr[p]) / 2;
    const angle = (-Math.PI * k) / half;
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    re[k] = evenRe + c * oddRe - s * oddIm;
    im[k] = evenIm + c * oddIm + s * oddRe;
  }
  return { re, im };
}

/** @param {number} n @returns {(re: Float64Array, im: Float64Array) => void} */
function powerOfTwo(n) {
  const cos = new Float64Array(n / 2);
  const sin = new Float64Array(n / 2);
  for (let j = 0; j < n / 2; j++) {
    cos[j] = Math.cos((2 * Math.PI * j) / n);
    sin[j] = -Math.sin((2 * Math.PI * j) / n);
  }
  const swapped = reversed(n);
  return (re, im) => {
    for (let i = 0; i < n; i++) {
      const j = swapped[i];
      if (j <= i) continue;
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
    for (let half = 1; half < n; half *= 2) stage(re, im, half, cos, sin);
  };
}

/**
 * Join pairs of transforms of length `half`.
 *
 * @param {Float64Array} re @param {Float64Array} im @param {number} half
 * @param {Float64Array} cos @param {Float64Array} sin
 */
function stage(re, im, half, cos, sin) {
  const n = re.length;
  const step = n / (2 * half);
  for (let start = 0; start < n; start += 2 * half) {
    for (let j = 0, w = 0; j < half; j++, w += step) {
      const p = start + j;
      const q = p + half;
      const tr = re[q] * cos[w] - im[q] * sin[w];
      const ti = re[q] * sin[w] + im[q] * cos[w];
      re[q] = re[p] - tr;
      im[q] = im[p] - ti;
      re[p] += tr;
      im[p] += ti;
    }
  }
}

/** @param {number} n @returns {Uint32Array} Each index with its bits in reverse order. */
function reversed(n) {
  const out = new Uint32Array(n);
  for (let i = 1; i < n; i++) out[i] = (out[i >> 1] >> 1) | (i & 1 ? n >> 1 : 0);
  return out;
}

/** @param {number} n @returns {(re: Float64Array, im: Float64Array) => void} */
function bluestein(n) {
  let m = 2;
  while (m < 2 * n - 1) m *= 2;
  const inner = powerOfTwo(m);
  const cos = new Float64Array(n);
  const sin = new Float64Array(n);
  const br = new Float64Array(m);
  const bi = new Float64Array(m);
  for (let j = 0; j < n; j++) {
    const angle = (Math.PI * ((j * j) % (2 * n))) / n; // j * j stays below 2^53 up to lengths of 9e7
    cos[j] = Math.cos(angle);
    sin[j] = Math.sin(angle);
    br[j] = cos[j];
    bi[j] = sin[j];
    if (j > 0) {
      br[m - j] = cos[j];
      bi[m - j] = sin[j];
    }
  }
  inner(br, bi);
  return (re, im) => {
    const ar = new Float64Array(m);
    const ai = new Float64Array(m);
    for (let j = 0; j < n; j++) {
      ar[j] = re[j] * cos[j] + im[j] * sin[j];
      ai[j] = im[j] * cos[j] - re[j] * sin[j];
    }
    inner(ar, ai);
    for (let k = 0; k < m; k++) {
      const real = ar[k] * br[k] - ai[k] * bi[k];
      ai[k] = -(ar[k] * bi[k] + ai[k] * br[k]); // conjugated: a forward transform then goes back
      ar[k] = real;
    }
    inner(ar, ai);
    for (let k = 0; k < n; k++) {
      const real = ar[k] / m;
      const imaginary = -ai[k] / m;
      re[k] = real * cos[k] + imaginary * sin[k];
      im[k] = imaginary * cos[k] - real * sin[k];
    }
  };
}
