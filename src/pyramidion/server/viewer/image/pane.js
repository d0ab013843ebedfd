// @ts-check
import { h } from '../frame/dom.js';
import { Surface } from '../frame/surface.js';
import { areaOf, countTiles, nearestLevel, onScreen, pixelsInside, pixelsTouching, tilesIn, tilesWith, visiblePart } from './geometry.js';

/**
 * @typedef {import('./dataset.js').Level} Level
 * @typedef {import('./geometry.js').Frame} Frame
 * @typedef {import('./geometry.js').Area} Area
 * @typedef {import('./tiles.js').Slice} Slice
 * @typedef {import('./tiles.js').Tile} Tile
 * @typedef {import('./sampling.js').Patch} Patch
 * @typedef {import('../fetch/scheduler.js').Want} Want
 * @typedef {{x0: number, x1: number, y0: number, y1: number}} Box   Device pixels.
 */

const FRAME_MS = 10; // of colouring in one frame; the rest follows in the next
const VIEW_BYTES = 120 * 2 ** 20; // of chunks that one view may need
const TOP_BYTES = 8 * 2 ** 20; // the coarsest level is kept whole up to this size

/** One plane of the image on one canvas: which tiles it needs, and drawing what is here of them. */
export class Pane {
  /** The level drawn. */
  level = 0;
  /** Every tile of the view is drawn from its level, or cannot be read. */
  complete = false;
  /** Some tile cannot be read. */
  partial = false;
  /** More than memory can hold would be needed: there is no coarser level. */
  tooMuch = false;
  /** The slice drawn: the one before, as long as nothing is here of the one wanted. @type {Slice | null} */
  shown = null;
  /** @type {Frame | null} */ frame = null;
  /** There was no time to colour all that is here. */ #waits = false;

  /**
   * @param {import('./geometry.js').Plane} plane
   * @param {import('./tiles.js').TileStore} tiles
   * @param {() => void} resized
   */
  constructor(plane, tiles, resized) {
    this.plane = plane;
    this.tiles = tiles;
    this.levels = tiles.dataset.levels;
    this.canvas = h('canvas', { class: 'picture', role: 'img', tabindex: '0' });
    this.marks = h('canvas', { class: 'marks', 'aria-hidden': 'true' });
    this.element = h('div', { class: `pane pane-${plane.name}` }, this.canvas, this.marks);
    this.surface = new Surface(this.canvas, resized);
    this.overlay = new Surface(this.marks, resized);
    this.interest = tiles.scheduler.interest();
  }

  /** Laid out, and not hidden. */
  get ready() {
    return !this.element.hidden && this.surface.measured && this.overlay.measured;
  }

  /** Both canvases have been told of their size, which comes to one after the other. */
  get aligned() {
    return this.ready && this.surface.width === this.overlay.width && this.surface.height === this.overlay.height;
  }

  /** @param {Frame} frame @param {Slice} slice */
  aim(frame, slice) {
    this.frame = frame;
    this.shown ??= slice;
    const channels = Math.max(1, this.tiles.look.visible.length);
    this.level = nearestLevel(this.levels, frame);
    const area = areaOf(frame);
    const cost = () => countTiles(tilesIn(this.levels[this.level], this.plane, area)) * this.levels[this.level].bytes * channels;
    while (cost() > VIEW_BYTES && this.level < this.levels.length - 1) this.level += 1;
    this.tooMuch = cost() > VIEW_BYTES;
  }

  /** @param {Level} level @param {Slice} slice @param {Box} [part] @returns {Tile[]} The tiles of a level on the screen. */
  tilesOn(level, slice, part) {
    return this.frame ? this.tiles.list(level, this.plane, slice, tilesIn(level, this.plane, areaOf(this.frame, part))) : [];
  }

  /** @param {Slice} slice @returns {Tile[]} The coarsest level in this plane, whole; nothing where it is too large to keep. */
  top(slice) {
    const level = this.levels[this.levels.length - 1];
    const span = tilesWith(level, this.plane, [0, level.shape[this.plane.h]], [0, level.shape[this.plane.v]]);
    return countTiles(span) * level.bytes * this.tiles.look.visible.length > TOP_BYTES ? [] : this.tiles.list(level, this.plane, slice, span);
  }

