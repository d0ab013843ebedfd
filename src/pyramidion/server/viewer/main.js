// @ts-check
import { App } from './frame/app.js';
import { testHooks } from './frame/hooks.js';

const root = document.getElementById('app');
if (root) {
  const app = new App(root);
  const hooks = testHooks(app);
  app.opening = (panel) => panel.hooks().then((own) => void Object.assign(hooks, own), () => {}); // the page works without them
  Object.defineProperty(window, '__pyramidion', { value: hooks });
  await app.start();
}
