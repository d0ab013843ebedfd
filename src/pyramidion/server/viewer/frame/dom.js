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

/** Outlines on a 24 x 24 grid. */
const ICONS = {
  left: 'M15 6l-6 6 6 6', right: 'M9 6l6 6-6 6',
  start: 'M18 6l-6 6 6 6M7 6v12', end: 'M6 6l6 6-6 6M17 6v12',
  plus: 'M12 5v14M5 12h14', minus: 'M5 12h14',
  fit: 'M4 9V5h4M16 5h4v4M20 15v4h-4M8 19H4v-4M8 12h8',
  dots: 'M4 16l5-7 6 6 5-7',
  theme: 'M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z',
  link: 'M10 14a4 4 0 0 0 6 .5l2.5-2.5a4 4 0 0 0-5.7-5.7L11.5 7.600M14 10a4 4 0 0 0-6-.5L5.500 12a4 4 0 0 0 5.700 5.700l1.300-1.300',
  help: 'M9.200 9.200a2.900 2.900 0 1 1 4 2.700c-.8.4-1.200.9-1.200 1.900M12 17.300v.1',
  info: 'M12 11v6M12 7.400v.1M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17z',
  close: 'M6 6l12 12M18 6L6 18',
  one: 'M9 7l3-2v14M9 19h6',
  eye: 'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600z',
  play: 'M8 5.500v13l10-6.500z', pause: 'M8 6v12M16 6v12',
  line: 'M5 19L19 5M4 16l4 4M16 4l4 4', box: 'M5 6h14v12H5z',
  contrast: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16', settings: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  save: 'M12 4v11M7.500 10.500L12 15l4.500-4.500M5 20h14', elsewhere: 'M13 5h6v6M19 5l-9 9M17 14v5H5V7h5',
  layers: 'M12 4l8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4', rows: 'M4 5h16v5H4zM4 14h16v5H4z', rail: 'M4 5h16v14H4zM9.500 5v14', drawer: 'M4 5h16v14H4zM14.500 5v14',
  ruler: 'M7 4v16M17 4v16M7 12h10M10 9.500L7.500 12l2.500 2.500M14 9.500l2.500 2.500-2.500 2.500', search: 'M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.500 15.500L20 20',
  list: 'M9 6h11M9 12h11M9 18h11M4.500 6h.1M4.500 12h.1M4.500 18h.1', spectrum: 'M4 20V9M8 20V4M12 20v-8M16 20v-4M20 20v-6',
  lens: 'M4 6h16v6H4zM9 6v6M15 6v6M9 12l-5 7h16l-5-7', note: 'M6 4h9l4 4v12H6zM9 10h6M9 14h6', plusbox: 'M5 5h14v14H5zM12 8.500v7M8.500 12h7',
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
