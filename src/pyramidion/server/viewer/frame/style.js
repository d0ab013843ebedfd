// @ts-check
/**
 * Load a style sheet, once.
 *
 * @param {string} href @returns {Promise<void>}
 */
export function loadStyle(href) {
  if (document.head.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  const link = document.createElement('link');
  Object.assign(link, { rel: 'stylesheet', href });
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve(); // without its style a panel is plain, but it works
    document.head.append(link);
  });
}
