// @ts-check
import { COMPRESSORS, unknownCodec } from '../decode/chain.js';
import { ITEM_SIZE } from '../decode/numbers.js';
import { ViewerError } from './errors.js';

/**
 * An array of a Zarr store, of either version, as the rest of the viewer needs it.
 *
 * `chunk` is what is decoded in one piece, `shard` what lies in one file; without sharding they are the same.
 *
 * @typedef {object} ArrayMeta
 * @property {string} path           Path inside the store, '' for the root.
 * @property {number[]} shape
 * @property {number[]} chunk
 * @property {number[]} shard
 * @property {string} dtype
 * @property {boolean} little
 * @property {number} fill
 * @property {string[]} codecs       Bytes-to-bytes codecs of a chunk, in the order of encoding.
 * @property {ShardIndexMeta | null} index  Null when every chunk is a file.
 * @property {(coordinates: readonly number[]) => string} key  Path of a file, from its place in the grid of files.
 * @property {Record<string, unknown>} attributes
 * @property {(string | null)[]} names   Of the axes, where the metadata give them.
 *
 * @typedef {{atEnd: boolean, checksum: boolean}} ShardIndexMeta
 */

/** @typedef {Record<string, unknown>} Json */

/** Limits that keep a false header from taking the page down. */
const MAX_CHUNK_BYTES = 100 * 2 ** 20; // two of them must fit into the page's memory for chunks
const MAX_SIZE = 2 ** 50;

/**
 * Metadata of a Zarr v3 array.
 *
 * @param {Json} json  Contents of `zarr.json`.
 * @param {string} path @param {string} where
 * @returns {ArrayMeta}
 */
export function parseV3(json, path, where) {
  requireKnownExtensions(json, where);
  const shape = sizes(json.shape, where, 'shape', 0);
  const grid = record(json.chunk_grid, where, 'chunk_grid');
  if (grid.name !== 'regular') throw refuse(where, `chunk grid ${String(grid.name)} is not supported`);
  const outer = sizes(record(grid.configuration, where, 'chunk_grid').chunk_shape, where, 'chunk_shape', 1);
  const dtype = elementType(json.data_type, where);
  let chain = codecList(json.codecs, where);
  let chunk = outer;
  /** @type {ShardIndexMeta | null} */ let index = null;
  if (chain[0]?.name === 'sharding_indexed') {
    if (chain.length > 1) throw unknownCodec(where, `${chain[1].name} around shards`);
    const sharding = chain[0].configuration;
    chunk = sizes(sharding.chunk_shape, where, 'chunk_shape', 1);
    index = shardIndex(sharding, where);
    chain = codecList(sharding.codecs, where);
    if (chunk.length !== outer.length || chunk.some((n, i) => outer[i] % n !== 0)) {
      throw refuse(where, 'shards are no whole number of chunks');
    }
  }
  const { little, codecs } = bytesChain(chain, where, shape.length, dtype);
  const meta = {
    path, shape, chunk, shard: outer, dtype, little, codecs, index,
    fill: fillValue(json.fill_value, dtype),
    key: keyV3(path, json.chunk_key_encoding, where),
    attributes: /** @type {Json} */ (json.attributes ?? {}),
    names: names(json.dimension_names),
  };
  return checked(meta, where);
}

/**
 * Metadata of a Zarr v2 array.
 *
 * @param {Json} json  Contents of `.zarray`.
 * @param {Json} attributes  Contents of `.zattrs`.
 * @param {string} path @param {string} where
 * @returns {ArrayMeta}
 */
export function parseV2(json, attributes, path, where) {
  const shape = sizes(json.shape, where, 'shape', 0);
  const chunk = sizes(json.chunks, where, 'chunks', 1);
  const match = /^([<>|])([iufb])(1|2|4|8)$/.exec(String(json.dtype));
  if (!match) throw elementRefused(String(json.dtype), where);
  const dtype = elementType(`${{ i: 'int', u: 'uint', f: 'float', b: 'uint' }[match[2]]}${8 * Number(match[3])}`, where);
  if (Array.isArray(json.filters) && json.filters.length > 0) {
    throw unknownCodec(where, `filter ${String(json.filters[0]?.id)}`);
  }
  if (json.order === 'F' && chunk.filter((n) => n > 1).length > 1) throw refuse(where, 'chunks in Fortran order are not supported');
  const compressor = /** @type {Json | null} */ (json.compressor ?? null);
  const codecs = compressor === null ? [] : [String(compressor.id)];
  if (codecs.length > 0 && !COMPRESSORS.includes(codecs[0])) throw unknownCodec(where, codecs[0]);
  const separator = json.dimension_separator === '/' ? '/' : '.';
  const prefix = path ? `${path}/` : '';
  const meta = {
    path, shape, chunk, shard: chunk, dtype, codecs, attributes,
    names: names(attributes._ARRAY_DIMENSIONS),
    little: match[1] !== '>',
    fill: fillValue(json.fill_value, dtype),
    index: null,
    key: (/** @type {readonly number[]} */ at) => prefix + (at.length ? at.join(separator) : '0'),
  };
  return checked(meta, where);
}

/** @param {unknown} value @returns {(string | null)[]} */
function names(value) {
  return Array.isArray(value) ? value.map((name) => (typeof name === 'string' ? name : null)) : [];
}

