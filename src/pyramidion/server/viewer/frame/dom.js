// @ts-check
/**
 * Small helpers to build elements. Text always becomes a text node, so that names from files are never read as markup.
 *
 * @typedef {Node | string | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | ((event: any) => void)>} Attributes
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]  Functions become event listeners (`onclick`), true an empty attribute.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  for (const child of children) if (child) element.append(child);
  return element;
}

/** @param {Element} element @param {Attributes} attributes */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null) element.setAttribute(name, String(value));
  }
}

/** @param {Element} element @param {string} text  Written only when it differs, which spares layout work. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Those that are there already are not touched: they keep the focus. @param {Element} parent @param {...Element} children */
export function setChildren(parent, ...children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, i) => child === parent.children[i] || parent.insertBefore(child, parent.children[i] ?? null));
}

/** Outlines on a 24 x 24 grid. */
const ICONS = {
  left: 'M15 6l-6 6 6 6', right: 'M9 6l6 6-6 6',
  start: 'M18 6l-6 6 6 6M7 6v12', end: 'M6 6l6 6-6 6M17 6v12',
  plus: 'M12 5v14M5 12h14', minus: 'M5 12h14',
  fit: 'M4 9V5h4M16 5h4v4M20 15v4h-4M8 19H4v-4M8 12h8',
  dots: 'M4 16l5-7 6 6 5-7',
  theme: 'M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z',
  link: 'M10 14a4 4 0 0 0 6 .5l2.5-2.5a4 4 0 0 0-5.7-5.7L11.5 7.6M14 10a4 4 0 0 0-6-.5L5.5 12a4 4 0 0 0 5.7 5.7l1.3-1.3',
  help: 'M9.2 9.2a2.9 2.9 0 1 1 4 2.7c-.8.4-1.2.9-1.2 1.9M12 17.3v.1',
  info: 'M12 11v6M12 7.4v.1M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z',
  close: 'M6 6l12 12M18 6L6 18',
  one: 'M9 7l3-2v14M9 19h6',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z',
  play: 'M8 5.5v13l10-6.5z', pause: 'M8 6v12M16 6v12',
  line: 'M5 19L19 5M4 16l4 4M16 4l4 4', box: 'M5 6h14v12H5z',
  contrast: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16', settings: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  save: 'M12 4v11M7.5 10.5L12 15l4.5-4.5M5 20h14', elsewhere: 'M13 5h6v6M19 5l-9 9M17 14v5H5V7h5',
  layers: 'M12 4l8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4', rows: 'M4 5h16v5H4zM4 14h16v5H4z', rail: 'M4 5h16v14H4zM9.5 5v14',
  ruler: 'M7 4v16M17 4v16M7 12h10M10 9.5L7.5 12l2.5 2.5M14 9.5l2.5 2.5-2.5 2.5', search: 'M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.5 15.5L20 20',
  list: 'M9 6h11M9 12h11M9 18h11M4.5 6h.1M4.5 12h.1M4.5 18h.1', spectrum: 'M4 20V9M8 20V4M12 20v-8M16 20v-4M20 20v-6',
  lens: 'M4 6h16v6H4zM9 6v6M15 6v6M9 12l-5 7h16l-5-7', note: 'M6 4h9l4 4v12H6zM9 10h6M9 14h6', plusbox: 'M5 5h14v14H5zM12 8.5v7M8.5 12h7',
};

/** @typedef {keyof typeof ICONS} IconName */

/** @param {IconName} name @returns {SVGSVGElement} */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const path = document.createElementNS(space, 'path');
  setAttributes(svg, { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'icon' });
  setAttributes(path, { d: ICONS[name] });
  svg.append(path);
  return svg;
}
