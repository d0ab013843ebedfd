// What the parts of the image panel ask of each other. Types only: the page does not load this file.
import type { Channel } from './channels.js';
import type { ImageDataset } from './dataset.js';
import type { Plane } from './geometry.js';
import type { Look } from './look.js';
import type { Place } from './place.js';
import type { Patch } from './sampling.js';

/** How large an image is, and what its steps measure. */
export type Extent = Pick<ImageDataset, 'shape' | 'aspect' | 'volume' | 'unit' | 'scale' | 'physical'>;

/** Shows something of a panel beside it. */
export interface Watcher {
  /** The picture or the look has changed; called with every frame. */
  later(): void;
  /** Show everything as it is now. */
  update(): void;
}

/** A panel that shows numbers as colours. */
export interface Coloured {
  look: Look;
  /** What is seen of a channel. */
  patches(channel: number): Patch[];
  watchers: Set<Watcher>;
  /** `following` where the range may follow the data by itself. */
  contrast: { auto(): void; reset(): void; following?: boolean };
  setChannel(index: number, change: Partial<Pick<Channel, 'color' | 'visible' | 'range'>>): void;
  setMap(map: string): void;
}

/** A panel that one moves and zooms in. */
export interface Movable {
  place: Place;
  pane: { plane: Plane; surface: { scale: number } };
  zoom(factor: number): void;
}
