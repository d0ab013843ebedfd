// @ts-check
import { filled } from '../decode/numbers.js';
import { chunkOf } from '../fetch/chunk.js';
import { ViewerError } from '../store/errors.js';
import { product } from '../store/metadata.js';
import { NAMES, readAxes } from './axes.js';
import { readChannels } from './channels.js';

/**
 * @typedef {import('./axes.js').Axis} Axis
 * @typedef {import('./axes.js').AxisName} AxisName
 * @typedef {import('./axes.js').PerAxis} PerAxis
 * @typedef {import('../store/metadata.js').ArrayMeta} ArrayMeta
 * @typedef {import('../store/http.js').HttpStore} HttpStore
 * @typedef {import('../store/open.js').Group} Group
 * @typedef {import('../fetch/chunk.js').Chunk} Chunk
 *
 * @typedef {object} Level   One resolution. Positions are counted in pixels of level 0, whose pixel i covers i to i + 1.
 * @property {ArrayMeta} array
 * @property {number} number    0 is the finest.
 * @property {PerAxis} shape    1 along axes there are not.
 * @property {PerAxis} chunk
 * @property {PerAxis} stride   Elements from one to the next inside a chunk; 0 along axes there are not.
 * @property {PerAxis} size     Of a pixel.
 * @property {PerAxis} start    Where pixel 0 begins.
 * @property {number} bytes     Of a decoded chunk.
 */

const PLACES = /** @type {const} */ (['z', 'y', 'x']);

/** An image, volume or movie, opened: its levels, what its steps measure, its channels. */
export class ImageDataset {
  /**
   * @param {string} name @param {Axis[]} axes @param {Level[]} levels   Finest first.
   * @param {PerAxis} scale   Distance of two pixels of level 0, in SI where the unit is known.
   * @param {PerAxis} offset  Of the centre of pixel 0.
   * @param {unknown} omero
   */
  constructor(name, axes, levels, scale, offset, omero) {
    this.name = name;
    this.axes = axes;
    this.levels = levels;
    this.scale = scale;
    this.offset = offset;
    this.shape = levels[0].shape;
    this.dtype = levels[0].array.dtype;
    this.channels = readChannels(omero, this.shape.c, this.dtype);
    this.unit = Object.fromEntries(NAMES.map((axis) => [axis, axes.find(({ name: own }) => own === axis)?.unit ?? '']));
    this.aspect = { x: 1, y: this.#aspect('y'), z: this.#aspect('z') };
    /** It is being recorded: more frames come. */
    this.growing = false;
  }

  get volume() {
    return this.shape.z > 1;
  }

  get movie() {
    return this.shape.t > 1 || this.growing;
  }

  /** @param {'y' | 'z'} axis @returns {number} How much longer a pixel is along an axis than along x. */
  #aspect(axis) {
    const ratio = this.scale[axis] / this.scale.x;
    return this.unit[axis] === this.unit.x && Number.isFinite(ratio) && ratio > 0 ? ratio : 1;
  }

  /** @param {AxisName} axis @param {number} position  In pixels of level 0. @returns {number} In units of the axis. */
  physical(axis, position) {
    return this.offset[axis] + (position - 0.5) * this.scale[axis];
  }

  /**
   * @param {Level} level @param {AxisName} axis @param {number} position   In pixels of level 0.
   * @returns {number} The pixel of the level that covers it.
   */
  pixelAt(level, axis, position) {
    const pixel = Math.floor((position - level.start[axis]) / level.size[axis] + 1e-9);
    return Math.max(0, Math.min(level.shape[axis] - 1, pixel));
  }

  /** @param {Level} level @param {Record<AxisName, number>} pixel  Of the level. @returns {Chunk} The chunk that holds it. */
  chunkAt(level, pixel) {
    return chunkOf(level.array, this.axes.map(({ name }) => Math.floor(pixel[name] / level.chunk[name])));
  }
}

/**
 * Where an element lies in its decoded chunk.
 *
 * @param {Level} level @param {Record<AxisName, number>} pixel  Of the level. @returns {number}
 */
export function placeInChunk({ chunk, stride }, pixel) {
  return NAMES.reduce((sum, axis) => sum + (pixel[axis] % chunk[axis]) * stride[axis], 0);
}

/**
 * Open an OME-Zarr image of version 0.1 to 0.5, or a single array of two to five axes.
 *
 * @param {HttpStore} store @param {Group} group
 * @returns {Promise<ImageDataset>}
 */
export async function openImage(store, group) {
  const where = store.where('');
  const name = where.split('/').at(-1) || store.base.host;
  const { description, omero } = describe(group, where);
  const stated = Array.isArray(description.datasets) ? description.datasets : [];
  const arrays = group.self ? [group.self] : await Promise.all(stated.map((one) => group.array(String(one?.path))));
  const found = arrays.map((array, i) => {
    if (array === null) throw new ViewerError(store.where(String(stated[i]?.path)), 'this level of the image is missing (404)', 'Copy or convert the store again', 'missing');
    return array;
  });
  if (found.length === 0) throw new ViewerError(where, 'this image or volume names no levels', 'Convert it again with `pyramidion convert SRC DST.zarr`', 'kind');
  if (found.some(({ shape }) => shape.length !== found[0].shape.length)) throw new ViewerError(where, 'its levels have different numbers of axes', 'Convert it again', 'kind');
  const growing = isGrowing(group);
  if (growing && product(found[0].shape) === 0) throw new ViewerError(where, 'no frame has been recorded yet', 'Try again in a moment', 'empty');
  if (found.some(({ shape }) => product(shape) === 0)) throw new ViewerError(where, 'the image is empty (no pixels)', 'Nothing can be drawn', 'kind');
  const axes = readAxes(description.axes ?? found[0].names, found[0].shape.length, where);
  const dataset = assemble(name, axes, found, stated.map((one) => transform(axes.length, one?.coordinateTransformations, description.coordinateTransformations)), omero);
  dataset.growing = growing && axes[0].name === 't';
  // Its window is that of the type until all values are known.
  if (dataset.growing) for (const channel of dataset.channels) channel.stored = channel.range = null;
  return dataset;
}

