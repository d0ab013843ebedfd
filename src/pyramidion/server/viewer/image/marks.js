// @ts-check
import { formatShort, niceStep } from '../frame/si.js';

/**
 * What is drawn over the picture: crosshair, measurements, scale bar. Lengths in CSS pixels.
 *
 * @typedef {import('../frame/surface.js').Surface} Surface
 * @typedef {import('./geometry.js').Frame} Frame
 * @typedef {import('./measure.js').Measure} Measure
 */

const LIGHT = 'rgb(255 255 255 / 92%)';
const SHADE = 'rgb(0 0 0 / 62%)';
const PLATE = 'rgb(0 0 0 / 55%)'; // under text, which is read on anything
const FONT = '12px system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif';

/**
 * The scale bar: a round length of about a seventh of the width.
 *
 * @param {import('./types.js').Extent} dataset @param {Frame} frame
 * @returns {{pixels: number, length: number, text: string}} Device pixels, and the length in the unit of the axis.
 */
export function scaleBar(dataset, frame) {
  const axis = frame.plane.h;
  const unit = dataset.unit[axis];
  const step = unit ? dataset.scale[axis] : 1;
  const wanted = Math.max(60, Math.min(160 * (frame.width > 1800 ? 2 : 1), frame.width / 7));
  const nice = niceStep((wanted / frame.kh) * step);
  return { pixels: (nice / step) * frame.kh, length: nice, text: unit ? formatShort(nice, unit, 3) : `${formatShort(nice, '', 6)} px` };
}

/**
 * @param {Surface} surface @param {Frame} frame
 * @param {{bar: ReturnType<typeof scaleBar> | null, cross: {h: number, v: number} | null, measures: readonly {measure: Measure, lines: string[]}[], label: string}} what
 */
export function drawMarks(surface, frame, { bar, cross, measures, label }) {
  const { context, scale } = surface;
  surface.clear();
  context.save();
  context.scale(scale, scale);
  const place = (/** @type {{h: number, v: number}} */ at) => [(frame.left + at.h * frame.kh) / scale, (frame.top + at.v * frame.kv) / scale];
  const size = /** @type {[number, number]} */ ([frame.width / scale, frame.height / scale]);
  if (cross) drawCross(context, place({ h: cross.h + 0.5, v: cross.v + 0.5 }), size);
  for (const { measure, lines } of measures) drawMeasure(context, measure, place(measure.from), place(measure.to), lines, size);
  if (bar) drawBar(context, bar, scale, size[1]);
  if (label) write(context, label, 12, 20, 'left');
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {() => void} path  Drawn dark and wide, then light and narrow: seen on anything. */
function stroke(context, path) {
  for (const [style, width] of /** @type {[string, number][]} */ ([[SHADE, 3], [LIGHT, 1]])) {
    context.beginPath();
    path();
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {number[]} at @param {[number, number]} size */
function drawCross(context, [x, y], [width, height]) {
  const gap = 8;
  const [px, py] = [Math.round(x) + 0.5, Math.round(y) + 0.5];
  context.globalAlpha = 0.75;
  stroke(context, () => {
    for (const [x0, y0, x1, y1] of [[0, py, px - gap, py], [px + gap, py, width, py], [px, 0, px, py - gap], [px, py + gap, px, height]]) {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
    }
  });
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context @param {Measure} measure @param {number[]} from @param {number[]} to @param {readonly string[]} lines
 * @param {[number, number]} size
 */
function drawMeasure(context, { kind }, [x0, y0], [x1, y1], lines, [width, height]) {
  if (kind === 'box') {
    stroke(context, () => context.rect(x0, y0, x1 - x0, y1 - y0));
  } else {
    stroke(context, () => {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      for (const [x, y] of [[x0, y0], [x1, y1]]) {
        context.moveTo(x + 3, y);
        context.arc(x, y, 3, 0, 7);
      }
    });
  }
  // Below it; where it ends outside the picture, inside it, above the scale bar.
  const left = Math.max(10, Math.min(width - 120, x0, x1));
  const below = Math.max(28, Math.min(Math.max(y0, y1) + 18, height - 40 - 16 * lines.length));
  lines.forEach((line, i) => write(context, line, left, below + 16 * i, 'left'));
}

/** @param {CanvasRenderingContext2D} context @param {ReturnType<typeof scaleBar>} bar @param {number} scale @param {number} height */
function drawBar(context, bar, scale, height) {
  const length = bar.pixels / scale;
  const y = height - 16;
  context.fillStyle = SHADE;
  context.fillRect(13, y - 3, length + 2, 6);
  context.fillStyle = LIGHT;
  context.fillRect(14, y - 2, length, 4);
  write(context, bar.text, 14 + length / 2, y - 9, 'center');
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y @param {CanvasTextAlign} align */
function write(context, text, x, y, align) {
  context.font = FONT;
  context.textAlign = align;
  const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right } = context.measureText(text);
  context.fillStyle = PLATE;
  context.beginPath();
  context.roundRect(x - left - 5, y - 12, left + right + 10, 16, 4);
  context.fill();
  context.fillStyle = LIGHT;
  context.fillText(text, x, y);
}
