// What the parts of the live panel hand to each other. Types only: the page does not load this file.
import type { Numbers } from '../decode/numbers.js';
import type { PanelHost } from '../frame/types.js';
import type { Traffic } from '../store/http.js';

/** Pixels of the sensor. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What is asked for: null for the whole frame, and so many pixels of the sensor in one. */
export interface Ask {
  region: Region | null;
  scale: number;
}

export interface Wish {
  /** Only a frame with another number will do, */
  after?: number;
  /** and the server may wait for it, in ms. */
  wait?: number;
  signal?: AbortSignal;
}

/** What came: numbers, and where they lie on the sensor. */
export interface Picture {
  data: Numbers;
  dtype: string;
  /** Of the numbers. */
  width: number;
  height: number;
  /** Pixel of the sensor that the first one begins at, */
  x: number;
  y: number;
  /** and pixels of the sensor that one is wide. */
  scale: number;
  ask: Ask;
  /** Of the frame. */
  number: number;
  /** Unix seconds on the server's clock. */
  time: number;
  /** Milliseconds on the wire. */
  took: number;
}

/** A request on its way; `seen` is the newest frame here when it was sent. */
export interface Pending {
  ask: Ask;
  waits: boolean;
  started: number;
  seen: number;
  abort: AbortController;
}

/** Of the values of a region; `number` of the frame. */
export interface Statistics {
  count: number;
  min: number;
  max: number;
  mean: number;
  std: number;
  number: number;
}

/** What the server tells of camera and recording; everything may be missing. */
export type Info = Record<string, any>;

/** A word for the badge, and a sentence where one is needed. */
export interface Standing {
  mood: 'recording' | 'looking' | 'waiting' | 'finished' | 'lost' | 'gone';
  badge: string;
  text: string;
}

/** What a live panel is opened with. */
export interface LivePage {
  host: PanelHost;
  traffic: Traffic;
}
