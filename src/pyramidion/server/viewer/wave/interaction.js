// @ts-check
import { wheelMeaning } from '../frame/wheel.js';

const STILL = 3; // CSS pixels that a press may move

/**
 * Wheel, mouse and fingers on the plot. Knows positions on the element and nothing of samples.
 *
 * @typedef {object} Handlers
 * @property {(factor: number, anchor: number) => void} zoom   `anchor` is a share of the width, 0 to 1.
 * @property {(share: number) => void} pan                     Share of the width; positive shows later samples.
 * @property {(from: number, to: number) => void} select       A stretch was marked (Shift and drag).
 * @property {(from: number, to: number) => void} marking      ... and is being marked; equal ends for none.
 * @property {(anchor: number | null, y: number) => void} hover
 * @property {(anchor: number, y: number) => void} press      Pressed and let go at the same place.
 */

/**
 * @param {HTMLElement} element
 * @param {Handlers} handlers
 * @returns {{cancel: () => void}} `cancel` ends a drag that is going on.
 */
export function listenPlot(element, handlers) {
  /** Pointers that are down, by id. @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  /** @type {number | null} */ let markedFrom = null;
  /** Where the only pointer went down, until it moves. @type {{x: number, y: number} | null} */ let pressed = null;

  const share = (/** @type {number} */ clientX) => {
    const box = element.getBoundingClientRect();
    return Math.max(0, Math.min(1, (clientX - box.left) / box.width));
  };
  const cancel = () => {
    pointers.clear();
    markedFrom = null;
    handlers.marking(0, 0);
    element.classList.remove('dragging');
  };

  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { zoom, pan } = wheelMeaning(event);
    if (pan !== 0) handlers.pan(pan / element.clientWidth);
    else handlers.zoom(zoom, share(event.clientX));
  }, { passive: false });

  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    pressed = pointers.size === 1 ? { x: event.clientX, y: event.clientY } : null;
    if (event.shiftKey) markedFrom = share(event.clientX);
    element.classList.add('dragging');
  });

  element.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    handlers.hover(share(event.clientX), event.clientY - element.getBoundingClientRect().top);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (pressed && Math.hypot(now.x - pressed.x, now.y - pressed.y) > STILL) pressed = null;
    pointers.set(event.pointerId, now);
    if (markedFrom !== null) {
      handlers.marking(markedFrom, share(now.x));
    } else if (pointers.size === 1) {
      handlers.pan(-(now.x - before.x) / element.clientWidth);
    } else if (pointers.size === 2) {
      pinch(event.pointerId, before, now);
    }
  });

  /** @param {number} id @param {{x: number, y: number}} before @param {{x: number, y: number}} now */
  function pinch(id, before, now) {
    const other = [...pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const distance = (/** @type {{x: number, y: number}} */ p) => Math.max(20, Math.hypot(p.x - other.x, p.y - other.y));
    handlers.zoom(distance(before) / distance(now), share((now.x + other.x) / 2));
    handlers.pan(-(now.x - before.x) / 2 / element.clientWidth);
  }

  const release = (/** @type {PointerEvent} */ event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (markedFrom !== null && event.type === 'pointerup') {
      const to = share(event.clientX);
      if (Math.abs(to - markedFrom) * element.clientWidth > 3) handlers.select(Math.min(markedFrom, to), Math.max(markedFrom, to));
    }
    if (pressed && event.type === 'pointerup') handlers.press(share(event.clientX), event.clientY - element.getBoundingClientRect().top);
    pressed = null;
    if (pointers.size === 0) cancel();
  };
  element.addEventListener('pointerup', release);
  element.addEventListener('pointercancel', release);
  element.addEventListener('pointerleave', () => handlers.hover(null, 0));
  return { cancel };
}

/**
 * The strip over the whole record: press beside the window to bring it there, drag it, or drag one of its ends.
 *
 * @param {HTMLElement} strip
 * @param {() => {from: number, to: number}} current   The window, as shares of the strip.
 * @param {(from: number, to: number) => void} change
 */
export function listenStrip(strip, current, change) {
  const grip = 7; // pixels around an end that take hold of it
  /** @type {{mode: 'from' | 'to' | 'move', at: number} | null} */ let drag = null;
  const share = (/** @type {PointerEvent} */ event) => {
    const box = strip.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };

  strip.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    strip.setPointerCapture(event.pointerId);
    const at = share(event);
    const { from, to } = current();
    const near = (/** @type {number} */ end) => Math.abs(end - at) * strip.clientWidth < grip;
    const roomy = (to - from) * strip.clientWidth > 3 * grip;
    if (roomy && near(from)) drag = { mode: 'from', at };
    else if (roomy && near(to)) drag = { mode: 'to', at };
    else {
      drag = { mode: 'move', at };
      const half = (to - from) / 2;
      const outside = at < from - grip / strip.clientWidth || at > to + grip / strip.clientWidth;
      if (outside) change(at - half, at + half);
    }
  });
  strip.addEventListener('pointermove', (event) => {
    if (!drag) return;
    const at = share(event);
    const { from, to } = current();
    if (drag.mode === 'from') change(Math.min(at, to), to);
    else if (drag.mode === 'to') change(from, Math.max(at, from));
    else change(from + at - drag.at, to + at - drag.at);
    drag.at = at;
  });
  const release = () => {
    drag = null;
  };
  strip.addEventListener('pointerup', release);
  strip.addEventListener('pointercancel', release);
}
