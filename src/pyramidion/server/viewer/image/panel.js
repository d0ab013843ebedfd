// @ts-check
import { showRows } from '../frame/controls.js';
import { setText } from '../frame/dom.js';
import { Late } from '../frame/late.js';
import { imageActions } from './actions.js';
import { buildView } from './build.js';
import { COLORMAPS } from './colormaps.js';
import { Contrast } from './contrast.js';
import { listenPicture } from './gestures.js';
import { areaOf, makeFrame, PLANES, positionAt } from './geometry.js';
import { Look } from './look.js';
import { Measuring } from './measuring.js';
import { Overlay } from './overlay.js';
import { Pane } from './pane.js';
import { Place } from './place.js';
import { Planning } from './planning.js';
import { Player } from './play.js';
import { Readout } from './readout.js';
import { buildSliders } from './sliders.js';
import { levelText, sizeText } from './texts.js';
import { TileStore } from './tiles.js';
import { imageTools } from './tools.js';

/**
 * @typedef {import('./dataset.js').ImageDataset} ImageDataset
 * @typedef {import('./channels.js').Channel} Channel
 * @typedef {import('./gestures.js').Spot} Spot
 */

/** Draws an image, a volume or a movie, and lets a person move through it. */
export class ImagePanel {
  drawMs = 0;
  measuring;
  /** What a recording adds that is being made. @type {{show: () => void} | null} */ growth = null;
  /** When the frames of a recording were taken; null where nobody wrote it down. @type {Late<import('./recorded.js').Recorded> | null} */ clock = null;
  /** What stands beside the pictures. @type {Set<import('./types.js').Watcher>} */ watchers = new Set();

  #frame = 0;
  #laidOut = '';

