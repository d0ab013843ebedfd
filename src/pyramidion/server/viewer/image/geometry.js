// @ts-check
/**
 * Planes, the way from pixels of the image to pixels of the screen, levels and tiles. Plain arithmetic.
 *
 * Positions along x, y and z are counted in pixels of level 0, whose pixel i covers i to i + 1.
 *
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {'x' | 'y' | 'z'} Place
 * @typedef {'xy' | 'xz' | 'yz'} PlaneName
 * @typedef {{name: PlaneName, h: Place, v: Place, n: Place}} Plane   Axis to the right, axis downwards, and the one across.
 * @typedef {{x: number, y: number, z: number}} Point
 *
 * @typedef {object} Frame   One plane on one canvas.
 * @property {Plane} plane
 * @property {number} width    Device pixels.
 * @property {number} height
 * @property {number} left     Where position 0 lies, in device pixels; whole, so that pixels do not tremble.
 * @property {number} top
 * @property {number} kh       Device pixels a pixel of level 0 is wide,
 * @property {number} kv       and high.
 *
 * @typedef {{h0: number, h1: number, v0: number, v1: number}} Span   Numbers of tiles; from, and up to without.
 * @typedef {Span} Area   The same in positions.
 */

/** @type {Readonly<Record<PlaneName, Plane>>} */
export const PLANES = Object.freeze({
  xy: { name: 'xy', h: 'x', v: 'y', n: 'z' },
  xz: { name: 'xz', h: 'x', v: 'z', n: 'y' },
  yz: { name: 'yz', h: 'z', v: 'y', n: 'x' },
});

const LARGEST_TILE = 512; // chunks larger than this are coloured in parts, so that no part takes long

/**
 * @param {Plane} plane @param {number} width @param {number} height   Device pixels.
 * @param {Point} centre @param {number} zoom   Device pixels a pixel of level 0 is wide along x.
 * @param {Point} aspect
 * @returns {Frame}
 */
export function makeFrame(plane, width, height, centre, zoom, aspect) {
  const kh = zoom * aspect[plane.h];
  const kv = zoom * aspect[plane.v];
  return { plane, width, height, kh, kv, left: Math.round(width / 2 - centre[plane.h] * kh), top: Math.round(height / 2 - centre[plane.v] * kv) };
}

/** @param {Frame} frame @param {number} x @param {number} y  Device pixels. @returns {{h: number, v: number}} */
export function positionAt(frame, x, y) {
  return { h: (x - frame.left) / frame.kh, v: (y - frame.top) / frame.kv };
}

/**
 * The level whose pixels are nearest to the size of the screen's: rounded, not the next finer one, which costs half the tiles.
 *
 * @param {readonly Level[]} levels @param {Frame} frame @returns {number}
 */
export function nearestLevel(levels, { plane, kh, kv }) {
  let best = 0;
  let bestDistance = Infinity;
  levels.forEach(({ size }, i) => {
    const distance = Math.abs(Math.log2(Math.min(size[plane.h] * kh, size[plane.v] * kv)));
    if (distance < bestDistance - 1e-9) [best, bestDistance] = [i, distance];
  });
  return best;
}

/** @param {Level} level @param {Place} axis @returns {{edge: number, parts: number}} Pixels a tile is long, tiles a chunk is. */
function tiling(level, axis) {
  const edge = Math.min(level.chunk[axis], LARGEST_TILE);
  return { edge, parts: Math.ceil(level.chunk[axis] / edge) };
}

/**
 * @param {Level} level @param {Place} axis @param {number} index  Of a tile.
 * @returns {[number, number]} The pixels of the level that it holds; from, and up to without.
 */
export function tilePixels(level, axis, index) {
  const { edge, parts } = tiling(level, axis);
  const chunk = Math.floor(index / parts);
  const from = chunk * level.chunk[axis] + (index % parts) * edge;
  return [from, Math.min(from + edge, (chunk + 1) * level.chunk[axis], level.shape[axis])];
}

/** @param {Level} level @param {Place} axis @param {number} pixel @returns {number} The tile that holds a pixel. */
function tileOf(level, axis, pixel) {
  const { edge, parts } = tiling(level, axis);
  const chunk = Math.floor(pixel / level.chunk[axis]);
  return chunk * parts + Math.floor((pixel - chunk * level.chunk[axis]) / edge);
}

