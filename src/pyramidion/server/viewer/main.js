// @ts-check
import { App } from './frame/app.js';
import { testHooks } from './frame/hooks.js';

const root = document.getElementById('app');
if (root) {
  const app = new App(root);
  Object.defineProperty(window, '__pyramidion', { value: testHooks(app) });
  await app.start();
}
