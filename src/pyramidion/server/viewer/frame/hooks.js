// @ts-check
/**
 * What `window.__pyramidion` offers to tests and to scripts that drive the page.
 *
 * @param {import('./app.js').App} app
 */
export function testHooks(app) {
  const panel = () => {
    if (!app.panel) throw new Error(app.error?.message ?? 'no data are open');
    return app.panel;
  };
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
    /** @param {{ch?: number, trc?: number, seg?: number, t?: [number, number], samples?: [number, number]}} view */
    setView({ t, samples, ...selection }) {
      panel().select(selection);
      if (samples) panel().setWindow({ a: samples[0], b: samples[1] });
      else if (t) panel().setTimes(t[0], t[1]);
    },
    view() {
      const { selection, window, calibration } = panel();
      const time = (/** @type {number} */ position) => calibration.start + position * calibration.interval;
      return { ...selection, samples: [window.a, window.b], t: [time(window.a), time(window.b)] };
    },
    /** The smallest and largest code drawn in each device column; null where nothing is drawn. */
    columns() {
      const { columns, window, level, dataset } = panel();
      if (!columns) return null;
      const plain = (/** @type {Float64Array} */ codes) => Array.from(codes, (code, x) => (columns.lo[x] <= columns.hi[x] ? code : null));
      return {
        samples: [window.a, window.b], width: columns.width, samplesPerBin: dataset.levels[level].factor,
        complete: columns.complete, lo: plain(columns.lo), hi: plain(columns.hi),
      };
    },
    /** Where a code is drawn: device pixels from the top of the canvas. @param {number} code */
    y: (code) => panel().verticalOf(code),
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
