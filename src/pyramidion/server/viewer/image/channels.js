// @ts-check
/**
 * How a channel is shown.
 *
 * @typedef {[number, number]} Range   Values drawn darkest and brightest.
 * @typedef {[number, number, number]} Rgb   0 to 255.
 *
 * @typedef {object} Channel
 * @property {number} index
 * @property {string} label
 * @property {Rgb} color
 * @property {boolean} visible
 * @property {Range | null} stored   The window of the store; null when it has none.
 * @property {Range | null} range    The window used; null until one has been sampled.
 * @property {boolean} own           Its colour is its own: not white or grey.
 */

const MOST = 3; // channels shown at first where the store does not say which

/** Additive colours for channels without one of their own. */
const PALETTE = ['FF00FF', '00FF00', '00FFFF', 'FFFF00', 'FF4040', '4060FF'];
const PRIMARIES = ['FF0000', '00FF00', '0000FF'];

/**
 * @param {unknown} omero   The display settings of the store, if it has any.
 * @param {number} count @param {string} dtype
 * @returns {Channel[]}
 */
export function readChannels(omero, count, dtype) {
  const stated = /** @type {any} */ (omero)?.channels;
  const list = Array.isArray(stated) ? stated : [];
  const colours = Array.from({ length: count }, (_, i) => parseColour(list[i]?.color) ?? parseColour(usualColour(i, count, dtype)));
  const photograph = dtype === 'uint8' && count >= 3 && PRIMARIES.every((hex, i) => formatColour(/** @type {Rgb} */ (colours[i])) === hex);
  const chosen = list.some((one) => one?.active === true);
  return colours.map((colour, index) => {
    const color = /** @type {Rgb} */ (colour);
    const window = readWindow(list[index]?.window);
    // A photograph looks as itself, whatever its darkest and brightest parts are; a fourth channel is its opacity.
    const stored = photograph ? /** @type {Range} */ ([0, 255]) : window;
    return {
      index, color, stored, range: stored && /** @type {Range} */ ([...stored]),
      label: String(list[index]?.label ?? (photograph ? 'Red Green Blue Alpha'.split(' ')[index] : '') ?? '').slice(0, 60) || (count > 1 ? `Channel ${index}` : 'Values'),
      visible: photograph ? index < 3 : chosen ? list[index]?.active === true : index < MOST,
      own: new Set(color).size > 1,
    };
  });
}

/** @param {number} index @param {number} count @param {string} dtype @returns {string} */
function usualColour(index, count, dtype) {
  if (count === 1) return 'FFFFFF';
  if (dtype === 'uint8' && (count === 3 || count === 4)) return PRIMARIES[index] ?? 'FFFFFF';
  return PALETTE[index % PALETTE.length];
}

/** @param {any} window @returns {Range | null} */
function readWindow(window) {
  const { start, end } = window ?? {};
  return Number.isFinite(start) && Number.isFinite(end) && end > start ? [start, end] : null;
}

/** @param {unknown} text  Six hexadecimal digits, with or without #. @returns {Rgb | null} */
export function parseColour(text) {
  const match = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(String(text ?? ''));
  return match && /** @type {Rgb} */ (match.slice(1, 4).map((part) => parseInt(part, 16)));
}

/** @param {Rgb} color @returns {string} Six digits. */
export function formatColour(color) {
  return color.map((n) => n.toString(16).padStart(2, '0')).join('').toUpperCase();
}
