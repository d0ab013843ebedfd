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
    /** What follows # in the link of what is seen now. */
    link: () => app.link(),
    /** Unix seconds of the time cursor that all panels share. */
    clock: () => app.clock.time,
    /** @param {string} id   Open a tool of the active panel. */
    tool: (id) => app.openTool(id),
    get error() {
      const { error, scheduler } = app.active ?? {};
      return (error ?? scheduler?.failures.values().next().value)?.message ?? null;
    },
  };
}

function nextFrame() {
  return new Promise((resolve) => void requestAnimationFrame(resolve));
}
