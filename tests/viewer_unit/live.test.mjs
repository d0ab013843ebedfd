// What the live panel asks for, counts and says: everything that needs no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const { askFor, inside, regionBetween, requestsAtOnce, retryAfter, sameAsk } = await load('live/asking.js');
const { covers, shrink, statistics } = await load('live/numbers.js');
const { diskText, isStale, lostReasons, rateText, standing } = await load('live/words.js');
const { ageText, dayTime, durationText } = await load('image/times.js');
const { LiveClock } = await load('live/clock.js');
const { elementType, picture } = await load('live/fetching.js');
const { valueAt } = await load('live/texts.js');
const { PLANES, makeFrame } = await load('image/geometry.js');

const one = { x: 1, y: 1, z: 1 };
const SENSOR = { x: 4096, y: 2304 };
const frame = (width, height, centre, zoom) => makeFrame(PLANES.xy, width, height, { z: 0, ...centre }, zoom, one);
const made = (width, height, value, dtype = 'uint16') => ({
  data: Uint16Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width))), dtype, width, height, x: 0, y: 0, scale: 1, number: 5,
  ask: { region: null, scale: 1 },
});

test('the whole sensor is asked for as coarse as the canvas is', () => {
  assert.deepEqual(askFor(frame(1024, 576, { x: 2048, y: 1152 }, 0.25), SENSOR), { region: null, scale: 4 });
  assert.deepEqual(askFor(frame(4096, 2304, { x: 2048, y: 1152 }, 1), SENSOR), { region: null, scale: 1 });
});

test('zoomed in, only what is seen is asked for, at full resolution', () => {
  const { region, scale } = askFor(frame(800, 600, { x: 1000.3, y: 900 }, 2), SENSOR);
  assert.equal(scale, 1);
  assert.deepEqual(region, { x: 800, y: 750, width: 401, height: 300 });
});

test('never much more than the canvas has, always on the sensor, on whole blocks', () => {
  const next = random(3);
  for (let round = 0; round < 2000; round++) {
    const [width, height] = [200 + Math.floor(next() * 2000), 200 + Math.floor(next() * 1200)];
    const { region, scale } = askFor(frame(width, height, { x: next() * 4096, y: next() * 2304 }, 2 ** (next() * 8 - 5)), SENSOR);
    const { x, y, width: w, height: h } = region ?? { x: 0, y: 0, width: 4096, height: 2304 };
    assert.ok(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 4096 && y + h <= 2304);
    assert.equal(x % scale, 0);
    assert.equal(y % scale, 0);
    assert.ok((w / scale) * (h / scale) <= 2.3 * (width + 4) * (height + 4), `${w}x${h}/${scale} for ${width}x${height}`);
  }
});

test('regions are whole pixels on the sensor', () => {
  assert.deepEqual(regionBetween({ h: 10.7, v: 20.2 }, { h: 3.1, v: 25.9 }, SENSOR), { x: 3, y: 20, width: 8, height: 6 });
  assert.equal(regionBetween({ h: -9, v: -9 }, { h: -1, v: -1 }, SENSOR), null);
  assert.deepEqual(inside({ x: 4000, y: -5, width: 500, height: 9000 }, SENSOR), { x: 3596, y: 0, width: 500, height: 2304 });
  const region = { x: 1, y: 2, width: 3, height: 4 };
  assert.ok(sameAsk({ region, scale: 1 }, { region: { ...region }, scale: 1 }));
  assert.ok(!sameAsk({ region, scale: 1 }, { region: null, scale: 1 }));
});

test('more than one request only where answers take longer than a frame of the screen', () => {
  assert.equal(requestsAtOnce(8, 100), 1);
  assert.equal(requestsAtOnce(30, 100), 2);
  assert.equal(requestsAtOnce(120, 100), 3);
  assert.equal(requestsAtOnce(120, 5), 1, 'a slow camera has one frame for all of them');
  assert.deepEqual([1, 2, 3, 9].map(retryAfter), [250, 500, 1000, 5000]);
});

test('statistics of a region', () => {
  const whole = made(40, 30, (x, y) => 60_000 + x + 2 * y);
  const region = { x: 7, y: 3, width: 11, height: 13 };
  assert.ok(covers(whole, region));
  assert.ok(!covers(whole, { ...region, width: 34 }));
  assert.ok(!covers({ ...whole, scale: 2 }, region));
  const found = statistics(whole, region);
  const values = [];
  for (let y = 3; y < 16; y++) for (let x = 7; x < 18; x++) values.push(60_000 + x + 2 * y);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  assert.deepEqual([found.count, found.min, found.max, found.number], [143, Math.min(...values), Math.max(...values), 5]);
  assert.ok(Math.abs(found.mean - mean) < 1e-9 && Math.abs(found.std - std) < 1e-9);
  const holes = statistics({ ...whole, data: Float32Array.of(NaN, 2, 4, NaN), width: 4, height: 1 }, { x: 0, y: 0, width: 4, height: 1 });
  assert.deepEqual([holes.count, holes.mean, holes.std], [2, 3, 1]);
});

