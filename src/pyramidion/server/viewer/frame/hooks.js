// @ts-check
/**
 * What `window.__pyramidion` offers to tests and to scripts that drive the page; the panel adds its own.
 *
 * @param {import('./app.js').App} app
 */
export function testHooks(app) {
  return {
    /** Resolves when nothing is on its way and two frames have passed since. */
    async idle() {
      for (;;) {
        while (!app.settled) await nextFrame();
        await nextFrame();
        await nextFrame();
        if (app.settled) return;
      }
    },
    stats: () => app.stats,
    get error() {
      return app.error?.message ?? [...(app.scheduler?.failures.values() ?? [])][0]?.message ?? null;
    },
  };
}

/** @returns {Promise<void>} */
function nextFrame() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => resolve());
  });
}
