// @ts-check
/**
 * Files that a stretch is written to: CSV, and NumPy's .npz (a ZIP archive of stored .npy members). Pure bytes and text.
 *
 * Formats: NEP 1 (.npy 1.0) and PKWARE's APPNOTE 6.3 (ZIP, method 0, without ZIP64: members and archive stay below 4 GiB).
 *
 * @typedef {import('../decode/numbers.js').Numbers} Numbers
 *
 * @typedef {object} Member   One array of an .npz.
 * @property {string} name    Without `.npy`.
 * @property {Uint8Array[]} parts   The .npy file, header first.
 */

/** The shortest text that reads back as the same float64. @param {number} value @returns {string} */
export function numberText(value) {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** @param {readonly string[]} names @returns {string} The line with the names of the columns, quoted where they need it. */
export function csvNames(names) {
  return `${names.map((name) => (/[",\r\n]/.test(name) ? `"${oneLine(name).replaceAll('"', '""')}"` : name)).join(',')}\n`;
}

/** @param {readonly string[]} lines @returns {string} Lines that readers of CSV skip when told that `#` begins a comment. */
export function csvComments(lines) {
  return lines.map((line) => `# ${oneLine(line)}\n`).join('');
}

/**
 * @param {number} count   Rows.
 * @param {readonly ((row: number) => number | null)[]} columns   Null leaves a field empty.
 * @returns {string}
 */
export function csvRows(count, columns) {
  const lines = new Array(count);
  const fields = new Array(columns.length);
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < columns.length; c++) {
      const value = columns[c](row);
      fields[c] = value === null ? '' : numberText(value);
    }
    lines[row] = fields.join(',');
  }
  return lines.length ? `${lines.join('\n')}\n` : '';
}

/** @param {string} text @returns {string} Without anything that could end the line. */
function oneLine(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}

/** What NumPy calls the elements of a typed array. @param {Numbers | BigInt64Array} data @returns {string} */
function descr(data) {
  const kind = data instanceof Float32Array || data instanceof Float64Array ? 'f' : data.constructor.name.startsWith('U') ? 'u' : 'i';
  return `${data.BYTES_PER_ELEMENT === 1 ? '|' : '<'}${kind}${data.BYTES_PER_ELEMENT}`;
}

/**
 * The beginning of a .npy file, version 1.0; the elements follow, little-endian.
 *
 * @param {string} kind   As NumPy writes it: `<i2`. @param {readonly number[]} shape
 * @returns {Uint8Array}
 */
export function npyHeader(kind, shape) {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 0xff, length >> 8]);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}

/** @param {Numbers | BigInt64Array} data @returns {Uint8Array} Its bytes; typed arrays are little-endian on all machines browsers run on. */
function bytesOf(data) {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * @param {string} name @param {readonly Numbers[]} blocks   One after the other; all of one type. @returns {Member}
 */
export function arrayMember(name, blocks) {
  const count = blocks.reduce((sum, { length }) => sum + length, 0);
  return { name, parts: [npyHeader(descr(blocks[0]), [count]), ...blocks.map(bytesOf)] };
}

/** @param {string} name @param {number | bigint} value   A bigint is written as int64. @returns {Member} */
export function scalarMember(name, value) {
  const data = typeof value === 'bigint' ? BigInt64Array.of(value) : Float64Array.of(value);
  return { name, parts: [npyHeader(descr(data), []), bytesOf(data)] };
}

/** @param {string} name @param {string} text @returns {Member} A text, as an array without axes. */
export function textMember(name, text) {
  const points = Uint32Array.from([...text], (letter) => letter.codePointAt(0) ?? 0);
  const padded = points.length ? points : Uint32Array.of(0); // NumPy knows no text of no length here
  return { name, parts: [npyHeader(`<U${padded.length}`, []), bytesOf(padded)] };
}

const CRC_TABLES = crcTables();

/** Tables to look at four bytes at a time. @returns {Uint32Array[]} */
function crcTables() {
  const tables = Array.from({ length: 4 }, () => new Uint32Array(256));
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[0][i] = crc;
  }
  for (let k = 1; k < 4; k++) for (let i = 0; i < 256; i++) tables[k][i] = (tables[k - 1][i] >>> 8) ^ tables[0][tables[k - 1][i] & 0xff];
  return tables;
}

