// @ts-check
import { h, icon } from './dom.js';

/**
 * The bar at the top: name of the program and of the data, and what concerns the whole page.
 *
 * @param {string} title   Name of the data, '' on the first page.
 * @param {string} address
 * @param {{button: import('./dom.js').IconName, action: import('./actions.js').Action}[]} buttons
 * @returns {HTMLElement}
 */
export function topBar(title, address, buttons) {
  return h(
    'header', { class: 'top' },
    h('a', { class: 'brand', href: '?', title: 'Open something else' }, mark(), h('span', {}, 'pyramidion')),
    title ? h('span', { class: 'data-name', title: address }, title) : null,
    h(
      'div', { class: 'top-buttons' },
      ...buttons.map(({ button, action }) =>
        h(
          'button',
          { type: 'button', class: 'button', id: `do-${action.id}`, 'aria-label': action.label,
            title: `${action.label} (${action.keyText})`, onclick: () => action.run({ big: false }) },
          icon(button),
        )),
    ),
  );
}

/** The sign of the program: a capstone over its layers. @returns {SVGSVGElement} */
function mark() {
  const svg = icon('fit');
  svg.setAttribute('class', 'sign');
  svg.firstElementChild?.setAttribute('d', 'M12 3l4 6.500H8zM6.800 11.500h10.400l2 3.300H4.800zM3.600 16.800h16.800l2.100 3.600H1.500z');
  return svg;
}