  /** @param {ImageDataset} dataset @param {import('../frame/types.js').Page} page */
  constructor(dataset, { scheduler, host, store, group }) {
    this.dataset = dataset;
    this.scheduler = scheduler;
    this.host = host;
    this.source = { url: store.where(''), version: group.version };
    this.look = new Look(dataset.channels, dataset.dtype);
    this.tiles = new TileStore(dataset, scheduler, this.look);
    this.place = new Place(dataset, () => this.changed());
    this.planning = new Planning(this);
    this.measuring = new Measuring(dataset, scheduler.interest(), () => this.#arrived());
    this.panes = [PLANES.xy, PLANES.yz, PLANES.xz].map((plane) => new Pane(plane, this.tiles, () => this.#resized()));
    this.player = new Player(() => this.complete, () => this.#playNext(), () => this.requestDraw());
    /** What fills the table of numbers. */
    this.numbers = new Late(() => import('./values.js'), () => this.requestDraw());
    this.actions = imageActions(this);
    this.sliders = buildSliders(this);
    this.overlay = new Overlay(this);
    this.contrast = new Contrast(this);
    this.tools = imageTools(this);
    this.readout = new Readout(this);
    this.view = buildView(this);
    this.showSize();
    this.element = this.view.element;
    this.probe = scheduler.interest();
    scheduler.listen(() => this.#arrived());
    this.gestures = this.panes.map((pane) => this.#listen(pane));
  }

  /** The pane that keys act on and values are taken from. */
  get pane() {
    const first = this.place.planes[0];
    return /** @type {Pane} */ (this.panes.find(({ plane }) => plane === first));
  }

  get shownPanes() {
    const planes = this.place.planes;
    return this.panes.filter(({ plane }) => planes.includes(plane));
  }

  /** The pane that something is measured in. */
  get measured() {
    return this.shownPanes.find(({ plane }) => plane === this.measuring.measure?.plane);
  }

  /** Everything on the screen is drawn from its level. */
  get complete() {
    return this.shownPanes.every(({ complete }) => complete);
  }

  /** Nothing is planned, and no frame is due. */
  get settled() {
    const coming = [this.numbers, this.measuring.tools, this.overlay.marks, this.overlay.late, this.clock].some((module) => module?.coming);
    return this.#frame === 0 && !coming && !this.clock?.here?.busy && this.planning.settled && this.shownPanes.every(({ ready }) => ready);
  }

  showSize() {
    setText(this.view.size, `${sizeText(this.dataset)} · ${this.dataset.dtype}`);
  }

  /** The view or the look is another one. */
  changed() {
    this.scheduler.beginStep();
    this.planning.moved();
    this.requestDraw();
    this.host.changed();
  }

  /** @param {number} factor   Above 1 shows more. */
  zoom(factor) {
    const { pane, spot } = this.readout.pointer ?? { pane: this.pane, spot: null };
    this.#zoomAt(pane, factor, spot ?? { x: pane.canvas.clientWidth / 2, y: pane.canvas.clientHeight / 2 });
  }

  /** @param {Pane} pane @param {number} factor @param {Spot} spot   Stays where it is. */
  #zoomAt(pane, factor, spot) {
    const { clientWidth, clientHeight } = pane.canvas;
    Object.assign(this.planning.motion, { dx: 0, dy: 0, towards: factor < 1 ? { x: spot.x / clientWidth, y: spot.y / clientHeight } : null });
    this.place.zoomAt(pane.plane, factor, this.#off(pane, spot));
  }

  /** @param {'x' | 'y' | 'z' | 't'} axis @param {number} by */
  step(axis, by) {
    this.planning.motion = { axis, by: Math.sign(by), dx: 0, dy: 0, towards: null };
    this.goTo(axis, (axis === 't' ? this.place.t : this.place.point[axis]) + by);
  }

  /** Somebody moves through slices or time; who looks at the same time elsewhere follows. @param {'x' | 'y' | 'z' | 't'} axis @param {number} number */
  goTo(axis, number) {
    this.place.setSlice({ [axis]: number });
    if (axis === 't') void this.clock?.come().then((clock) => clock?.tell());
  }

  nextLayout() {
    const names = ['xy', 'xz', 'yz', 'ortho'];
    this.place.setLayout(names[(names.indexOf(this.place.layout) + 1) % 4]);
  }

  /** @param {number} index @param {Partial<Pick<Channel, 'color' | 'visible' | 'range'>>} change */
  setChannel(index, change) {
    this.look.set(index, change);
    this.changed();
  }

  /** @param {number} index */
  toggleChannel(index) {
    this.setChannel(index, { visible: !this.look.channels[index].visible });
  }

  /** Show the range of a channel. @param {number} index */
  choose(index) {
    this.look.choose(index);
    this.changed();
  }

  /** What is seen of a channel, in all planes. @param {number} channel */
  patches(channel) {
    return this.shownPanes.flatMap((pane) => pane.patches(channel).patches);
  }

  /** @param {string} map */
  setMap(map) {
    this.look.setMap(map);
    this.changed();
  }

  nextMap() {
    const names = ['own', ...COLORMAPS.map(({ id }) => id)].filter((name) => name !== 'own' || this.look.channels.length > 1 || this.look.channels[0].own);
    this.setMap(names[(names.indexOf(this.look.map) + 1) % names.length]);
  }

  /** @param {'line' | 'box'} kind   What the next drag measures; once more for nothing. */
  measureWith(kind) {
    this.measuring.begin(kind);
    this.element.classList.toggle('measuring', this.measuring.mode !== null);
    if (this.measuring.mode) this.host.say(kind === 'line' ? 'Drag a line to measure a distance' : 'Drag a rectangle, or press Enter to measure what is seen');
  }

  measureView() {
    const { pane } = this;
    if (this.measuring.mode === null || !pane.frame) return;
    const { h0, h1, v0, v1 } = areaOf(pane.frame);
    this.#measured(pane, { h: h0, v: v0 }, { h: h1, v: v1 }, true);
  }

  /** Let go of everything. */
  cancel() {
    this.player.stop();
    for (const gesture of this.gestures) gesture.cancel();
    this.measuring.forget();
    this.overlay.rubber = null;
    this.element.classList.remove('measuring');
    this.requestDraw();
  }

  /** @param {boolean} marks */
  async save(marks) {
    this.draw();
    const { t, point } = this.place;
    const { volume, shape } = this.dataset;
    const slice = `${volume ? `-${this.place.across}${point[this.place.across]}` : ''}${shape.t > 1 ? `-t${t}` : ''}`;
    const { savePicture } = await import('./save.js');
    await savePicture(this.shownPanes, this.dataset.name.replace(/\.zarr$/, '') + slice, marks);
  }

  async elsewhere() {
    const { openElsewhere } = await import('./elsewhere.js');
    openElsewhere(this);
  }

  requestDraw() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  #playNext() {
    // What one stepped through last, else time, else slices.
    const axis = this.planning.motion.axis ?? (this.dataset.shape.t > 1 ? 't' : this.place.across);
    const now = axis === 't' ? this.place.t : this.place.point[axis];
    this.planning.motion = { axis, by: 1, dx: 0, dy: 0, towards: null };
    this.goTo(axis, (now + 1) % this.dataset.shape[axis]);
  }

  /** @param {Pane} pane */
  #listen(pane) {
    const { plane, canvas } = pane;
    const at = (/** @type {Spot} */ spot) => this.positionAt(pane, spot);
    return listenPicture(canvas, {
      zoom: (factor, spot) => this.#zoomAt(pane, factor, spot),
      pan: (dx, dy) => {
        this.planning.motion = { axis: null, by: 1, dx, dy, towards: null };
        this.place.drag(plane, dx, dy);
      },
      hover: (spot) => {
        this.readout.pointer = spot && { pane, spot };
        this.readout.show();
      },
      click: (spot) => this.place.layout === 'ortho' && this.place.setSlice({ [plane.h]: Math.floor(at(spot).h), [plane.v]: Math.floor(at(spot).v) }),
      marks: (shift) => shift || this.measuring.mode !== null,
      mark: (from, to, done, shift) => {
        if (this.measuring.mode) this.#measured(pane, at(from), at(to), done);
        else if (shift) this.#zoomTo(pane, from, to, done);
      },
    });
  }

  /** @param {Pane} pane @param {Spot} spot @returns {{x: number, y: number}} CSS pixels from the middle. */
  #off({ canvas }, { x, y }) {
    return { x: x - canvas.clientWidth / 2, y: y - canvas.clientHeight / 2 };
  }

  /** @param {Pane} pane @param {Spot} spot */
  positionAt({ frame, surface }, { x, y }) {
    return frame ? positionAt(frame, x * surface.scale, y * surface.scale) : { h: 0, v: 0 };
  }

  /** @param {Pane} pane @param {{h: number, v: number}} from @param {{h: number, v: number}} to @param {boolean} done */
  #measured(pane, from, to, done) {
    if (this.measuring.mode) this.measuring.set(this.measuring.mode, pane, from, to);
    if (done) this.measuring.mode = null;
    this.planning.due();
    this.element.classList.toggle('measuring', !done);
    this.requestDraw();
  }

  /** @param {Pane} pane @param {Spot} from @param {Spot} to   Corners of what shall fill the pane. @param {boolean} done */
  #zoomTo(pane, from, to, done) {
    this.overlay.rubber = done ? null : { kind: 'box', plane: pane.plane, from: this.positionAt(pane, from), to: this.positionAt(pane, to) };
    this.requestDraw();
    if (!done) return;
    this.place.show(pane.plane, this.positionAt(pane, from), this.positionAt(pane, to), pane.canvas);
  }

  #resized() {
    this.#layOut();
    this.planning.due();
    // At once, since a canvas of a new size is empty; but not as often as there are canvases.
    if (this.shownPanes.every(({ aligned }) => aligned)) this.draw();
    else this.requestDraw();
  }

