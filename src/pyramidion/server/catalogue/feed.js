// @ts-check
import { naturalKey, searchText } from './choose.js';

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {'waveform' | 'image' | 'live'} kind
 * @property {string} viewer     Address of the viewer with it.
 * @property {string} thumbnail  Address of its small picture, or ''.
 * @property {string[]} facts
 * @property {string} size
 * @property {number} bytes      As `size` says.
 * @property {number | null} changed  Seconds of Unix time.
 * @property {'' | 'recording' | 'unfinished'} state
 * @property {string} badge
 * @property {string} folder     '' at the top.
 * @property {string} text       What is searched.
 * @property {string} key        What is sorted by.
 */

const SOON_MS = 250;
const LATER_MS = 3000;
const AFTER_FAULT_MS = 5000;
const FIRST = 200;

/** The datasets as the server knows them, kept up to date. */
export class Feed {
  /** @param {() => void} changed */
  constructor(changed) {
    /** @type {Map<string, Entry>} */ this.entries = new Map();
    /** @type {Entry | null} */ this.live = null;
    this.note = '';
    /** More may be found. */ this.looking = true;
    /** The list is not what the page came with any more. */ this.begun = false;
    this.fault = '';
    this.cursor = '';
    this.changed = changed;
  }

  /** Ask for ever; not while nobody sees the page. */
  async run() {
    for (;;) {
      const pause = await this.ask();
      if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
      if (document.hidden) await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
    }
  }

  /** @returns {Promise<number>} How long to wait before the next question, in ms. */
  async ask() {
    /** @type {any} */ let answer;
    try {
      const limit = this.cursor ? '' : `&limit=${FIRST}`;
      const response = await fetch(`/api/datasets?after=${encodeURIComponent(this.cursor)}${limit}`, { headers: { Accept: 'application/json' } });
      if (!response.ok) throw new Error(`status ${response.status}`);
      answer = await response.json();
    } catch (error) {
      this.say(error instanceof TypeError ? 'The server does not answer; trying again' : `The server does not tell its datasets (${error instanceof Error ? error.message : error}); trying again`);
      return AFTER_FAULT_MS;
    }
    this.take(answer);
    if (answer.more) return 0;
    return answer.busy ? SOON_MS : LATER_MS;
  }

  /** @param {any} answer */
  take(answer) {
    const before = `${this.note} ${this.looking} ${this.fault} ${JSON.stringify(this.live)}`;
    if (answer.all) this.entries.clear();
    for (const name of answer.gone) this.entries.delete(name);
    for (const one of answer.datasets) this.entries.set(one.name, asEntry(one));
    this.cursor = answer.cursor;
    this.note = String(answer.note ?? '');
    this.looking = answer.looking || answer.more;
    this.live = answer.live ? asCamera(answer.live) : null;
    this.fault = '';
    const isNews = !this.begun || answer.all || answer.gone.length || answer.datasets.length;
    this.begun = true;
    if (isNews || before !== `${this.note} ${this.looking} ${this.fault} ${JSON.stringify(this.live)}`) this.changed();
  }

  /** @param {string} fault */
  say(fault) {
    this.fault = fault;
    this.changed();
  }
}

const BADGES = { recording: 'recording', unfinished: 'not finished', '': '' };

/** @param {any} one  As the server sends it. @returns {Entry} */
function asEntry(one) {
  const kind = one.kind === 'waveform' ? 'waveform' : 'image';
  const state = /** @type {Entry['state']} */ (one.state in BADGES ? one.state : '');
  const facts = [kind === 'waveform' ? 'Waveform' : 'Image', ...one.facts];
  const badge = BADGES[state];
  return {
    name: one.name, kind, viewer: one.viewer, thumbnail: one.thumbnail, facts, size: one.size, bytes: one.bytes, changed: one.changed, state, badge,
    folder: one.name.includes('/') ? one.name.slice(0, one.name.lastIndexOf('/')) : '',
    text: searchText([one.name, ...facts, one.size, badge]),
    key: naturalKey(one.name),
  };
}

/** @param {any} one @returns {Entry} */
function asCamera(one) {
  const facts = [one.camera, `${one.shape[1]} × ${one.shape[0]} pixels`, one.dtype].filter(Boolean);
  return {
    name: one.name, kind: 'live', viewer: one.viewer, thumbnail: '', facts, size: '', bytes: 0, changed: null, state: 'recording', badge: String(one.state),
    folder: '', text: searchText([one.name, ...facts, one.state]), key: '',
  };
}
