// @ts-check
import { h, setText } from './dom.js';
import { formatBytes } from './si.js';

/**
 * The line at the bottom: what lies under the pointer, what is drawn, what it cost.
 */
export function statusLine() {
  const pointer = h('span', { class: 'status-pointer' });
  const level = h('span', { class: 'status-level', title: 'What the picture is drawn from' });
  const traffic = h('span', { class: 'status-traffic', title: 'Fetched so far, and chunks found in memory' });
  const spoken = h('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  const element = h('footer', { class: 'status' }, pointer, level, traffic, spoken);
  let timer = 0;
  let saying = '';
  return {
    element,
    /** What is said while nothing is pointed at. */
    hint: '',
    /** @param {string} text */
    showPointer(text) {
      setText(pointer, text || this.hint);
      pointer.classList.toggle('quiet', !text);
    },
    /** @param {string} text */
    showLevel(text) {
      setText(level, text);
    },
    /** @param {{requests: number, bytes: number, errors: number, cacheHits: number, missing: number}} stats */
    showTraffic({ requests, bytes, errors, cacheHits, missing }) {
      const parts = [`${formatBytes(bytes)} in ${requests} requests`];
      if (cacheHits > 0) parts.push(`${cacheHits} from memory`);
      if (missing > 0) parts.push(`${missing} missing chunks drawn as the fill value`);
      if (errors > 0) parts.push(`${errors} server error${errors === 1 ? '' : 's'}`);
      setText(traffic, parts.join(' · '));
      traffic.classList.toggle('wrong', errors > 0);
    },
    /** For screen readers, once the view rests. @param {string} text */
    speak(text) {
      if (text === saying) return;
      saying = text;
      clearTimeout(timer);
      timer = window.setTimeout(() => setText(spoken, text), 700);
    },
  };
}
