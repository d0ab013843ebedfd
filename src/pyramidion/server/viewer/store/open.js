// @ts-check
import { ViewerError } from './errors.js';
import { parseV2, parseV3 } from './metadata.js';

/**
 * An opened Zarr group or array: its attributes, and the arrays below it on demand.
 *
 * @typedef {object} Group
 * @property {2 | 3} version
 * @property {Record<string, unknown>} attributes
 * @property {ArrayMeta | null} self   The root, when it is itself an array.
 * @property {(path: string) => Promise<ArrayMeta | null>} array  An array by its path; null when there is none.
 *
 * @typedef {import('./metadata.js').ArrayMeta} ArrayMeta
 * @typedef {import('./metadata.js').Json} Json
 * @typedef {import('./http.js').HttpStore} HttpStore
 */

/**
 * Open whatever lies at the store's address: Zarr v3 (one request when its metadata are consolidated) or v2.
 *
 * @param {HttpStore} store
 * @returns {Promise<Group>}
 */
export async function openGroup(store) {
  /** @type {ViewerError | null} */ let first = null;
  try {
    const root = await readJson(store, 'zarr.json');
    if (root) return openV3(store, root);
  } catch (error) {
    // Buckets without the right to list answer 403 for what is missing, and some hosts a web page: v2 may still be there.
    const unsure = error instanceof ViewerError && (error.kind === 'status' || error.kind === 'json');
    if (!unsure) throw error;
    first = error;
  }
  const group = await openV2(store).catch((error) => {
    throw first ?? error;
  });
  if (group) return group;
  throw first ?? new ViewerError(
    store.where(''), 'there is no Zarr store here (404 for zarr.json and for .zgroup)',
    'Check the address: it must name the folder of the store itself', 'missing',
  );
}

/** @param {HttpStore} store @param {Json} root @returns {Group} */
function openV3(store, root) {
  if (root.zarr_format !== 3) {
    throw new ViewerError(store.where('zarr.json'), `Zarr format ${String(root.zarr_format)} is not supported (2 and 3 are)`, 'Use a newer viewer', 'metadata');
  }
  const attributes = /** @type {Json} */ (root.attributes ?? {});
  const self = root.node_type === 'array' ? parseV3(root, '', store.where('')) : null;
  const consolidated = /** @type {{metadata?: Record<string, Json>} | null | undefined} */ (root.consolidated_metadata);
  const known = consolidated?.metadata ?? null;
  return {
    version: 3,
    attributes,
    self,
    array: async (path) => {
      const json = known ? (known[path] ?? null) : await readJson(store, `${path}/zarr.json`);
      return json?.node_type === 'array' ? parseV3(json, path, store.where(path)) : null;
    },
  };
}

/** @param {HttpStore} store @returns {Promise<Group | null>} */
async function openV2(store) {
  const consolidated = await readJson(store, '.zmetadata');
  const known = /** @type {Record<string, Json> | null} */ (consolidated?.metadata ?? null);
  const read = (/** @type {string} */ path) => (known ? Promise.resolve(known[path] ?? null) : readJson(store, path));
  const [group, rootArray, attributes] = await Promise.all([read('.zgroup'), read('.zarray'), read('.zattrs')]);
  if (!group && !rootArray) return null;
  return {
    version: 2,
    attributes: attributes ?? {},
    self: rootArray ? parseV2(rootArray, attributes ?? {}, '', store.where('')) : null,
    array: async (path) => {
      const [json, own] = await Promise.all([read(`${path}/.zarray`), read(`${path}/.zattrs`)]);
      return json ? parseV2(json, own ?? {}, path, store.where(path)) : null;
    },
  };
}

/** @param {HttpStore} store @param {string} path @returns {Promise<Json | null>} */
async function readJson(store, path) {
  const bytes = await store.get(path, { cache: 'no-cache' });
  if (bytes === null) return null;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ViewerError(
      store.where(path), `not valid JSON (${bytes.length} bytes)`,
      'It was cut off or is a web page: check the address, or run `pyramidion repair`', 'json',
    );
  }
}
