// @ts-check
import { readChannels } from '../image/channels.js';
import { COLORMAPS } from '../image/colormaps.js';
import { makeFrame, PLANES, positionAt } from '../image/geometry.js';
import { listenPicture } from '../image/gestures.js';
import { Look } from '../image/look.js';
import { Place } from '../image/place.js';
import { liveActions } from './actions.js';
import { askFor, inside, regionBetween, sameAsk, sameRegion } from './asking.js';
import { buildView } from './build.js';
import { LiveClock } from './clock.js';
import { LiveContrast } from './contrast.js';
import { Easel } from './drawing.js';
import { Feed } from './feed.js';
import { Camera } from './fetching.js';
import { Frozen } from './frozen.js';
import { LivePane } from './pane.js';
import { News } from './news.js';
import { Sensor } from './sensor.js';
import { Strip } from './strip.js';
import { levelText, pointedText } from './texts.js';
import { liveTools } from './tools.js';
import { RegionValues } from './values.js';
import { standing } from './words.js';

/**
 * @typedef {import('./types.js').Ask} Ask
 * @typedef {import('./types.js').Picture} Picture
 * @typedef {import('./types.js').Region} Region
 * @typedef {import('../image/gestures.js').Spot} Spot
 */

const CALM = 250; // ms between two updates of words and numbers
const NEWS = 1000; // ms between two questions about camera and recording

/** Shows what a camera sees now. */
export class LivePanel {
  /** What is drawn. @type {Picture | null} */ picture = null;
  /** The newest whole picture: it fills what has not come yet while the view moves. @type {Picture | null} */ overview = null;
  /** The part of the sensor that is watched. @type {Region | null} */ region = null;
  /** Only the region is fetched and shown, at full resolution. */
  only = false;
  /** Of new frames drawn so far, of the last drawing in ms, and from taking a frame to drawing it in ms. */
  drawn = { frames: 0, drawMs: 0, latencyMs: 0 };
  /** Whether the next drag draws the region, and the rectangle that is dragged. @type {{active: boolean, rubber: {from: {h: number, v: number}, to: {h: number, v: number}} | null}} */
  marking = { active: false, rubber: null };
  /** Called when the sensor is known, until when a link has to wait. @type {(() => void) | null} */ whenKnown = null;

  /** What stands beside the picture. @type {Set<import('../image/types.js').Watcher>} */ watchers = new Set();

  #frame = 0;
  /** What is drawn is not what should be. */ #due = false;
  #laidOut = '';
  /** @type {Spot | null} */ #pointer = null;

