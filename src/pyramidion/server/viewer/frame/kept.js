// @ts-check
/** Choices that outlast the page; where the browser forbids to store them, they last as long as it. */

export const RAIL = 'pyramidion-rail';
export const THEME = 'pyramidion-theme';

/** @param {string} name @returns {string | null} What was chosen last. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} choice */
export function keep(name, choice) {
  try {
    localStorage.setItem(name, choice);
  } catch {}
}