/** @param {ArrayMeta} meta @param {string} where @returns {ArrayMeta} */
function checked(meta, where) {
  if (meta.chunk.length !== meta.shape.length) throw refuse(where, 'chunks and shape have different numbers of axes');
  const bytes = product(meta.chunk) * (meta.dtype === 'float16' ? 4 : ITEM_SIZE[meta.dtype]);
  if (bytes > MAX_CHUNK_BYTES) throw refuse(where, `a chunk of ${(bytes / 2 ** 20).toFixed(0)} MiB is too large for a browser (limit 100 MiB)`);
  return meta;
}

/** @param {readonly number[]} numbers @returns {number} */
export function product(numbers) {
  return numbers.reduce((a, b) => a * b, 1);
}

/** @param {string} where @param {string} what @returns {ViewerError} */
function refuse(where, what) {
  return new ViewerError(where, what, 'Convert it with `pyramidion convert SRC DST`', 'metadata');
}

/** @param {unknown} value @param {string} where @param {string} name @param {number} least @returns {number[]} */
function sizes(value, where, name, least) {
  const good = Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= least && n <= MAX_SIZE);
  if (!good) throw refuse(where, `${name} is not a list of sizes`);
  return /** @type {number[]} */ (value);
}

/** @param {unknown} value @param {string} where @param {string} name @returns {Json} */
function record(value, where, name) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(where, `${name} is missing`);
  return /** @type {Json} */ (value);
}

/** @param {Json} json @param {string} where */
function requireKnownExtensions(json, where) {
  const transformers = json.storage_transformers;
  if (Array.isArray(transformers) && transformers.length > 0) throw refuse(where, 'storage transformers are not supported');
}

/** @param {unknown} value @param {string} where @returns {string} */
function elementType(value, where) {
  if (value === 'bool') return 'uint8'; // masks: bytes of 0 and 1
  if (typeof value !== 'string' || !(value in ITEM_SIZE)) throw elementRefused(typeof value === 'string' ? value : JSON.stringify(value), where);
  return value;
}

/** @param {string} name @param {string} where @returns {ViewerError} */
function elementRefused(name, where) {
  return new ViewerError(
    where, `element type ${name} cannot be drawn`,
    'The viewer reads integers of 8 to 64 bits and floats of 16 to 64 bits', 'dtype',
  );
}

/** @typedef {{name: string, configuration: Json}} Codec */

/** @param {unknown} value @param {string} where @returns {Codec[]} */
function codecList(value, where) {
  if (!Array.isArray(value)) throw refuse(where, 'codecs are missing');
  return value.map((codec) =>
    typeof codec === 'string'
      ? { name: codec, configuration: {} }
      : { name: String(codec?.name), configuration: /** @type {Json} */ (codec?.configuration ?? {}) },
  );
}

/**
 * @param {Codec[]} chain @param {string} where @param {number} rank @param {string} dtype
 * @returns {{little: boolean, codecs: string[]}}
 */
function bytesChain(chain, where, rank, dtype) {
  const rest = chain.filter((codec) => !(codec.name === 'transpose' && isIdentity(codec.configuration.order, rank)));
  const [first, ...bytesToBytes] = rest;
  if (first?.name !== 'bytes') throw unknownCodec(where, first?.name ?? '(none)');
  const endian = first.configuration.endian;
  if (endian === undefined && ITEM_SIZE[dtype] > 1) throw refuse(where, 'the byte order is missing');
  const codecs = bytesToBytes.map((codec) => codec.name);
  for (const name of codecs) if (name !== 'crc32c' && !COMPRESSORS.includes(name)) throw unknownCodec(where, name);
  if (codecs.filter((name) => name !== 'crc32c').length > 1) throw unknownCodec(where, codecs.join(' over '));
  return { little: endian !== 'big', codecs };
}

/** @param {unknown} order @param {number} rank @returns {boolean} */
function isIdentity(order, rank) {
  return Array.isArray(order) && order.length === rank && order.every((axis, i) => axis === i);
}

/** @param {Json} sharding @param {string} where @returns {ShardIndexMeta} */
function shardIndex(sharding, where) {
  const names = codecList(sharding.index_codecs, where);
  const checksum = names.length === 2 && names[1].name === 'crc32c';
  const plain = names[0]?.name === 'bytes' && names[0].configuration.endian === 'little';
  if (!plain || (names.length > 1 && !checksum)) throw unknownCodec(where, `${names.map((c) => c.name).join(', ')} of the shard index`);
  return { atEnd: sharding.index_location !== 'start', checksum };
}

/** @param {string} path @param {unknown} encoding @param {string} where @returns {(at: readonly number[]) => string} */
function keyV3(path, encoding, where) {
  const { name, configuration } = /** @type {{name?: string, configuration?: Json}} */ (encoding ?? {});
  const prefix = path ? `${path}/` : '';
  const separator = /** @type {string} */ (configuration?.separator ?? (name === 'v2' ? '.' : '/'));
  if (name === 'default') return (at) => prefix + ['c', ...at].join(separator);
  if (name === 'v2') return (at) => prefix + (at.length ? at.join(separator) : '0');
  throw refuse(where, `chunk key encoding ${String(name)} is not supported`);
}

/** @param {unknown} value @param {string} dtype @returns {number} */
function fillValue(value, dtype) {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
  if (value === 'NaN') return NaN;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  if (typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value) && dtype.startsWith('float')) return floatFromHex(value, dtype);
  return 0;
}

/** @param {string} text @param {string} dtype @returns {number} */
function floatFromHex(text, dtype) {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(text));
  if (dtype === 'float64') return view.getFloat64(0);
  return dtype === 'float32' ? view.getFloat32(4) : NaN; // for float16 such a value is a NaN in all stores seen
}
