// @ts-check
/**
 * The tools of the live panel, loaded when they are first needed.
 *
 * @param {import('./panel.js').LivePanel} panel @returns {import('../frame/types.js').Tool[]}
 */
export function liveTools(panel) {
  return [
    { id: 'look', label: 'Colours and region', icon: 'settings', keys: ['b'], awake: () => false, load: async () => (await import('./tools/look.js')).openTool(panel) },
  ];
}
