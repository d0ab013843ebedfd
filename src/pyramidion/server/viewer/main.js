// @ts-check
import { App } from './frame/app.js';
import { testHooks } from './frame/hooks.js';

const root = document.getElementById('app');
if (root) {
  const app = new App(root);
  const hooks = testHooks(app);
  app.opening = (panel) => Object.assign(hooks, panel.hooks);
  Object.defineProperty(window, '__pyramidion', { value: hooks });
  await app.start();
}
