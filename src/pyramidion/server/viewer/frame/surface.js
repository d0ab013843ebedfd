// @ts-check
/**
 * A canvas that always has one canvas pixel for each device pixel.
 */
export class Surface {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onResize
   */
  constructor(canvas, onResize) {
    this.canvas = canvas;
    const context = canvas.getContext('2d');
    if (!context) throw new Error('this browser offers no 2D canvas');
    this.context = context;
    this.scale = window.devicePixelRatio || 1;
    /** Its size is known: it is laid out, and not hidden. */
    this.measured = false;
    const observer = new ResizeObserver((entries) => {
      const entry = entries[entries.length - 1];
      const ratio = window.devicePixelRatio || 1;
      const box = entry.contentRect;
      const exact = entry.devicePixelContentBoxSize?.[0];
      const width = whole(exact?.inlineSize, box.width * ratio);
      const height = whole(exact?.blockSize, box.height * ratio);
      const before = this.measured;
      this.measured = box.width * box.height > 0;
      if (!this.measured) return;
      this.scale = width / Math.max(1, box.width);
      if (before && canvas.width === width && canvas.height === height) return;
      canvas.width = width;
      canvas.height = height;
      onResize();
    });
    try {
      observer.observe(canvas, { box: 'device-pixel-content-box' });
    } catch {
      observer.observe(canvas); // browsers without device pixel boxes
    }
  }

  get width() {
    return this.canvas.width;
  }

  get height() {
    return this.canvas.height;
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}

/**
 * The exact size in device pixels where the browser tells it; a browser that imitates another screen tells it wrongly.
 *
 * @param {number | undefined} exact @param {number} computed @returns {number}
 */
function whole(exact, computed) {
  return Math.max(1, exact !== undefined && Math.abs(exact - computed) < 2 ? exact : Math.round(computed));
}
