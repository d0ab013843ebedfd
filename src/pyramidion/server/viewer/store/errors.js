// @ts-check
/**
 * One kind of error for everything a person can do something about: where it happened, what is wrong, what helps.
 */
export class ViewerError extends Error {
  /**
   * @param {string} where  Address, array or chunk, as the person knows it.
   * @param {string} what   What is wrong, in plain words.
   * @param {string} mend   What to do about it.
   * @param {string} kind   A stable word for programs: `missing`, `range`, `network`, `status`, `codec`, `damaged`, ...
   */
  constructor(where, what, mend, kind) {
    super(`${where}: ${what}. ${mend}`);
    this.name = 'ViewerError';
    this.where = where;
    this.what = what;
    this.mend = mend;
    this.kind = kind;
  }

  /** @returns {PlainError} The parts of the error, for a message to another thread. */
  toPlain() {
    return { where: this.where, what: this.what, mend: this.mend, kind: this.kind };
  }

  /** @param {PlainError} plain */
  static fromPlain(plain) {
    return new ViewerError(plain.where, plain.what, plain.mend, plain.kind);
  }
}

/** @typedef {{where: string, what: string, mend: string, kind: string}} PlainError */

/**
 * Any thrown thing as a ViewerError; a fault of the viewer itself is called that.
 *
 * @param {unknown} error
 * @param {string} where
 * @returns {ViewerError}
 */
export function asViewerError(error, where) {
  if (error instanceof ViewerError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new ViewerError(where, `unexpected fault in the viewer (${text})`, 'Reload the page, and report it if it stays', 'internal');
}

/** @param {string} where @param {string} what @returns {ViewerError} */
export function damaged(where, what) {
  return new ViewerError(where, what, 'The rest can still be viewed; `pyramidion verify` lists what is damaged', 'damaged');
}
