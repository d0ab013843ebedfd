// Where the viewer's modules are, for the tests beside this file.
export const VIEWER = new URL('../../src/pyramidion/server/viewer/', import.meta.url);

/** Import a module of the viewer. @param {string} path */
export const load = (path) => import(new URL(path, VIEWER).href);

/** A small repeatable random generator (mulberry32), 0 <= x < 1. @param {number} seed */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