/**
 * CRC-32 as in ZIP (IEEE 802.3), to be continued over several parts.
 *
 * @param {Uint8Array} bytes @param {number} [before]   The checksum of what comes before.
 * @returns {number}
 */
export function crc32(bytes, before = 0) {
  const [t0, t1, t2, t3] = CRC_TABLES;
  let crc = ~before;
  let i = 0;
  for (const end = bytes.length - 3; i < end; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc = t3[crc & 0xff] ^ t2[(crc >>> 8) & 0xff] ^ t1[(crc >>> 16) & 0xff] ^ t0[crc >>> 24];
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}

const SLICE = 1 << 20; // bytes between two pauses
const DAY = 0x21; // 1980-01-01, the first one there is: the same stretch gives the same file

/**
 * An .npz archive, with a pause every megabyte.
 *
 * @param {readonly Member[]} members
 * @returns {Generator<number, Uint8Array[]>} Yields the share that is done. Its parts, in order.
 */
export function* npz(members) {
  const sizes = members.map(({ parts }) => parts.reduce((sum, { length }) => sum + length, 0));
  const total = sizes.reduce((a, b) => a + b, 0);
  /** @type {Uint8Array[]} */ const archive = [];
  /** @type {Uint8Array[]} */ const directory = [];
  let [offset, done] = [0, 0];
  for (const [k, { name, parts }] of members.entries()) {
    let crc = 0;
    for (const part of parts) {
      for (let at = 0; at < part.length; at += SLICE) {
        const piece = part.subarray(at, at + SLICE);
        crc = crc32(piece, crc);
        done += piece.length;
        yield done / total;
      }
    }
    const file = new TextEncoder().encode(`${name}.npy`);
    const local = [4, 0x04034b50, 2, 20, 2, 0, 2, 0, 2, 0, 2, DAY, 4, crc, 4, sizes[k], 4, sizes[k], 2, file.length, 2, 0];
    directory.push(fields([4, 0x02014b50, 2, 20, ...local.slice(2), 2, 0, 2, 0, 2, 0, 4, 0, 4, offset]), file);
    archive.push(fields(local), file, ...parts);
    offset += 30 + file.length + sizes[k];
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = fields([4, 0x06054b50, 2, 0, 2, 0, 2, members.length, 2, members.length, 4, length, 4, offset, 2, 0]);
  return [...archive, ...directory, end];
}

/** @param {readonly number[]} pairs   Width in bytes and value, one after the other. @returns {Uint8Array} Little-endian. */
function fields(pairs) {
  const view = new DataView(new ArrayBuffer(pairs.reduce((sum, width, i) => (i % 2 ? sum : sum + width), 0)));
  let at = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === 2) view.setUint16(at, pairs[i + 1], true);
    else view.setUint32(at, pairs[i + 1], true);
    at += pairs[i];
  }
  return new Uint8Array(view.buffer);
}

/**
 * A name that every file system takes, made of words.
 *
 * @param {readonly string[]} words @param {string} ending @returns {string}
 */
export function fileName(words, ending) {
  const safe = (/** @type {string} */ word) =>
    word.normalize('NFKD').replace(/\u2212/g, '-').replace(/[\u00b5\u03bc]/g, 'u').replace(/[^\w.+-]+/g, '-').replace(/^[-.]+(?=\D)|[-.]+$/g, '');
  const stem = words.map(safe).filter(Boolean).join('_').slice(0, 120).replace(/^[-.]+/, '');
  return `${stem || 'waveform'}.${ending}`;
}
