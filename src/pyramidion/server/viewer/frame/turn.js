// @ts-check
/** A turn of the event loop for the rest of the page; timers would be held back to 4 ms. @returns {Promise<void>} */
export function nextTurn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
