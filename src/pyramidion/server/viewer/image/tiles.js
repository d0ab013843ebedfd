// @ts-check
import { LruCache } from '../cache/lru.js';
import { fileOf } from '../fetch/chunk.js';
import { paint } from './colour.js';
import { placeInChunk } from './dataset.js';
import { tilePixels } from './geometry.js';

/**
 * @typedef {import('./dataset.js').ImageDataset} ImageDataset
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {import('./geometry.js').Plane} Plane
 * @typedef {import('./geometry.js').Point} Point
 * @typedef {import('./colour.js').Source} Source
 * @typedef {import('./look.js').Look} Look
 * @typedef {import('../fetch/chunk.js').Chunk} Chunk
 * @typedef {import('../fetch/scheduler.js').Scheduler} Scheduler
 *
 * @typedef {{t: number, point: Point}} Slice   Time, and the pixel of level 0 through which the planes go.
 *
 * @typedef {object} Tile   A rectangle of one level in one plane, small enough to be coloured at once.
 * @property {string} key
 * @property {Level} level
 * @property {Plane} plane
 * @property {readonly [number, number]} h   Pixels of the level; from, and up to without.
 * @property {readonly [number, number]} v
 * @property {Record<import('./axes.js').AxisName, number>} corner   Its first pixel; `c` is filled in for each channel.
 * @property {{version: number, chunks: Chunk[]} | null} made   The chunks of the channels of a look.
 *
 * @typedef {'fresh' | 'ready' | 'stale' | 'missing' | 'failed'} TileState
 *   Ready: its data are here and can be coloured. Stale: coloured with another look, and the data are not here.
 */

const MEMORY = 160 * 2 ** 20; // bytes of coloured tiles
const MOST_KNOWN = 20_000; // tiles whose places are remembered: a screen of small chunks has a thousand, in every frame

/** Coloured tiles, made from decoded chunks when they are needed. */
export class TileStore {
  /** Milliseconds spent colouring so far. */
  colourMs = 0;

  /** @type {LruCache<{bitmap: ImageBitmap, version: number}>} */
  #coloured = new LruCache(MEMORY, ({ bitmap }) => bitmap.close());
  /** @type {Map<string, Tile>} */ #known = new Map();
  /** @type {{canvas: OffscreenCanvas, context: OffscreenCanvasRenderingContext2D, image: ImageData, pixels: Uint32Array} | null} */
  #easel = null;

  /** @param {ImageDataset} dataset @param {Scheduler} scheduler @param {Look} look */
  constructor(dataset, scheduler, look) {
    this.dataset = dataset;
    this.scheduler = scheduler;
    this.look = look;
  }

  get bytes() {
    return this.#coloured.bytes;
  }

  /**
   * @param {Level} level @param {Plane} plane @param {Slice} slice @param {number} h @param {number} v   Numbers of the tile.
   * @returns {Tile}
   */
  tile(level, plane, { t, point }, h, v) {
    const across = this.dataset.pixelAt(level, plane.n, point[plane.n] + 0.5);
    const key = `${level.number} ${plane.name} ${t} ${across} ${h} ${v}`;
    const known = this.#known.get(key);
    if (known) return known;
    const hs = tilePixels(level, plane.h, h);
    const vs = tilePixels(level, plane.v, v);
    const corner = { t, c: 0, x: 0, y: 0, z: 0, [plane.n]: across, [plane.h]: hs[0], [plane.v]: vs[0] };
    const tile = { key, level, plane, h: hs, v: vs, corner, made: null };
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(key, tile);
    return tile;
  }

  /** @param {Level} level @param {Plane} plane @param {Slice} slice @param {import('./geometry.js').Span} span @returns {Tile[]} */
  list(level, plane, slice, { h0, h1, v0, v1 }) {
    const tiles = [];
    for (let v = v0; v < v1; v++) for (let h = h0; h < h1; h++) tiles.push(this.tile(level, plane, slice, h, v));
    return tiles;
  }

  /** @param {Tile} tile @returns {Chunk[]} The chunks of the visible channels, each once. */
  chunks(tile) {
    const { level, corner, made } = tile;
    if (made?.version === this.look.version) return made.chunks;
    /** @type {Map<string, Chunk>} */ const found = new Map();
    for (const { index } of this.look.visible) {
      const chunk = this.dataset.chunkAt(level, { ...corner, c: index });
      found.set(chunk.key, chunk);
    }
    tile.made = { version: this.look.version, chunks: [...found.values()] };
    return tile.made.chunks;
  }

  /** @param {Tile} tile @returns {TileState} */
  state(tile) {
    const entry = this.#coloured.get(tile.key);
    if (entry && entry.version === this.look.version) return 'fresh';
    let here = 0;
    let failed = 0;
    const chunks = this.chunks(tile);
    for (const chunk of chunks) {
      if (this.scheduler.cache.has(chunk.key)) here += 1;
      else if (this.failed(chunk)) failed += 1;
    }
    if (here > 0 && here + failed === chunks.length) return 'ready';
    if (entry) return 'stale';
    return failed > 0 && failed === chunks.length ? 'failed' : 'missing';
  }

  /** @param {Chunk} chunk @returns {boolean} Whether it could not be read. */
  failed(chunk) {
    const { failures } = this.scheduler;
    return failures.size > 0 && (failures.has(chunk.key) || failures.has(fileOf(chunk)));
  }

  /** @param {Tile} tile @returns {ImageBitmap | undefined} As it was coloured last. */
  bitmap(tile) {
    return this.#coloured.get(tile.key)?.bitmap;
  }

  /** @param {Tile} tile  A ready one. @returns {ImageBitmap} */
  colour(tile) {
    const start = performance.now();
    const width = tile.h[1] - tile.h[0];
    const height = tile.v[1] - tile.v[0];
    const easel = this.#prepare(width, height);
    let first = true;
    for (const { index, shade } of this.look.shades) {
      const source = this.source(tile, index);
      if (!source) continue;
      paint(easel.pixels, width, height, source, shade, !first);
      first = false;
    }
    easel.context.putImageData(easel.image, 0, 0);
    const bitmap = easel.canvas.transferToImageBitmap();
    this.#coloured.set(tile.key, { bitmap, version: this.look.version }, 4 * width * height);
    this.colourMs += performance.now() - start;
    return bitmap;
  }

  /**
   * Where the elements of a tile lie, for one channel.
   *
   * @param {Tile} tile @param {number} c @returns {Source | null} Null while its chunk is not here.
   */
  source({ level, plane, corner }, c) {
    const pixel = { ...corner, c };
    const data = this.scheduler.get(this.dataset.chunkAt(level, pixel));
    return data ? { data, at: placeInChunk(level, pixel), down: level.stride[plane.v], right: level.stride[plane.h] } : null;
  }

  /** @param {number} width @param {number} height  An empty picture to colour. */
  #prepare(width, height) {
    if (this.#easel?.image.width !== width || this.#easel.image.height !== height) {
      const canvas = new OffscreenCanvas(width, height);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      const image = new ImageData(width, height);
      this.#easel = { canvas, context, image, pixels: new Uint32Array(image.data.buffer) };
    }
    this.#easel.pixels.fill(0);
    return this.#easel;
  }
}
