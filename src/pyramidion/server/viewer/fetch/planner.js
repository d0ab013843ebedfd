// @ts-check
/**
 * @template T
 * @typedef {{start: number, length: number, members: {offset: number, length: number, item: T}[]}} RangeGroup
 *   One request: where it starts, how long it is, and which parts of it belong to which item.
 */

/**
 * Join byte ranges of one file into as few requests as make sense.
 *
 * Ranges whose gap is at most `gap` bytes share a request, as long as it stays at most `limit` bytes long.
 *
 * @template T
 * @param {readonly {offset: number, length: number, item: T}[]} ranges
 * @param {{gap?: number, limit?: number}} [options]
 * @returns {RangeGroup<T>[]} In the order of the file.
 */
export function coalesce(ranges, { gap = 16384, limit = 1 << 20 } = {}) {
  const sorted = [...ranges].sort((a, b) => a.offset - b.offset);
  /** @type {RangeGroup<T>[]} */ const groups = [];
  for (const range of sorted) {
    const last = groups.at(-1);
    const end = range.offset + range.length;
    if (last && range.offset - (last.start + last.length) <= gap && end - last.start <= limit) {
      last.length = Math.max(last.length, end - last.start);
      last.members.push(range);
    } else {
      groups.push({ start: range.offset, length: range.length, members: [range] });
    }
  }
  return groups;
}

/** @param {readonly RangeGroup<unknown>[]} groups @returns {number} Bytes the requests bring. */
export function groupBytes(groups) {
  return groups.reduce((sum, group) => sum + group.length, 0);
}