test('a coarser picture is made of means, at the edges of fewer', () => {
  const coarse = shrink(made(5, 3, (x, y) => 10 * x + y), 2);
  assert.deepEqual([coarse.width, coarse.height, coarse.scale], [3, 2, 2]);
  assert.deepEqual([...coarse.data], [6, 26, 41, 7, 27, 42]); // means, rounded; the last column and row of fewer
  assert.equal(valueAt(coarse, 4.9, 2.1), 42);
  assert.equal(valueAt(coarse, 6.1, 0), null);
});

test('element types as numpy writes them', () => {
  assert.deepEqual(elementType('<u2'), { dtype: 'uint16', little: true });
  assert.deepEqual(elementType('>i4'), { dtype: 'int32', little: false });
  assert.deepEqual(elementType('|u1'), { dtype: 'uint8', little: true });
  assert.deepEqual(elementType('float32'), { dtype: 'float32', little: true });
});

test('bytes that are no frame are refused', () => {
  const headers = new Headers({ 'X-Frame-Shape': '2,3', 'X-Frame-Dtype': 'uint16', 'X-Frame-Number': '9', 'X-Timestamp': '12.5' });
  const good = picture(new Uint8Array(12), headers, { region: null, scale: 1 }, 'http://host/');
  assert.deepEqual([good.width, good.height, good.number, good.time], [3, 2, 9, 12.5]);
  assert.throws(() => picture(new Uint8Array(11), headers, { region: null, scale: 1 }, 'http://host/'), /11 bytes are no frame of 2 × 3 uint16/);
  assert.throws(() => picture(new Uint8Array(12), new Headers(), { region: null, scale: 1 }, 'http://host/'), /headers/);
});

test('times, rates and losses in words', () => {
  assert.deepEqual([0.0123, 1.26, 42, 125].map(ageText), ['12 ms', '1.3 s', '42 s', '2 min 5 s']);
  assert.deepEqual([59, 3600, 90_061].map(durationText), ['59 s', '1 h 0 min', '1 d 1 h']);
  assert.deepEqual([0, 0.5, 9.94, 59.94].map(rateText), ['0', '0.5', '9.9', '60']);
  assert.equal(lostReasons({ lost_by_reason: { camera: 2, ring: 7, disk: 0 } }), '7 disk too slow, 2 camera');
  assert.equal(lostReasons({}), '');
  assert.equal(diskText({ free_bytes: 2e12, seconds_left: 60, state: 'recording' }), '2.00 TB · 1 min 0 s');
  assert.equal(diskText({ free_bytes: 2e12, seconds_left: null, state: 'recording' }), '2.00 TB');
  assert.ok(isStale(2.1, 30) && !isStale(1.9, 30) && !isStale(8, 0.3) && isStale(11, 0.3));
});

test('how camera, recording and page stand', () => {
  const page = { seen: true, age: 0.02, trouble: null, retryIn: 0 };
  const mood = (info, more = {}) => standing(info, { ...page, ...more }).mood;
  assert.equal(mood({ state: 'recording' }), 'recording');
  assert.equal(mood({ state: 'looking' }), 'looking');
  assert.equal(mood({ state: 'looking' }, { age: 3 }), 'waiting');
  assert.equal(mood({ state: 'camera lost' }), 'lost');
  assert.equal(mood({ state: 'failed', error: 'x' }), 'lost');
  assert.equal(mood({}, { seen: false, age: Infinity }), 'waiting');
  const trouble = { kind: 'network', what: 'the server gave no answer', mend: 'Check it' };
  assert.equal(mood({ state: 'recording' }, { trouble }), 'gone');
  assert.equal(mood({ state: 'finished' }, { trouble }), 'finished', 'a server that ends with its recording is no trouble');
  assert.equal(standing({ state: 'recording', fps: 100 }, { ...page, age: 12 }).text, 'No new frame for 12 s.');
  assert.equal(standing({}, { ...page, age: 12, trouble, retryIn: 2.3 }).text, 'The server does not answer: the program may have ended. The picture is 12 s old. Next try in 3 s.');
});

test('the live picture tells its time only when frozen or when it leads, ten times a second at most', () => {
  const told = [];
  const panel = { picture: { time: 100 }, host: { time: (time) => told.push(time), say: () => {} } };
  const clock = new LiveClock(panel);
  assert.equal(clock.behind, null);
  clock.advance(0);
  assert.deepEqual(told, [], 'new pictures move nobody');
  clock.show(87.5);
  assert.equal(clock.behind, 12.5);
  clock.toggle();
  for (let now = 0; now < 1000; now += 10) {
    panel.picture = { time: 100 + now / 1000 };
    clock.advance(now);
  }
  assert.equal(told.length, 11, 'once at the beginning, then every 100 ms');
  assert.equal(clock.behind, null, 'it comes along');
  clock.show(3);
  assert.equal(clock.leads, false, 'whoever moves elsewhere is not dragged along');
  panel.picture = { time: 200 };
  clock.advance(2000);
  assert.equal(told.length, 11);
  clock.frozen();
  assert.equal(told.at(-1), 200);
  assert.equal(clock.behind, 0);
});

test('the time of day', () => {
  const noon = new Date(2026, 2, 1, 12, 3, 5, 7).getTime() / 1000;
  assert.equal(dayTime(noon), '12:03:05.007');
  assert.equal(dayTime(noon + 0.9934), '12:03:06.000');
});