  /** @param {URL} base @param {string} link   The same as links write it. @param {import('./types.js').LivePage} page */
  constructor(base, link, { host, traffic }) {
    this.host = host;
    this.link = link;
    this.camera = new Camera(base, traffic);
    this.sensor = new Sensor();
    this.look = new Look(readChannels(null, 1, 'uint16'), 'uint16');
    this.place = new Place(this.sensor, () => this.changed());
    this.contrast = new LiveContrast(this);
    this.feed = new Feed(this.camera, () => this.#restart());
    this.news = new News(this.camera, NEWS, (roundTrip) => this.#heard(roundTrip));
    this.frozen = new Frozen(this.camera, () => this.requestDraw());
    this.values = new RegionValues(this.camera, () => this.requestDraw());
    this.easel = new Easel();
    this.pane = new LivePane(this, () => this.#resized());
    this.clock = new LiveClock(this);
    this.actions = liveActions(this);
    this.tools = liveTools(this);
    this.strip = new Strip(this);
    this.view = buildView(this);
    this.element = this.view.element;
    this.gestures = this.#listen();
  }

  start() {
    this.news.start();
    setInterval(() => this.#refresh(), CALM);
    this.requestDraw();
    this.#refresh();
  }

  /** What the view needs. @returns {Ask} */
  get ask() {
    if (this.only && this.region) return { region: this.region, scale: 1 };
    return this.pane.frame && this.sensor.known ? askFor(this.pane.frame, this.sensor.shape) : { region: null, scale: 8 };
  }

  /** Seconds since the frame that is shown was taken. */
  get age() {
    return this.picture ? this.news.age(this.picture.time) : Infinity;
  }

  /** How camera, recording and page stand. */
  get standing() {
    const trouble = this.feed.trouble ?? (this.frozen.active ? this.news.trouble : null);
    const retryIn = (this.feed.retryAt - performance.now()) / 1000;
    return standing(this.news.info, { seen: this.picture !== null, age: this.age, trouble, retryIn });
  }

  /** What is asked for is shown, or cannot be. */
  get settled() {
    const { frozen, feed } = this;
    if (this.pane.pen.coming) return false;
    if (frozen.active) return !frozen.coming && this.#frame === 0 && (this.values.result !== null || !this.region);
    return feed.trouble !== null || (this.picture !== null && this.#shows(this.picture) && (!this.region || this.values.result !== null));
  }

  /** The view or the look is another one. */
  changed() {
    this.requestDraw();
    this.host.changed();
  }

  /** @param {number} factor   Above 1 shows more. */
  zoom(factor) {
    this.place.zoomAt(PLANES.xy, factor, this.#pointer ? this.#off(this.#pointer) : { x: 0, y: 0 });
  }

  /** @param {number} _index @param {{range?: [number, number] | null}} change */
  setChannel(_index, change) {
    if (change.range) this.contrast.following = false;
    this.look.set(0, change);
    this.changed();
  }

  /** @param {string} map */
  setMap(map) {
    this.look.setMap(map);
    this.changed();
  }

  nextMap() {
    const names = COLORMAPS.map(({ id }) => id);
    this.setMap(names[(names.indexOf(this.look.map) + 1) % names.length]);
  }

  /** Hold the picture, or go on. */
  freeze() {
    if (this.frozen.active) {
      this.frozen.release();
      this.feed.retry();
    } else if (this.picture) {
      this.feed.stop();
      void this.#hold(this.picture);
    }
    this.view.freeze.show(this.frozen.active);
    this.requestDraw();
    this.#refresh();
  }

  /** @param {Picture} picture */
  async #hold(picture) {
    await this.frozen.hold(picture);
    if (!this.frozen.active) return;
    this.draw(performance.now()); // now it is what is held
    this.clock.frozen();
  }

  /** The numbers that are seen. */
  patches() {
    return this.pane.patches();
  }

  /** The next drag draws the region; once more for not. */
  markRegion() {
    this.marking.active = !this.marking.active;
    this.element.classList.toggle('measuring', this.marking.active);
    if (this.marking.active) this.host.say('Drag a rectangle: its values are shown beside the picture');
  }

  /** @param {Region | null} region */
  setRegion(region) {
    const next = region && inside(region, this.sensor.shape);
    if (sameRegion(next, this.region)) return;
    this.region = next;
    if (!next) this.only = false;
    this.values.forget();
    this.changed();
  }

  /** @param {boolean} only   Show only the region, at full resolution. */
  watchOnly(only) {
    if (only && !this.region) {
      this.host.say('Draw a region first (R)');
      return;
    }
    this.only = only;
    if (only && this.region) this.showRegion(this.region);
    else this.place.fit();
  }

  /** Show the whole sensor. */
  showAll() {
    this.only = false;
    this.place.fit();
  }

  /** @param {Region} region   That shall fill the window. */
  showRegion({ x, y, width, height }) {
    this.place.show(PLANES.xy, { h: x, v: y }, { h: x + width, v: y + height }, this.pane.canvas);
  }

  /** Let go of everything. */
  cancel() {
    this.gestures.cancel();
    if (this.marking.active) this.markRegion();
    else this.setRegion(null);
    this.marking.rubber = null;
    this.requestDraw();
  }

  /** Leave for the recording that is being made. */
  openRecording() {
    if (this.strip.recording) location.assign(this.strip.recording);
    else this.host.say('Nothing is being recorded');
  }

  /** @param {boolean} marks */
  async save(marks) {
    this.draw(performance.now());
    const { savePicture } = await import('../image/save.js');
    await savePicture([this.pane], `frame-${this.picture?.number ?? 0}`, marks);
  }

  requestDraw() {
    this.#due = true;
    this.#next();
  }

  #next() {
    this.#frame ||= requestAnimationFrame((now) => this.#step(now));
  }

  /** With each frame of the screen. @param {number} now */
  #step(now) {
    this.#frame = 0;
    if (!this.frozen.active) this.#advance(now);
    if (this.#due) this.draw(now);
    if (!this.frozen.active) this.#next();
  }

  /** Take what has come, and ask for what is next. @param {number} now */
  #advance(now) {
    const picture = this.feed.take();
    if (picture) this.#take(picture);
    if (this.pane.ready) this.feed.step(now, this.ask);
  }

  /** @param {Picture} picture */
  #take(picture) {
    if (picture.number !== this.picture?.number) this.drawn.frames += 1;
    if (!this.sensor.known) this.#know(picture.height * picture.scale, picture.width * picture.scale, picture.dtype);
    const before = [this.picture, this.overview];
    this.picture = picture;
    this.#due = true;
    if (!picture.ask.region) this.overview = picture;
    this.clock.advance(performance.now());
    for (const old of new Set(before)) if (old && old !== this.overview && old !== picture) this.camera.recycle(old);
  }

  /** @param {number} roundTrip */
  #heard(roundTrip) {
    const { info } = this.news;
    if (Number.isFinite(roundTrip)) this.feed.roundTrip = roundTrip;
    this.feed.rate = Number(info.fps) || 0;
    const [height, width] = Array.isArray(info.shape) ? info.shape : [];
    if (height > 0 && width > 0 && typeof info.dtype === 'string') {
      this.sensor.measure(info.pixel_um);
      this.#know(height, width, info.dtype);
    }
    this.#refresh();
  }

  /** @param {number} height @param {number} width @param {string} dtype */
  #know(height, width, dtype) {
    if (!this.sensor.become(height, width, dtype)) return;
    const again = this.look.dtype !== dtype;
    this.look.dtype = dtype;
    this.look.set(0, again && this.contrast.following ? { range: null } : {});
    this.#laidOut = '';
    this.#resized();
    this.whenKnown?.();
    this.whenKnown = null;
  }