  /**
   * What this view needs, nearest to its middle first.
   *
   * @param {Slice} slice @param {number} priority   Of the first one.
   * @returns {Want[]}
   */
  wants(slice, priority) {
    if (!this.frame) return [];
    const level = this.levels[this.level];
    const { left, top, kh, kv, width, height } = this.frame;
    const wants = this.tilesOn(level, slice).map((tile) => {
      const [x0, x1] = onScreen(level, this.plane.h, ...tile.h, left, kh);
      const [y0, y1] = onScreen(level, this.plane.v, ...tile.v, top, kv);
      return { tile, far: Math.hypot((x0 + x1 - width) / width, (y0 + y1 - height) / height) };
    });
    wants.sort((a, b) => a.far - b.far);
    return this.#affordable(wants.map(({ tile, far }) => ({ tile, priority: priority + Math.min(far, 9) / 10 })));
  }

  /** @param {{tile: Tile, priority: number}[]} wanted @returns {Want[]} Chunks, as many as memory holds. */
  #affordable(wanted) {
    const wants = [];
    const seen = new Set();
    let bytes = 0;
    for (const { tile, priority } of wanted) {
      const fresh = this.tiles.state(tile) === 'fresh';
      for (const chunk of this.tiles.chunks(tile)) {
        if (seen.has(chunk.key) || (fresh && !this.tiles.scheduler.cache.has(chunk.key))) continue;
        seen.add(chunk.key);
        bytes += tile.level.bytes;
        if (bytes > VIEW_BYTES && wants.length > 0) return wants;
        wants.push({ chunk, priority });
      }
    }
    return wants;
  }

  /**
   * Draw what is here.
   *
   * @param {Slice} slice @returns {boolean} Whether something that is here still has to be coloured.
   */
  draw(slice) {
    const { frame, surface } = this;
    if (!frame) return false;
    if (this.#covered(slice)) this.shown = slice;
    const until = performance.now() + FRAME_MS;
    this.#waits = false;
    const shown = this.shown ?? slice;
    const target = this.tilesOn(this.levels[this.level], shown).map((tile) => ({ tile, state: this.#bring(tile, until) }));
    const gaps = target.filter(({ state }) => state !== 'fresh' && state !== 'stale').map(({ tile }) => tile);
    surface.clear();
    if (gaps.length > 0) this.#drawCoarse(shown, this.#around(gaps), until);
    for (const { tile, state } of target) if (state === 'fresh' || state === 'stale') this.#put(tile);
    const same = shown.t === slice.t && shown.point[this.plane.n] === slice.point[this.plane.n];
    this.partial = target.some(({ state }) => state === 'failed');
    this.complete = same && !this.tooMuch && target.every(({ state }) => state === 'fresh' || state === 'failed');
    return this.#waits;
  }

  /** @param {Tile} tile @param {number} until @returns {import('./tiles.js').TileState} After colouring, if there is time. */
  #bring(tile, until) {
    const state = this.tiles.state(tile);
    if (state !== 'ready') return state;
    if (performance.now() < until) {
      this.tiles.colour(tile);
      return 'fresh';
    }
    this.#waits = true;
    return this.tiles.bitmap(tile) ? 'stale' : 'ready';
  }

  /** @param {Slice} slice @returns {boolean} Whether some level of a slice is here for the whole view. */
  #covered(slice) {
    for (let k = this.level; k < this.levels.length; k++) {
      if (this.tilesOn(this.levels[k], slice).every((tile) => this.tiles.state(tile) !== 'missing')) return true;
    }
    return false;
  }

  /**
   * Fill the gaps from coarser levels, and from the next finer one: what was sharp a moment ago should not become blurred.
   *
   * @param {Slice} slice @param {Box} part @param {number} until
   */
  #drawCoarse(slice, part, until) {
    const layers = [];
    for (let k = this.level + 1; k < this.levels.length; k++) {
      const tiles = this.tilesOn(this.levels[k], slice, part);
      layers.unshift(tiles);
      if (tiles.every((tile) => this.tiles.state(tile) !== 'missing' && this.tiles.state(tile) !== 'failed')) break;
    }
    for (const tiles of layers) {
      for (const tile of tiles) {
        const state = this.#bring(tile, until + FRAME_MS);
        if (state === 'fresh' || state === 'stale') this.#put(tile);
      }
    }
    if (this.level === 0) return;
    for (const tile of this.tilesOn(this.levels[this.level - 1], slice, part)) if (this.tiles.state(tile) === 'fresh') this.#put(tile);
  }

  /** @param {readonly Tile[]} tiles @returns {Box} The part of the screen that holds them. */
  #around(tiles) {
    const { left, top, kh, kv, width, height } = /** @type {Frame} */ (this.frame);
    const box = { x0: width, x1: 0, y0: height, y1: 0 };
    for (const { level, h: across, v: down } of tiles) {
      const [x0, x1] = onScreen(level, this.plane.h, ...across, left, kh);
      const [y0, y1] = onScreen(level, this.plane.v, ...down, top, kv);
      box.x0 = Math.max(0, Math.min(box.x0, x0));
      box.x1 = Math.min(width, Math.max(box.x1, x1));
      box.y0 = Math.max(0, Math.min(box.y0, y0));
      box.y1 = Math.min(height, Math.max(box.y1, y1));
    }
    return box;
  }

  /** @param {Tile} tile */
  #put(tile) {
    const { left, top, kh, kv, width, height } = /** @type {Frame} */ (this.frame);
    const bitmap = this.tiles.bitmap(tile);
    const across = visiblePart(tile.level, this.plane.h, tile.h, left, kh, width);
    const down = visiblePart(tile.level, this.plane.v, tile.v, top, kv, height);
    if (!bitmap || !across || !down) return;
    const { context } = this.surface;
    // Pixels larger than the screen's are squares; smaller ones are averaged.
    context.imageSmoothingEnabled = across.long < across.count || down.long < down.count;
    context.drawImage(bitmap, across.from, down.from, across.count, down.count, across.at, down.at, across.long, down.long);
  }

  /**
   * The values of a channel, from the finest level that is here for all of it.
   *
   * @param {number} channel
   * @param {Area} [area]   What is on the screen by default; else pixels whose centres lie inside.
   * @param {number} [finest]   Level to begin with, the one drawn by default.
   * @returns {{patches: Patch[], level: Level, slice: Slice | null}}
   */
  patches(channel, area, finest = this.level) {
    const { shown, frame, plane } = this;
    for (let k = finest; shown && frame && k < this.levels.length; k++) {
      const level = this.levels[k];
      const { h0, h1, v0, v1 } = area ?? areaOf(frame);
      const among = area ? pixelsInside : pixelsTouching;
      const across = among(level, plane.h, h0, h1);
      const down = among(level, plane.v, v0, v1);
      const tiles = this.tiles.list(level, this.plane, shown, tilesWith(level, plane, across, down));
      const patches = tiles.map((tile) => this.#patch(tile, channel, across, down)).filter((patch) => patch !== null);
      if (patches.length > 0 && patches.length === tiles.length) return { patches, level, slice: shown };
    }
    return { patches: [], level: this.levels[this.level], slice: shown };
  }

  /**
   * The values of a channel of the coarsest level, whole.
   *
   * @param {number} channel @param {Slice} slice
   * @returns {Patch[] | null} Null while it is not here; nothing where it is not kept, or cannot be read.
   */
  topPatches(channel, slice) {
    const tiles = this.top(slice).filter((tile) => this.tiles.state(tile) !== 'failed');
    const patches = tiles.map((tile) => this.#patch(tile, channel, tile.h, tile.v));
    return patches.includes(null) ? null : patches.filter((patch) => patch !== null);
  }

  /**
   * @param {number} channel @param {number} h @param {number} v   A position.
   * @returns {{value: number | null, level: Level}} From the finest level from the one drawn on that is here; null for none.
   */
  valueAt(channel, h, v) {
    const { patches, level } = this.patches(channel, { h0: h, h1: h, v0: v, v1: v });
    return { value: patches.length ? patches[0].data[patches[0].at] : null, level };
  }

  /**
   * @param {Tile} tile @param {number} channel @param {readonly [number, number]} across @param {readonly [number, number]} down
   * @returns {Patch | null} What a tile has of some pixels of its level; null while it is not here.
   */
  #patch(tile, channel, across, down) {
    const source = this.tiles.source(tile, channel);
    if (!source) return null;
    const x0 = Math.max(across[0], tile.h[0]);
    const y0 = Math.max(down[0], tile.v[0]);
    return {
      ...source, at: source.at + (y0 - tile.v[0]) * source.down + (x0 - tile.h[0]) * source.right,
      width: Math.min(across[1], tile.h[1]) - x0, height: Math.min(down[1], tile.v[1]) - y0,
    };
  }
}
