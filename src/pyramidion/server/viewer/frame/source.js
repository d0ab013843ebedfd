// @ts-check
import { ViewerError } from '../store/errors.js';

/**
 * The address of a store from what a person or a link gives: a full address, a path relative to this page, or s3://.
 *
 * @param {string} text
 * @param {string} page   Address of this page.
 * @returns {URL}
 */
export function sourceUrl(text, page) {
  const trimmed = text.trim();
  const bucket = /^s3:\/\/([^/]+)\/(.+)$/.exec(trimmed);
  const spelled = bucket ? `https://${bucket[1]}.s3.amazonaws.com/${bucket[2]}` : trimmed;
  /** @type {URL} */ let url;
  try {
    url = new URL(spelled, page);
  } catch {
    throw notAddress(trimmed);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw notAddress(trimmed);
  return url;
}

/** @param {string} text @returns {ViewerError} */
function notAddress(text) {
  return new ViewerError(
    text.slice(0, 80) || '(nothing)', 'this is no address the browser can read',
    'Give http://, https:// or s3://, or a path on this server', 'address',
  );
}
