// @ts-check
/**
 * Build an element. Children that are strings become text nodes, so that names from files are never read as markup.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

/**
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} type
 * @returns {E}
 */
export function find(selector, type) {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`${selector} is not in the page`);
  return element;
}

/** @param {Element} element @param {string} text  Written only when it differs. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number} n @returns {string} With thin spaces, as the server writes numbers. */
export function formatCount(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/**
 * Make characters visible that would break a line or turn its direction.
 *
 * @param {string} text
 * @returns {string}
 */
export function shownText(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
