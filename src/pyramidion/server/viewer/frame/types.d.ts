// What the page and its panels know of each other. Types only: the page does not load this file.
import type { Scheduler } from '../fetch/scheduler.js';
import type { HttpStore } from '../store/http.js';
import type { Group } from '../store/open.js';
import type { Action } from './actions.js';
import type { IconName } from './dom.js';
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
  /** Open one of the panel's tools. */
  openTool(id: string): void;
  /** The panel's own cursor or frame is at another time: Unix seconds; null where it has no clock. */
  time(time: number | null): void;
}

/** A line of the rail: an array, a channel, a fact. */
export interface Branch {
  label: string;
  detail?: string;
  /** A CSS colour beside it. */
  colour?: string;
  /** It is what is shown, or measured. */
  current?: boolean;
  eye?: { on: boolean; toggle(): void };
  run?(): void;
  children?: Branch[];
}

/** Something one does with the data, in the drawer. */
export interface Tool {
  id: string;
  label: string;
  icon: IconName;
  /** Values of `KeyboardEvent.key`, lower case. */
  keys: readonly string[];
  /** The view holds something of this tool, which it must show also while its drawer is closed. */
  awake(): boolean;
  load(): Promise<OpenTool>;
}

/** A tool that has been loaded. */
export interface OpenTool {
  element: HTMLElement;
  /** Its tab is opened; `key` is the one pressed for it, '' for none. */
  shown(key?: string): void;
  /** Its tab is left: work stops, and marks that are not part of the view go. */
  hidden(): void;
  /** The view is another one; called at most once a frame, and also while hidden. */
  update(): void;
  stats?(): Record<string, unknown>;
  /** Nothing is being computed or waited for; left out by tools that never compute. */
  readonly settled?: boolean;
}

/** Where a panel stands on the clock that all panels share. Unix seconds. */
export interface Timeline {
  /** First and last time of its data; null while not known. */
  span(): readonly number[] | null;
  /** Another panel is at this time. */
  show(time: number): void;
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
  /** What the drawer offers. */
  tools: readonly Tool[];
  /** The tool that is open at first; '' for none. */
  firstTool: string;
  /** What the rail shows; asked for when the view has changed. */
  tree(): Promise<Branch[]>;
  /** Null where the data have no clock. */
  timeline: Timeline | null;
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
