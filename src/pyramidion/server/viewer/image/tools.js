// @ts-check
/**
 * The tools of the image panel. Each is one module in `tools/`, loaded when it is first needed.
 *
 * @param {import('./panel.js').ImagePanel} panel @returns {import('../frame/types.js').Tool[]}
 */
export function imageTools(panel) {
  const awake = () => false;
  return [
    { id: 'look', label: 'Channels and colours', icon: 'settings', keys: ['b'], awake, load: async () => (await import('./tools/look.js')).openTool(panel) },
    { id: 'measure', label: 'Measurements', icon: 'ruler', keys: ['q'], awake, load: async () => (await import('./tools/measure.js')).openTool(panel) },
  ];
}
