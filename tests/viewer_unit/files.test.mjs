// The files that a stretch is exported to: text that reads back, and archives that Python's own zip module reads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 as reference } from 'node:zlib';
import { load, random } from './viewer.mjs';

const { arrayMember, crc32, csvComments, csvNames, csvRows, fileName, npyHeader, npz, numberText, scalarMember, textMember } = await load('wave/files.js');

const archive = (members) => {
  const work = npz(members);
  for (;;) {
    const step = work.next();
    if (step.done) return Buffer.concat(step.value);
  }
};

test('numbers read back as they were', () => {
  const next = random(1);
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 20_000; i++) {
    view.setUint32(0, next() * 2 ** 32);
    view.setUint32(4, next() * 2 ** 32);
    const value = view.getFloat64(0);
    if (Number.isFinite(value)) assert.equal(Number(numberText(value)), value);
  }
  assert.deepEqual([NaN, Infinity, -Infinity, -0, 5e-324].map(numberText), ['nan', 'inf', '-inf', '-0', '5e-324']);
});

test('CSV: names are quoted, comments stay on their line, missing fields are empty', () => {
  assert.equal(csvNames(['time_s', 'value_V']), 'time_s,value_V\n');
  assert.equal(csvNames(['a"b', 'c,d', 'e\nf']), '"a""b","c,d","e f"\n');
  assert.equal(csvComments(['one\r\n2,3\u2028x', '=1+1']), '# one 2,3 x\n# =1+1\n');
  assert.equal(csvRows(2, [(i) => i / 2, (i) => (i ? null : 1e-9)]), '0,1e-9\n0.5,\n');
  assert.equal(csvRows(0, [(i) => i]), '');
});

test('the checksum is that of zlib, whole and in parts', (context) => {
  const check = reference ?? null;
  assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  assert.equal(crc32(new Uint8Array(0)), 0);
  const next = random(2);
  const bytes = Uint8Array.from({ length: 5001 }, () => next() * 256);
  for (const cut of [0, 1, 2, 3, 4, 5, 1000, 5001]) {
    assert.equal(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), crc32(bytes));
  }
  if (check) assert.equal(crc32(bytes), check(bytes));
  else context.diagnostic('this Node has no zlib.crc32');
});

test('.npy headers begin the elements at a multiple of 64 bytes', () => {
  for (const shape of [[], [1], [123_456_789], [2, 3]]) {
    const header = Buffer.from(npyHeader('<i2', shape));
    assert.equal(header.length % 64, 0);
    assert.equal(header.readUInt16LE(8) + 10, header.length);
    assert.equal(header.at(-1), 10);
  }
  assert.match(Buffer.from(npyHeader('|u1', [4])).toString('latin1'), /'descr': '\|u1', 'fortran_order': False, 'shape': \(4,\), \} *\n$/);
});

test('NumPy reads the archive', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'npz-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'x.npz');
  const kinds = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];
  writeFileSync(path, archive([
    ...kinds.map((kind) => arrayMember(`of_${kind.name}`, [kind.of(1, 2), kind.of(), kind.of(100)])),
    arrayMember('part', [new Int16Array([9, 1, -2, 9]).subarray(1, 3)]),
    scalarMember('third', 1 / 3), scalarMember('count', 2n ** 53n + 1n), textMember('about', 'µ😀\nline'), textMember('nothing', ''),
  ]));
  const script = `
import json, sys, zipfile, numpy as np
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
with np.load(sys.argv[1], allow_pickle=False) as z:
    print(json.dumps({k: [z[k].dtype.str, list(z[k].shape), z[k].tolist()] for k in z}))`;
  let said;
  try {
    said = JSON.parse(execFileSync(process.env.PYTHON ?? 'python3', ['-c', script, path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }));
  } catch (error) {
    if (/ModuleNotFoundError/.test(error.stderr ?? '') || error.code === 'ENOENT') return context.skip('no NumPy here');
    throw error;
  }
  const names = ['|i1', '|u1', '<i2', '<u2', '<i4', '<u4', '<f4', '<f8'];
  kinds.forEach((kind, i) => assert.deepEqual(said[`of_${kind.name}`], [names[i], [3], [1, 2, 100]]));
  assert.deepEqual(said.part, ['<i2', [2], [1, -2]]);
  assert.deepEqual(said.third, ['<f8', [], 1 / 3]);
  assert.equal(said.count[0], '<i8');
  assert.deepEqual([said.about[2], said.nothing[2]], ['µ😀\nline', '']);
});

test('file names hold nothing that a file system or a shell reads otherwise', () => {
  assert.equal(fileName(['w.zarr', 'ch0', '\u22121.5us_3ms'], 'csv'), 'w.zarr_ch0_-1.5us_3ms.csv');
  assert.equal(fileName(['../../etc', 'a b<c>"|?*'], 'npz'), 'etc_a-b-c.npz');
  assert.equal(fileName(['1.5 µs'], 'png'), '1.5-us.png');
  assert.equal(fileName(['日本'], 'png'), 'waveform.png');
  assert.ok(fileName(['x'.repeat(500)], 'csv').length < 130);
});
