// What a link says of a spectrum: short, nothing where all is as usual, and no word of it can do harm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './viewer.mjs';

const { readSettings, settingsText, USUAL } = await load('wave/tools/spectrumsettings.js');
const { WINDOWS } = await load('wave/windows.js');

test('what is usual needs no words', () => {
  assert.equal(settingsText(USUAL), '');
  assert.deepEqual(readSettings(''), { ...USUAL });
});

test('all settings come back as they were', () => {
  for (const { id: shape } of WINDOWS) {
    for (const kind of ['peak', 'rms', 'decibel', 'density']) {
      for (const log of [false, true]) {
        for (const centred of [false, true]) {
          for (const zoomed of [null, { from: 0, to: 1e-30 }, { from: 0.1 + 0.2, to: 1.7976931348623157e308 }]) {
            const settings = { shape, kind, log, centred, zoomed };
            assert.deepEqual(readSettings(settingsText(settings)), settings);
          }
        }
      }
    }
  }
  assert.equal(settingsText({ shape: 'flat-top', kind: 'rms', log: true, centred: false, zoomed: { from: 10, to: 2e21 } }), 'flat-top,rms,log,with-mean,10~2e+21');
});

test('what cannot be used is passed over', () => {
  const refused = ['flattop', 'dB', 'LOG', '1', '5~1', '-1~5', '1~', '~', 'x~2', '1~2~3', 'Infinity~1', '__proto__', '%', ' log'];
  for (const word of refused) {
    assert.deepEqual(readSettings(word), { ...USUAL }, word);
    assert.deepEqual(readSettings(`${word},peak`), { ...USUAL, kind: 'peak' }, word);
  }
});
