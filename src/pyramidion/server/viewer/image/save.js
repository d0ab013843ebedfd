// @ts-check
/**
 * Save what the panes show as one PNG, pixel for pixel.
 *
 * @param {readonly Pick<import('./pane.js').Pane, 'canvas' | 'marks' | 'surface'>[]} panes @param {string} name   Of the file.
 * @param {boolean} marks   With scale bar, crosshair and measurement.
 * @returns {Promise<void>}
 */
export async function savePicture(panes, name, marks) {
  const boxes = panes.map(({ canvas }) => canvas.getBoundingClientRect());
  const left = Math.min(...boxes.map((box) => box.left));
  const top = Math.min(...boxes.map((box) => box.top));
  const places = panes.map(({ surface }, i) => ({ x: Math.round((boxes[i].left - left) * surface.scale), y: Math.round((boxes[i].top - top) * surface.scale) }));
  const picture = document.createElement('canvas');
  picture.width = Math.max(...places.map(({ x }, i) => x + panes[i].surface.width));
  picture.height = Math.max(...places.map(({ y }, i) => y + panes[i].surface.height));
  const context = picture.getContext('2d');
  panes.forEach(({ canvas, marks: overlay }, i) => {
    context?.drawImage(canvas, places[i].x, places[i].y);
    if (marks) context?.drawImage(overlay, places[i].x, places[i].y);
  });
  const blob = await new Promise((resolve) => {
    picture.toBlob(resolve, 'image/png');
  });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(/** @type {Blob} */ (blob));
  link.download = `${name}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
