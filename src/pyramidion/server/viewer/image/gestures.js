// @ts-check
import { wheelMeaning } from '../frame/wheel.js';

/**
 * Wheel, mouse and fingers on a picture. Knows CSS pixels on the element and nothing of the image.
 *
 * @typedef {{x: number, y: number}} Spot
 * @typedef {object} Handlers
 * @property {(factor: number, at: Spot) => void} zoom     Above 1 shows more.
 * @property {(dx: number, dy: number) => void} pan        How far the picture is dragged.
 * @property {(at: Spot | null) => void} hover
 * @property {(at: Spot) => void} click                    Pressed and let go without moving.
 * @property {(shift: boolean) => boolean} marks           Whether a drag that begins now marks instead of moving.
 * @property {(from: Spot, to: Spot, done: boolean, shift: boolean) => void} mark
 *
 * @param {HTMLElement} element @param {Handlers} handlers
 * @returns {{cancel: () => void}} `cancel` ends a drag that is going on.
 */
export function listenPicture(element, handlers) {
  const still = 3; // CSS pixels a click may move
  /** Pointers that are down, by id. @type {Map<number, Spot>} */ const pointers = new Map();
  /** @type {{from: Spot, shift: boolean, marks: boolean, moved: boolean} | null} */ let drag = null;

  const spot = (/** @type {MouseEvent} */ event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const cancel = () => {
    pointers.clear();
    drag = null;
    element.classList.remove('dragging');
  };

  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { zoom, pan } = wheelMeaning(event);
    if (pan !== 0) handlers.pan(-pan, 0);
    else handlers.zoom(zoom, spot(event));
  }, { passive: false });

  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, spot(event));
    const first = pointers.size === 1;
    drag = first ? { from: spot(event), shift: event.shiftKey, marks: handlers.marks(event.shiftKey), moved: false } : null;
    element.classList.add('dragging');
  });

  element.addEventListener('pointermove', (event) => {
    const now = spot(event);
    const before = pointers.get(event.pointerId);
    handlers.hover(now);
    if (!before) return;
    if (drag && !drag.moved && Math.hypot(now.x - drag.from.x, now.y - drag.from.y) <= still) return;
    pointers.set(event.pointerId, now);
    if (drag) drag.moved = true;
    if (drag?.marks) handlers.mark(drag.from, now, false, drag.shift);
    else if (pointers.size === 1) handlers.pan(now.x - before.x, now.y - before.y);
    else if (pointers.size === 2) pinch(event.pointerId, before, now);
  });

  /** @param {number} id @param {Spot} before @param {Spot} now */
  function pinch(id, before, now) {
    const other = [...pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const distance = (/** @type {Spot} */ p) => Math.max(20, Math.hypot(p.x - other.x, p.y - other.y));
    handlers.zoom(distance(before) / distance(now), { x: (before.x + other.x) / 2, y: (before.y + other.y) / 2 });
    handlers.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  const release = (/** @type {PointerEvent} */ event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (drag && event.type === 'pointerup') {
      if (!drag.moved) handlers.click(drag.from);
      else if (drag.marks) handlers.mark(drag.from, spot(event), true, drag.shift);
    }
    if (pointers.size === 0) cancel();
  };
  element.addEventListener('pointerup', release);
  element.addEventListener('pointercancel', release);
  element.addEventListener('pointerleave', () => handlers.hover(null));
  return { cancel };
}
