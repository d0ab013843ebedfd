// @ts-check
/**
 * Which resolution to draw: as fine as the pixels can show, as long as getting it stays cheap.
 */

/** Bytes one step may bring, indexes included; the requirement is 300 000. */
export const STEP_BYTES = 290_000;
/** Bytes a step may bring where there is no level fine enough in between (stores with one overview only). */
export const LARGE_STEP_BYTES = 8_000_000;
/** Bins wider than this many device pixels are worth replacing even when that is not cheap. */
export const WIDE_BIN = 6;

/**
 * @param {readonly {factor: number}[]} levels   Coarsest first, samples (factor 1) last.
 * @param {number} samplesPerPixel               Device pixels.
 * @param {(level: number) => {bytes: number, chunks: number}} cost  What is still to be fetched to draw a level.
 * @returns {number} Index of the level to draw; -1 when only samples could be drawn and they are too many.
 */
export function chooseLevel(levels, samplesPerPixel, cost) {
  const last = levels.length - 1;
  let level = levels.findIndex(({ factor }) => factor <= samplesPerPixel);
  if (level < 0) level = last;
  for (; level > 0; level--) {
    const { bytes, chunks } = cost(level);
    if (bytes <= STEP_BYTES) break;
    const coarserBin = levels[level - 1].factor / samplesPerPixel;
    if (coarserBin > WIDE_BIN && (chunks <= 2 || bytes <= LARGE_STEP_BYTES)) break;
  }
  return level === 0 && last === 0 && cost(0).bytes > LARGE_STEP_BYTES && cost(0).chunks > 2 ? -1 : level;
}
