// @ts-check
// Runs before the page is drawn, so that nothing flashes: neither another theme than the chosen one, which the viewer
// keeps in the same place, nor rows that the address does not ask for.
(() => {
  if (location.hash.length > 1) document.documentElement.classList.add('waiting');
  try {
    const chosen = localStorage.getItem('pyramidion-theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden: the theme of the system it is.
  }
})();
