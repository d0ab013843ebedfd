// @ts-check
/**
 * What will probably be wanted next: the slices ahead, the margin that one moves towards, the next finer level where one
 * zooms in, the coarsest level of a volume.
 *
 * @typedef {import('./pane.js').Pane} Pane
 * @typedef {import('./tiles.js').Slice} Slice
 * @typedef {import('./tiles.js').Tile} Tile
 * @typedef {import('../fetch/scheduler.js').Want} Want
 */

const PRIORITY = 20; // after everything that is on the screen
const AHEAD = 3; // slices, while playing
const MARGIN = 0.2; // of the screen
const MOST = 24; // tiles of a margin or a slice
const VOLUME_BYTES = 8 * 2 ** 20;

/**
 * @typedef {object} Motion   How one moved last.
 * @property {'x' | 'y' | 'z' | 't' | null} axis   Through slices or time.
 * @property {number} by
 * @property {number} dx     The direction of a drag.
 * @property {number} dy
 * @property {{x: number, y: number} | null} towards   Where one zooms in, in shares of the first pane's width and height.
 *
 * @param {readonly Pane[]} panes @param {Slice} slice @param {Motion} motion @param {boolean} playing
 * @returns {Want[]}
 */
export function prefetch(panes, slice, motion, playing) {
  const tiles = panes.flatMap((pane) => [...nextSlices(pane, slice, motion, playing ? AHEAD : 1), ...margin(pane, slice, motion)]);
  if (!playing) tiles.push(...closer(panes[0], slice, motion));
  const { tiles: store } = panes[0];
  const wants = tiles.flatMap((tile, i) => store.chunks(tile).map((chunk) => ({ chunk, priority: PRIORITY + i / 1e3 })));
  return [...wants, ...coarseVolume(panes[0], slice)];
}

/** @param {Pane} pane @param {Slice} slice @param {Motion} motion @param {number} count @returns {Tile[]} */
function nextSlices(pane, slice, { axis, by }, count) {
  const { shape } = pane.tiles.dataset;
  if (axis === null || (axis !== 't' && axis !== pane.plane.n)) return [];
  const tiles = [];
  for (let k = 1; k <= count; k++) {
    const wrap = (/** @type {number} */ n) => (n + k * by + shape[axis]) % shape[axis];
    const next = axis === 't' ? { ...slice, t: wrap(slice.t) } : { ...slice, point: { ...slice.point, [axis]: wrap(slice.point[axis]) } };
    tiles.push(...pane.tilesOn(pane.levels[pane.level], next).slice(0, MOST));
  }
  return tiles;
}

/** @param {Pane} pane @param {Slice} slice @param {Motion} motion @returns {Tile[]} What lies just outside the screen. */
function margin(pane, slice, { dx, dy }) {
  const { frame } = pane;
  if (!frame || (dx === 0 && dy === 0)) return [];
  const { width, height } = frame;
  const part = { x0: 0, x1: width, y0: 0, y1: height };
  if (Math.abs(dx) >= Math.abs(dy)) Object.assign(part, dx > 0 ? { x0: -MARGIN * width, x1: 0 } : { x0: width, x1: width * (1 + MARGIN) });
  else Object.assign(part, dy > 0 ? { y0: -MARGIN * height, y1: 0 } : { y0: height, y1: height * (1 + MARGIN) });
  return pane.tilesOn(pane.levels[pane.level], slice, part).slice(0, MOST);
}

/** @param {Pane} pane @param {Slice} slice @param {Motion} motion @returns {Tile[]} What twice the zoom would show. */
function closer(pane, slice, { towards }) {
  const { frame, level, levels } = pane;
  if (!towards || !frame || level === 0) return [];
  const half = (/** @type {number} */ at, /** @type {number} */ size) => [(at * size) / 2, ((at + 1) * size) / 2];
  const [[x0, x1], [y0, y1]] = [half(towards.x, frame.width), half(towards.y, frame.height)];
  return pane.tilesOn(levels[level - 1], slice, { x0, x1, y0, y1 }).slice(0, MOST);
}

/** @param {Pane} pane @param {Slice} slice @returns {Want[]} All slices of the coarsest level, where that is little. */
function coarseVolume({ levels, tiles: { dataset, look } }, { t }) {
  const level = levels[levels.length - 1];
  const count = (/** @type {'x' | 'y' | 'z'} */ axis) => Math.ceil(level.shape[axis] / level.chunk[axis]);
  if (!dataset.volume || count('x') * count('y') * count('z') * level.bytes * look.visible.length > VOLUME_BYTES) return [];
  const wants = [];
  for (const { index } of look.visible) {
    for (let z = 0; z < level.shape.z; z += level.chunk.z) {
      for (let y = 0; y < level.shape.y; y += level.chunk.y) {
        for (let x = 0; x < level.shape.x; x += level.chunk.x) wants.push({ chunk: dataset.chunkAt(level, { t, c: index, z, y, x }), priority: PRIORITY + 9 });
      }
    }
  }
  return wants;
}