  /** Another run of the camera: what was there says nothing of it. */
  #restart() {
    this.overview = null;
    this.news.hurry();
  }

  /** @param {Picture} picture @returns {boolean} Whether it is what the view needs. */
  #shows(picture) {
    return sameAsk(picture.ask, this.ask);
  }

  /** @param {number} now */
  draw(now) {
    const { pane, place, sensor, frozen, contrast } = this;
    if (!pane.ready || !sensor.known) return;
    this.#due = false;
    const start = performance.now();
    const { width, height, scale } = pane.surface;
    pane.frame = makeFrame(PLANES.xy, width, height, place.centre, place.zoom * scale, sensor.aspect);
    if (frozen.active) this.picture = frozen.at(this.ask.scale);
    contrast.follow(now, frozen.active);
    pane.draw(this.easel);
    this.values.step(now, this.region, frozen.active ? frozen.picture : this.picture, !frozen.active || !frozen.whole);
    if (!this.picture) return;
    this.strip.showNumber(this.picture.number);
    this.host.pointed(this.#pointed());
    this.drawn.drawMs = performance.now() - start;
    this.drawn.latencyMs = 1000 * this.age;
  }

  /** Words, numbers and the histogram. */
  #refresh() {
    for (const watcher of this.watchers) watcher.later();
    this.strip.show();
    this.view.show();
    if (this.frozen.active && this.region && !this.values.result) this.requestDraw();
    this.host.drawn();
  }

  /** @returns {string} '' where there is nothing under the pointer. */
  #pointed() {
    if (!this.#pointer || !this.picture) return '';
    return pointedText(this.sensor, this.picture, this.positionAt(this.#pointer));
  }

  /** @param {Spot} spot @returns {{x: number, y: number}} CSS pixels from the middle. */
  #off({ x, y }) {
    const { clientWidth, clientHeight } = this.pane.canvas;
    return { x: x - clientWidth / 2, y: y - clientHeight / 2 };
  }

  /** @param {Spot} spot */
  positionAt({ x, y }) {
    const { frame, surface } = this.pane;
    return frame ? positionAt(frame, x * surface.scale, y * surface.scale) : { h: 0, v: 0 };
  }

  #listen() {
    return listenPicture(this.pane.canvas, {
      zoom: (factor, spot) => this.place.zoomAt(PLANES.xy, factor, this.#off(spot)),
      pan: (dx, dy) => this.place.drag(PLANES.xy, dx, dy),
      hover: (spot) => {
        this.#pointer = spot;
        this.host.pointed(this.#pointed());
      },
      click: () => {},
      marks: (shift) => shift || this.marking.active,
      mark: (from, to, done) => this.#mark(this.positionAt(from), this.positionAt(to), done),
    });
  }

  /** @param {{h: number, v: number}} from @param {{h: number, v: number}} to @param {boolean} done */
  #mark(from, to, done) {
    const region = regionBetween(from, to, this.sensor.shape);
    this.marking.rubber = done ? null : { from, to };
    if (done && region && this.marking.active) {
      this.markRegion();
      this.setRegion(region);
    } else if (done && region) {
      this.place.show(PLANES.xy, from, to, this.pane.canvas);
    }
    this.requestDraw();
  }

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.pane.canvas;
    const now = `${width}x${height}`;
    if (width * height > 0 && this.sensor.known && now !== this.#laidOut) {
      this.#laidOut = now;
      this.place.measure([{ plane: PLANES.xy, width, height }]);
    }
    if (this.pane.aligned) this.draw(performance.now());
    this.requestDraw();
  }

  /** @returns {string} What the picture is drawn from. */
  levelText() {
    return levelText(this.picture, this.frozen);
  }

  /** @returns {string} How things stand, in words that change seldom. */
  spoken() {
    const { badge } = this.standing;
    const lost = Number(this.news.info.frames_lost);
    return `${this.frozen.active ? 'Frozen. ' : ''}${badge}${lost > 0 ? ', frames were lost' : ''}. ${this.levelText()}`;
  }
}