  #arrived() {
    this.planning.due();
    this.requestDraw();
  }

  /** Fit the picture to the window, when the window or the planes have changed. */
  #layOut() {
    const { layout } = this.place;
    const sizes = this.shownPanes.map(({ plane, canvas }) => ({ plane, width: canvas.clientWidth, height: canvas.clientHeight }));
    const now = `${layout} ${sizes.map(({ width, height }) => `${width}x${height}`).join(' ')}`;
    if (now === this.#laidOut || sizes.some(({ width, height }) => width * height === 0)) return;
    this.#laidOut = now;
    this.place.measure(sizes);
  }

  /** Which panes there are is the layout's affair; style does the rest. */
  #showPanes() {
    const { layout } = this.place;
    if (this.view.panes.dataset.layout === layout) return;
    this.view.panes.dataset.layout = layout;
    for (const pane of this.panes) pane.element.hidden = !this.shownPanes.includes(pane);
    this.readout.element.hidden = layout !== 'ortho';
    for (const button of this.view.layouts.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.dataset.layout === layout));
    this.#layOut();
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#showPanes();
    const shown = this.shownPanes;
    if (!shown.every(({ ready }) => ready)) return;
    const start = performance.now();
    const { place, dataset } = this;
    for (const pane of shown) {
      const { width, height, scale } = pane.surface;
      pane.aim(makeFrame(pane.plane, width, height, place.centre, place.zoom * scale, dataset.aspect), place.slice);
    }
    this.planning.run(shown);
    if (this.look.pending) this.contrast.sampleMissing();
    let more = false;
    if (!this.look.pending) for (const pane of shown) more = pane.draw(place.slice) || more;
    this.contrast.follow();
    if (this.measured) this.measuring.evaluate(this.measured);
    this.overlay.draw(shown);
    this.#describe();
    this.drawMs = performance.now() - start;
    if (more) this.requestDraw();
    this.host.drawn();
  }

  /** Words and numbers for what the canvases show. */
  #describe() {
    const { view, dataset } = this;
    const numbers = this.numbers.get();
    if (numbers) showRows(view.values, numbers.valueRows(this));
    for (const { canvas, plane } of this.shownPanes) canvas.setAttribute('aria-label', `${plane.name} picture of ${dataset.name}; numbers in the table below`);
    const hidden = this.look.visible.length === 0;
    view.note.hidden = !hidden && !this.pane.tooMuch;
    if (hidden) setText(view.note, 'All channels are hidden');
    else if (this.pane.tooMuch) setText(view.note, 'This image has no coarser levels, and all of it at once is too much: zoom in to see the rest.');
    this.sliders.update();
    this.growth?.show();
    this.clock?.get()?.describe();
    for (const watcher of this.watchers) watcher.later();
    this.readout.show();
  }

  /** @returns {string} What the picture is drawn from. */
  levelText() {
    const { level, partial, tooMuch } = this.pane;
    return levelText(this.dataset, level, { loading: this.scheduler.busy && !this.complete, partial, tooMuch });
  }

  /** @returns {string} The view in words, for screen readers. */
  spoken() {
    const { place, dataset } = this;
    const slice = dataset.volume ? `, ${place.across} ${place.point[place.across]}` : '';
    return `${place.layout}${slice}${dataset.shape.t > 1 ? `, time ${place.t}` : ''}, ${[this.levelText(), ...this.measuring.lines].join(', ')}`;
  }
}