/** @param {Group} group @returns {boolean} Whether the time of each frame is told beside the pixels. */
export function isRecording({ attributes, self }) {
  return self === null && /** @type {any} */ (attributes.pyramidion)?.kind === 'recording';
}

/** @param {Group} group @returns {boolean} Whether it is a recording to which frames are being added. */
export function isGrowing({ attributes, self }) {
  return self === null && /** @type {any} */ (attributes.pyramidion)?.state === 'recording';
}

/**
 * @param {Group} group @param {string} where
 * @returns {{description: Record<string, any>, omero: unknown}} The first image of the group.
 */
function describe({ attributes, self }, where) {
  if (self) return { description: {}, omero: attributes.omero };
  const ome = /** @type {Record<string, any>} */ (attributes.ome ?? attributes);
  if (Array.isArray(ome.multiscales) && ome.multiscales.length > 0) return { description: ome.multiscales[0] ?? {}, omero: ome.omero };
  const layout = ome['bioformats2raw.layout'] !== undefined || ome.plate !== undefined;
  throw new ViewerError(
    where,
    layout ? 'this is a collection of images, not one image or volume' : 'its attributes name no levels of an image or volume (`multiscales`)',
    layout ? 'Add the path of one of them to the address, for example /0' : 'Check the address: it must name the folder of the image itself', 'kind',
  );
}

/**
 * @typedef {{scale: number[], translation: number[], known: boolean}} Transform  In units, per axis of the array.
 *
 * @param {number} rank @param {unknown} own @param {unknown} common   Applied after the level's own.
 * @returns {Transform}
 */
function transform(rank, own, common) {
  const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : []);
  const scale = Array(rank).fill(1);
  const translation = Array(rank).fill(0);
  let known = false;
  for (const step of [...list(own), ...list(common)]) {
    const numbers = step?.[step?.type];
    if (!Array.isArray(numbers) || numbers.length !== rank) continue;
    numbers.forEach((n, i) => {
      if (step.type === 'scale' && n > 0 && Number.isFinite(n)) {
        scale[i] *= n;
        translation[i] *= n;
        known = true;
      } else if (step.type === 'translation' && Number.isFinite(n)) {
        translation[i] += n;
      }
    });
  }
  return { scale, translation, known };
}

/**
 * @param {string} name @param {Axis[]} axes @param {ArrayMeta[]} arrays @param {Transform[]} transforms @param {unknown} omero
 * @returns {ImageDataset}
 */
function assemble(name, axes, arrays, transforms, omero) {
  const base = transforms[0] ?? { scale: axes.map(() => 1), translation: axes.map(() => 0), known: false };
  const levels = arrays.map((array, i) => makeLevel(axes, array, arrays[0], base, transforms[i] ?? base));
  levels.sort((a, b) => a.size.x * a.size.y * a.size.z - b.size.x * b.size.y * b.size.z);
  levels.forEach((level, i) => {
    level.number = i;
  });
  const scaled = axes.map(({ factor }, i) => base.scale[i] * factor);
  const shifted = axes.map(({ factor }, i) => base.translation[i] * factor);
  return new ImageDataset(name, axes, levels, perAxis(axes, scaled, 1), perAxis(axes, shifted, 0), omero);
}

/**
 * @param {Axis[]} axes @param {ArrayMeta} array @param {ArrayMeta} finest @param {Transform} base @param {Transform} own
 * @returns {Level}
 */
function makeLevel(axes, array, finest, base, own) {
  const strides = array.chunk.map((_, i) => product(array.chunk.slice(i + 1)));
  const size = perAxis(axes, own.scale.map((n, i) => (own.known ? n / base.scale[i] : Math.max(1, Math.round(finest.shape[i] / array.shape[i])))), 1);
  const start = perAxis(axes, own.translation.map((n, i) => (n - base.translation[i]) / base.scale[i]), 0);
  for (const axis of NAMES) {
    // Translations are those of pixel centres; without any scales the levels are taken to begin together.
    if (own.known) start[axis] += 0.5 - 0.5 * size[axis];
    if (!PLACES.includes(/** @type {'x'} */ (axis))) [size[axis], start[axis]] = [1, 0];
  }
  const { BYTES_PER_ELEMENT } = filled(0, array.dtype, 0);
  return {
    array, number: 0, size, start,
    shape: perAxis(axes, array.shape, 1), chunk: perAxis(axes, array.chunk, 1), stride: perAxis(axes, strides, 0),
    bytes: product(array.chunk) * BYTES_PER_ELEMENT,
  };
}

/** @param {Axis[]} axes @param {readonly number[]} values @param {number} otherwise @returns {PerAxis} */
function perAxis(axes, values, otherwise) {
  const all = { t: otherwise, c: otherwise, z: otherwise, y: otherwise, x: otherwise };
  axes.forEach(({ name }, i) => {
    all[name] = values[i];
  });
  return all;
}
