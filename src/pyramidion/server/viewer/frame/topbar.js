// @ts-check
import { actionButton } from './controls.js';
import { h, icon, setText } from './dom.js';

/**
 * The bar at the top: name of the program and of what is open, and what concerns the whole page.
 *
 * @param {readonly import('./view.js').View[]} views @param {(view: import('./view.js').View) => void} activate
 * @param {{button: import('./dom.js').IconName, action: import('./actions.js').Action}[]} buttons
 */
export function topBar(views, activate, buttons) {
  const tabs = views.map((view, i) => h('button', { type: 'button', class: 'data-tab', 'data-view': i, onclick: () => activate(view) }));
  const heading = h('h1', { class: views.length > 1 ? 'unseen' : 'data-name' });
  const element = h(
    'header', { class: 'top' },
    h('a', { class: 'brand', href: '?', title: 'Open something else' }, mark(), h('span', {}, 'pyramidion')),
    ...(views.length > 1 ? tabs : []),
    views.length > 0 && heading,
    h('div', { class: 'top-buttons' }, ...buttons.map(({ action, button }) => actionButton(action, button))),
  );
  return {
    element,
    /** What is open, by now. @param {import('./view.js').View | null} active */
    show(active) {
      setText(heading, views.map(({ title }) => title).join(', '));
      heading.title = views[0]?.address ?? '';
      tabs.forEach((tab, i) => {
        setText(tab, views[i].title);
        tab.title = views[i].address;
        tab.setAttribute('aria-current', String(views[i] === active));
      });
    },
  };
}

/** The sign of the program: a capstone over its layers. @returns {SVGSVGElement} */
function mark() {
  const svg = icon('fit');
  svg.setAttribute('class', 'sign');
  svg.firstElementChild?.setAttribute('d', 'M12 3l4 6.5H8zM6.8 11.5h10.4l2 3.3H4.8zM3.6 16.8h16.8l2.1 3.6H1.5z');
  return svg;
}
