// What the parts of the waveform panel and its tools ask of each other. Types only: the page does not load this file.
import type { Columns } from './columns.js';
import type { Calibration, Selection } from './dataset.js';
import type { Window } from './window.js';

/** A channel as it is drawn. */
export interface Trace {
  ch: number;
  selection: Selection;
  calibration: Calibration;
  /** In its own samples: the clocks of two channels may differ by parts of a sample. */
  window: Window;
  /** -1 where there is too much to draw. */
  level: number;
  columns: Columns | null;
}

/** A band of the plot with one axis of values; device pixels. */
export interface Row {
  traces: Trace[];
  ch: number;
  top: number;
  height: number;
  min: number;
  max: number;
}

/** What may be drawn with; positions on the canvas are device pixels. */
export interface Paint {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  scale: number;
  rows: readonly Row[];
  /** From a position in samples. */
  x(position: number): number;
  /** From a value in units. */
  y(value: number, ch: number): number;
  /** A colour of the page. */
  css(name: string): string;
}

/** Something drawn over the traces. */
export interface Mark {
  draw(paint: Paint): void;
}

/** Something drawn instead of the traces. */
export interface Cover {
  /** Of the values from bottom to top; null for that of the traces. */
  axis: { min: number; max: number; unit: string } | null;
  draw(paint: Paint): void;
}

/** A place in the plot that a person has chosen. */
export interface Spot {
  position: number;
  /** NaN where the axis is one of segments. */
  value: number;
  ch: number;
}
