// @ts-check
import { h, icon } from './dom.js';

/**
 * The bar at the top: name of the program and of what is open, and what concerns the whole page.
 *
 * @param {readonly import('./view.js').View[]} views @param {(view: import('./view.js').View) => void} activate
 * @param {{button: import('./dom.js').IconName, action: import('./actions.js').Action}[]} buttons
 * @returns {HTMLElement}
 */
export function topBar(views, activate, buttons) {
  return h(
    'header', { class: 'top' },
    h('a', { class: 'brand', href: '?', title: 'Open something else' }, mark(), h('span', {}, 'pyramidion')),
    ...(views.length > 1
      ? views.map((view, i) => h('button', { type: 'button', class: 'data-tab', 'data-view': i, title: view.address, onclick: () => activate(view) }, view.title))
      : []),
    views.length > 0
      ? h('h1', { class: views.length === 1 ? 'data-name' : 'unseen', title: views[0].address }, views.map(({ title }) => title).join(', '))
      : null,
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
