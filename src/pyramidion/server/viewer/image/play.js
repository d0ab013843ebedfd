// @ts-check
/**
 * Plays an axis: the next one when it is time and the picture is whole, so that no frame is skipped.
 */
export class Player {
  playing = false;
  fps = matchMedia('(prefers-reduced-motion: reduce)').matches ? 1 : 10;

  #due = 0;
  #frame = 0;

  /** @param {() => boolean} whole @param {() => void} next @param {() => void} changed  Begun or stopped. */
  constructor(whole, next, changed) {
    this.whole = whole;
    this.next = next;
    this.changed = changed;
  }

  toggle() {
    if (this.playing) {
      this.stop();
      return;
    }
    this.playing = true;
    this.#due = performance.now() + 1000 / this.fps;
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
    this.changed();
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.#frame);
    this.changed();
  }

  /** @param {number} now */
  #tick(now) {
    if (now >= this.#due - 4 && this.whole()) {
      // What is late is not made up for: a slow server plays slower, and evenly.
      this.#due = Math.max(this.#due + 1000 / this.fps, now);
      this.next();
    }
    this.#frame = requestAnimationFrame((later) => this.#tick(later));
  }
}
