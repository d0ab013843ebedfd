// @ts-check
/**
 * The tools of the waveform panel. Each is one module in `tools/`, loaded when it is first needed.
 *
 * @param {import('./panel.js').WavePanel} panel @returns {import('../frame/types.js').Tool[]}
 */
export function waveTools(panel) {
  const { state, dataset } = panel;
  /** @type {(id: string, label: string, icon: import('../frame/dom.js').IconName, keys: string[], load: () => Promise<{openTool: (panel: any) => any}>, awake?: () => boolean) => import('../frame/types.js').Tool} */
  const tool = (id, label, icon, keys, load, awake = () => false) => ({ id, label, icon, keys, awake, load: async () => {
    const [{ openTool }, { Reader }] = await Promise.all([load(), import('./reader.js')]);
    panel.reader ??= new Reader(dataset, panel.scheduler);
    return openTool(panel);
  } });
  return [
    tool('measure', 'Cursors and measurements', 'ruler', ['q'], () => import('./tools/measure.js'), () => state.value.cursors.x !== null || state.value.cursors.y !== null),
    tool('find', 'Find', 'search', ['/'], () => import('./tools/find.js')),
    ...(dataset.shape.segments > 1
      ? [tool('segments', 'Segments', 'list', ['v'], () => import('./tools/segments.js'), () => state.value.segments !== 'one')]
      : []),
    tool('spectrum', 'Spectrum', 'spectrum', ['p'], () => import('./tools/spectrum.js')),
    tool('lenses', 'Lenses', 'lens', ['k'], () => import('./tools/lenses.js'), () => state.value.lenses.length > 0),
    tool('notes', 'Notes, go to', 'note', ['n', 'g'], () => import('./tools/notes.js'), () => state.value.notes.length > 0),
    tool('export', 'Export', 'save', ['e'], () => import('./tools/export.js')),
  ];
}
