// @ts-check
import { keep, kept, THEME } from './kept.js';

/** The theme chosen, else the one of the system. @returns {'light' | 'dark'} */
export function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Take over what was chosen before. @param {() => void} changed Called whenever the colours change. */
export function startTheme(changed) {
  const stored = kept(THEME);
  if (stored === 'light' || stored === 'dark') document.documentElement.dataset.theme = stored;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}

/** @param {() => void} changed */
export function switchTheme(changed) {
  const next = currentTheme() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  keep(THEME, next);
  changed();
}
