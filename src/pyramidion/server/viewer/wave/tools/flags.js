// @ts-check
/**
 * Where the flags of notes go, so that none covers another. Pure geometry.
 *
 * @typedef {object} Flag
 * @property {number} x       Where it stands.
 * @property {number} width   Of its text.
 *
 * @typedef {object} Laid
 * @property {number} row     From the top; -1 where there is no room for its text.
 * @property {number} left    Of its text.
 */

/**
 * @param {readonly Flag[]} flags   In order of `x`.
 * @param {number} width   Of the plot. @param {number} rows   There is room for. @param {number} gap   Between two texts.
 * @returns {Laid[]}
 */
export function layFlags(flags, width, rows, gap) {
  /** @type {{left: number, right: number}[][]} */ const taken = Array.from({ length: rows }, () => []);
  return flags.map(({ x, width: wide }) => {
    // To the right of its staff, and to the left of it where the plot ends.
    const left = x + wide <= width ? x : Math.max(0, x - wide);
    const row = taken.findIndex((spans) => spans.every((span) => span.right + gap <= left || span.left >= left + wide + gap));
    if (row >= 0) taken[row].push({ left, right: left + wide });
    return { row, left };
  });
}
