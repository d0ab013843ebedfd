// What the page and its panels know of each other. Types only: the page does not load this file.
import type { Scheduler } from '../fetch/scheduler.js';
import type { HttpStore } from '../store/http.js';
import type { Group } from '../store/open.js';
import type { Action } from './actions.js';
import type { HashState } from './hash.js';

/** What the page around a panel offers it. */
export interface PanelHost {
  /** The view is another one: the address must follow. */
  changed(): void;
  /** What lies under the pointer; '' for nothing. */
  pointed(text: string): void;
  /** A frame was drawn. */
  drawn(): void;
  /** Show a short message for a moment. */
  say(text: string): void;
}

/** What a panel is opened with. */
export interface Page {
  store: HttpStore;
  group: Group;
  scheduler: Scheduler;
  host: PanelHost;
  /** Address of the live camera that is being recorded, as links write it; '' for none. */
  live: string;
}

/** What the page knows of a panel. */
export interface Panel {
  title: string;
  element: HTMLElement;
  actions: readonly Action[];
  /** Shown while nothing is pointed at. */
  hint: string;
  /** What mouse and fingers do, for the help. */
  gestures: string;
  /** Nothing is planned and no frame is due. */
  settled(): boolean;
  /** Draw again: the colours of the page have changed. */
  refresh(): void;
  /** What the picture is drawn from. */
  levelText(): string;
  /** The view in words, for screen readers. */
  spoken(): string;
  stats(): Record<string, unknown>;
  /** Show the view of a link. */
  showHash(state: HashState): void;
  /** This view for a link; unknown keys of the old one stay. */
  hash(before: HashState): HashState;
  /** What the panel adds to `window.__pyramidion`. */
  hooks(): Promise<Record<string, unknown>>;
}

export interface PanelModule {
  openPanel(page: Page): Promise<Panel>;
}
