// @ts-check
/**
 * Numbers with SI prefixes. Pure text and arithmetic.
 */

const PREFIXES = ['y', 'z', 'a', 'f', 'p', 'n', 'µ', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

/** @param {number} magnitude @returns {number} The power of ten, a multiple of three, whose prefix suits. */
export function prefixPower(magnitude) {
  if (!(magnitude > 0) || !Number.isFinite(magnitude)) return 0;
  const power = 3 * Math.floor(Math.log10(magnitude * (1 + 1e-12)) / 3);
  return Math.max(-24, Math.min(24, power));
}

/**
 * A unit with its prefix: `mV`. A plain number has no prefixes, but powers of ten: `×10⁻²¹`.
 *
 * @param {number} power  A multiple of three. @param {string} unit @returns {string}
 */
export function prefixed(power, unit) {
  if (unit) return `${PREFIXES[power / 3 + 8]}${unit}`;
  return power === 0 ? '' : `×10${String(power).replace(/./g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)]))}`;
}

/** Minus sign and groups of three digits, as in print. @param {string} fixed @returns {string} */
function pretty(fixed) {
  const [whole, fraction] = fixed.replace('-', '').split('.');
  const digits = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, '\u202f') : whole;
  const rest = fraction ? `.${fraction.replace(/(\d{3})(?=\d)/g, '$1\u202f')}` : '';
  const zero = /^[0.]*$/.test(fixed.replace('-', ''));
  return `${fixed.startsWith('-') && !zero ? '\u2212' : ''}${digits}${rest}`;
}

/** @param {number} value @param {number} power @param {number} decimals @returns {string} */
export function scaled(value, power, decimals) {
  // Dividing by a power of ten is exact to the last bit more often than multiplying by its inverse.
  const shown = power < 0 ? value * 10 ** -power : value / 10 ** power;
  return pretty(shown.toFixed(Math.max(0, Math.min(20, decimals))));
}

/**
 * A value with its unit, written to a given resolution: `12.345 678 ms`.
 *
 * @param {number} value @param {number} resolution  The smallest step worth showing. @param {string} unit
 * @returns {string}
 */
export function formatTo(value, resolution, unit) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'no number' : `${value > 0 ? '' : '\u2212'}∞ ${unit}`;
  const power = prefixPower(Math.max(Math.abs(value), resolution));
  const decimals = Math.min(15, power - Math.floor(Math.log10(resolution) + 1e-9));
  return `${scaled(value, power, decimals)} ${prefixed(power, unit)}`.trimEnd();
}

/** @param {number} value @param {string} unit @param {number} [digits] Significant digits. @returns {string} `1.23 ms` */
export function formatSi(value, unit, digits = 3) {
  if (value === 0 || !Number.isFinite(value)) return formatTo(value, 1, unit);
  const rounded = Number(value.toPrecision(digits));
  return formatTo(rounded, 10 ** (Math.floor(Math.log10(Math.abs(rounded))) - digits + 1), unit);
}

/**
 * Like `formatSi`, without zeros at the end: `2 ns`, `1.5 ms`.
 *
 * @param {number} value @param {string} unit @param {number} digits @returns {string}
 */
export function formatShort(value, unit, digits) {
  if (value === 0 || !Number.isFinite(value)) return formatTo(value, 1, unit);
  const rounded = Number(value.toPrecision(digits));
  const significant = rounded.toExponential().replace(/e.*|\D/g, '').length;
  const leading = Math.floor(Math.log10(Math.abs(rounded)) + 1e-12);
  const power = prefixPower(Math.abs(rounded));
  return `${scaled(rounded, power, significant - 1 - leading + power)} ${prefixed(power, unit)}`.trimEnd();
}

/** @param {number} bytes @returns {string} */
export function formatBytes(bytes) {
  return bytes < 1000 ? `${bytes} B` : formatSi(bytes, 'B');
}

/** @param {number} count @returns {string} A whole number in groups of three. */
export function formatCount(count) {
  return pretty(String(count));
}

/** @param {number} rough @returns {number} The next step of the form 1, 2 or 5 times a power of ten. */
export function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  const nice = lead <= 1.0000001 ? 1 : lead <= 2.0000001 ? 2 : lead <= 5.0000001 ? 5 : 10;
  return nice * power;
}