/**
 * The part of the image that lies in a part of the frame.
 *
 * @param {Frame} frame @param {{x0: number, x1: number, y0: number, y1: number}} [part]  Device pixels.
 * @returns {Area}
 */
export function areaOf(frame, part = { x0: 0, x1: frame.width, y0: 0, y1: frame.height }) {
  return areaBetween(positionAt(frame, part.x0, part.y0), positionAt(frame, part.x1, part.y1));
}

/** @param {{h: number, v: number}} from @param {{h: number, v: number}} to @returns {Area} */
export function areaBetween(from, to) {
  return { h0: from.h, h1: to.h, v0: from.v, v1: to.v };
}

/**
 * @param {Level} level @param {Place} axis @param {number} from @param {number} to
 * @returns {[number, number]} Pixels of the level that lie between two positions, if only in part; from, and up to without.
 */
export function pixelsTouching(level, axis, from, to) {
  const first = Math.floor((from - level.start[axis]) / level.size[axis] + 1e-9);
  const end = Math.ceil((to - level.start[axis]) / level.size[axis] - 1e-9);
  return [Math.max(0, first), Math.min(level.shape[axis], end)];
}

/**
 * @param {Level} level @param {Place} axis @param {number} from @param {number} to
 * @returns {[number, number]} Pixels of the level whose centres lie between two positions; the nearest one if there is none.
 */
export function pixelsInside(level, axis, from, to) {
  const place = (/** @type {number} */ position) => Math.ceil((position - level.start[axis]) / level.size[axis] - 0.5 - 1e-9);
  const [first, end] = [Math.max(0, place(from)), Math.min(level.shape[axis], place(to))];
  if (end > first) return [first, end];
  const nearest = Math.floor(((from + to) / 2 - level.start[axis]) / level.size[axis]);
  const kept = Math.max(0, Math.min(level.shape[axis] - 1, nearest));
  return [kept, kept + 1];
}

/**
 * The tiles of a level that hold some of its pixels.
 *
 * @param {Level} level @param {Plane} plane @param {readonly [number, number]} h @param {readonly [number, number]} v
 * @returns {Span}
 */
export function tilesWith(level, plane, h, v) {
  if (h[1] <= h[0] || v[1] <= v[0]) return { h0: 0, h1: 0, v0: 0, v1: 0 };
  return {
    h0: tileOf(level, plane.h, h[0]), h1: tileOf(level, plane.h, h[1] - 1) + 1,
    v0: tileOf(level, plane.v, v[0]), v1: tileOf(level, plane.v, v[1] - 1) + 1,
  };
}

/**
 * The tiles of a level that lie in a part of the image.
 *
 * @param {Level} level @param {Plane} plane @param {Area} area
 * @returns {Span}
 */
export function tilesIn(level, plane, { h0, h1, v0, v1 }) {
  return tilesWith(level, plane, pixelsTouching(level, plane.h, h0, h1), pixelsTouching(level, plane.v, v0, v1));
}

/** @param {Span} span @returns {number} */
export function countTiles({ h0, h1, v0, v1 }) {
  return (h1 - h0) * (v1 - v0);
}

/**
 * Where pixels `from` up to `to` of a level lie on an axis of the screen, in device pixels.
 *
 * @param {Level} level @param {Place} axis @param {number} from @param {number} to @param {number} origin @param {number} k
 * @returns {[number, number]}
 */
export function onScreen(level, axis, from, to, origin, k) {
  const edge = (/** @type {number} */ pixel) => origin + (level.start[axis] + pixel * level.size[axis]) * k;
  return [edge(from), edge(to)];
}

/**
 * The part of a tile that is on the screen: whole pixels of the tile, and where they go.
 *
 * @param {Pick<Level, 'size' | 'start'>} level @param {Place} axis @param {readonly [number, number]} pixels  Of the tile.
 * @param {number} origin @param {number} k @param {number} length  Device pixels of the canvas.
 * @returns {{from: number, count: number, at: number, long: number} | null} `from` counts from the tile's first pixel.
 */
export function visiblePart(level, axis, pixels, origin, k, length) {
  const step = level.size[axis] * k;
  const zero = origin + level.start[axis] * k;
  const first = Math.max(pixels[0], Math.floor(-zero / step));
  const end = Math.min(pixels[1], Math.ceil((length - zero) / step));
  if (end <= first) return null;
  const at = Math.round(zero + first * step);
  const long = Math.round(zero + end * step) - at;
  return long > 0 ? { from: first - pixels[0], count: end - first, at, long } : null;
}
