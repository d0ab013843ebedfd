// Levels, tiles, colours, axes, channels and measuring of the image panel: everything that needs no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';

const geometry = await load('image/geometry.js');
const { makeShade, paint } = await load('image/colour.js');
const { COLORMAPS, expand, ramp } = await load('image/colormaps.js');
const { readAxes, siUnit } = await load('image/axes.js');
const { formatColour, parseColour, readChannels } = await load('image/channels.js');
const { summarise } = await load('image/measure.js');
const { sample } = await load('image/sampling.js');
const { countValues, histogram } = await load('image/histogram.js');
const { spread } = await load('image/look.js');
const { commandsFor, hostedLinks } = await load('image/elsewhere.js');
const { openImage } = await load('image/dataset.js');
const { panelFor } = await load('frame/panels.js');
const { parseV3 } = await load('store/metadata.js');

const { PLANES, areaOf, makeFrame, nearestLevel, pixelsInside, pixelsTouching, positionAt, tilePixels, tilesIn, tilesWith, visiblePart } = geometry;
const one = { x: 1, y: 1, z: 1 };

const level = (size, shape, chunk, start = 0) => ({
  size: { x: size, y: size, z: 1 }, start: { x: start, y: start, z: 0 },
  shape: { x: shape, y: shape, z: 1 }, chunk: { x: chunk, y: chunk, z: 1 },
});
const LEVELS = [level(1, 4096, 512), level(2, 2048, 512), level(4, 1024, 512)];

test('the level with pixels nearest to those of the screen is drawn', () => {
  const at = (zoom) => nearestLevel(LEVELS, makeFrame(PLANES.xy, 800, 600, { x: 0, y: 0, z: 0 }, zoom, one));
  assert.equal(at(1), 0);
  assert.equal(at(0.72), 0);
  assert.equal(at(0.7), 1);
  assert.equal(at(0.36), 1);
  assert.equal(at(0.1), 2);
  assert.equal(at(50), 0);
});

test('tiles cover a view exactly once, whatever the chunks', () => {
  const next = random(11);
  for (let round = 0; round < 300; round++) {
    const one = level(1 + Math.floor(next() * 3), 50 + Math.floor(next() * 3000), 1 + Math.floor(next() * 1500), next() * 4 - 2);
    const from = next() * one.shape.x * one.size.x;
    const [first, end] = pixelsTouching(one, 'x', from, from + 500);
    const { h0, h1 } = tilesWith(one, PLANES.xy, [first, end], [0, 1]);
    let reached = null;
    for (let i = h0; i < h1; i++) {
      const [a, b] = tilePixels(one, 'x', i);
      if (a >= b) continue;
      assert.ok(b - a <= 512);
      if (reached !== null) assert.equal(a, reached);
      else assert.ok(a <= first);
      reached = b;
    }
    assert.ok(reached >= end);
  }
});

test('nothing outside the image is asked for', () => {
  const frame = makeFrame(PLANES.xy, 100, 100, { x: -5000, y: 0, z: 0 }, 1, one);
  assert.deepEqual(tilesIn(LEVELS[0], PLANES.xy, areaOf(frame)), { h0: 0, h1: 0, v0: 0, v1: 0 });
});

test('a part of a tile lies where its pixels lie', () => {
  const frame = makeFrame(PLANES.xy, 100, 100, { x: 600, y: 0, z: 0 }, 4, one);
  const part = visiblePart(LEVELS[0], 'x', tilePixels(LEVELS[0], 'x', 1), frame.left, frame.kh, 100);
  assert.deepEqual(part, { from: 75, count: 26, at: -2, long: 104 });
  assert.equal(positionAt(frame, part.at, 0).h, 512 + part.from);
  assert.equal(visiblePart(LEVELS[0], 'x', [0, 10], frame.left, frame.kh, 100), null);
});

test('a rectangle takes pixels by their centres', () => {
  assert.deepEqual(pixelsInside(LEVELS[0], 'x', 10, 20), [10, 20]);
  assert.deepEqual(pixelsInside(LEVELS[1], 'x', 10, 20), [5, 10]);
  assert.deepEqual(pixelsInside(LEVELS[2], 'x', 10, 11), [2, 3]);
});

test('tables and arithmetic colour alike', () => {
  const next = random(5);
  const values = Uint16Array.from({ length: 999 }, () => next() * 65536);
  const colours = expand(COLORMAPS.find(({ id }) => id === 'viridis').anchors);
  const marks = { under: [1, 2, 3], over: [4, 5, 6] };
  const [a, b] = ['uint16', 'float32'].map((dtype) => {
    const out = new Uint32Array(999);
    const data = dtype === 'uint16' ? values : Float32Array.from(values);
    paint(out, 333, 3, { data, at: 0, down: 333, right: 1 }, makeShade(colours, [9000, 50000.5], dtype, marks), false);
    return out;
  });
  assert.deepEqual(a, b);
});

test('light adds up and stays below white', () => {
  const out = new Uint32Array(1);
  for (const [k, colour] of [[255, 0, 0], [200, 100, 0]].entries()) {
    paint(out, 1, 1, { data: Uint8Array.of(255), at: 0, down: 1, right: 1 }, makeShade(ramp(colour), [0, 255], 'uint8'), k > 0);
  }
  assert.deepEqual([...new Uint8Array(out.buffer)], [255, 100, 0, 255]);
});

test('colour maps begin and end where they say', () => {
  for (const { anchors } of COLORMAPS) {
    const colours = expand(anchors);
    const hex = (i) => formatColour([...colours.subarray(3 * i, 3 * i + 3)]);
    assert.deepEqual([hex(0), hex(255)], [anchors[0], anchors.at(-1)]);
  }
});

test('axes: names, units, and what cannot be drawn', () => {
  assert.deepEqual(siUnit('micrometer'), { unit: 'm', factor: 1e-6 });
  assert.deepEqual(siUnit('millisecond'), { unit: 's', factor: 1e-3 });
  assert.deepEqual(siUnit('fathom'), { unit: 'fathom', factor: 1 });
  assert.deepEqual(siUnit(undefined), { unit: '', factor: 1 });
  assert.deepEqual(readAxes(undefined, 3, 'w').map(({ name }) => name), ['z', 'y', 'x']);
  assert.deepEqual(readAxes([{ name: 'Time', type: 'time' }, { name: 'y' }, { name: 'x' }], 3, 'w').map(({ name }) => name), ['t', 'y', 'x']);
  assert.throws(() => readAxes([{ name: 'x' }, { name: 'y' }], 2, 'w'), /last two must be y and x/);
  assert.throws(() => readAxes(undefined, 6, 'w'), /two to five/);
});

test('channels: colours, windows, photographs', () => {
  const [grey] = readChannels(undefined, 1, 'uint16');
  assert.deepEqual([grey.color, grey.stored, grey.own, grey.visible], [[255, 255, 255], null, false, true]);
  const photo = readChannels(undefined, 3, 'uint8');
  assert.deepEqual(photo.map(({ range, label }) => [...range, label]), [[0, 255, 'Red'], [0, 255, 'Green'], [0, 255, 'Blue']]);
  const many = readChannels({ channels: [{ active: false }, { active: true, color: '#00ff00', window: { start: 5, end: 9 }, label: 'GFP' }] }, 5, 'uint16');
  assert.deepEqual(many.map(({ visible }) => visible), [false, true, false, false, false]);
  assert.deepEqual([many[1].color, many[1].range, many[1].label], [[0, 255, 0], [5, 9], 'GFP']);
  assert.equal(parseColour('red'), null);
  assert.equal(formatColour(parseColour('#0a0B0c')), '0A0B0C');
});

test('samples, sums and ranges', () => {
  const data = Float32Array.from({ length: 100 }, (_, i) => (i === 50 ? NaN : i));
  const patch = { data, at: 0, down: 10, right: 1, width: 10, height: 10 };
  assert.equal(sample([patch], 1000).length, 99);
  assert.ok(sample([patch], 30).length <= 36);
  assert.deepEqual(summarise([patch]), { count: 99, sum: 4900, min: 0, max: 99 });
  assert.deepEqual([...histogram(Float64Array.of(0, 1, 2, 3, 4), 0, 4, 4)], [1, 1, 1, 2]);
  assert.deepEqual(spread(Float64Array.of(7, 7)), [7, 8]);
  assert.deepEqual(spread(new Float64Array()), [0, 1]);
  assert.deepEqual(spread(Float64Array.of(-Infinity, 1, 2, Infinity)), [1, 2]);
});

const arrayJson = (shape, chunk) => ({
  zarr_format: 3, node_type: 'array', shape, data_type: 'uint8', fill_value: 0,
  chunk_grid: { name: 'regular', configuration: { chunk_shape: chunk } },
  chunk_key_encoding: { name: 'default' }, codecs: [{ name: 'bytes' }],
});

test('levels: sizes and beginnings from scales and translations', async () => {
  const store = { where: (path) => `http://h/i.zarr/${path}`.replace(/\/$/, ''), base: new URL('http://h/i.zarr') };
  const steps = (scale, translation) => [{ type: 'scale', scale }, { type: 'translation', translation }];
  const multiscale = (shifts) => ({
    axes: [{ name: 'z', unit: 'nanometer' }, { name: 'y', unit: 'nanometer' }, { name: 'x', unit: 'nanometer' }],
    datasets: [{ path: 'a', coordinateTransformations: steps([40, 4, 4], [100, 0, 8]) }, { path: 'b', coordinateTransformations: steps([40, 8, 8], shifts) }],
  });
  const open = (shifts) => openImage(store, {
    version: 3, self: null, attributes: { ome: { multiscales: [multiscale(shifts)] } },
    array: async (path) => parseV3(arrayJson(path === 'a' ? [9, 64, 64] : [9, 32, 32], [4, 16, 16]), path, path),
  });
  const averaged = await open([100, 2, 10]);
  assert.deepEqual([averaged.levels[1].size.x, averaged.levels[1].start.x, averaged.levels[1].start.z], [2, 0, 0]);
  assert.deepEqual(averaged.aspect, { x: 1, y: 1, z: 10 });
  assert.ok(Math.abs(averaged.physical('x', 0.5) - 8e-9) < 1e-20);
  const sampled = await open([100, 0, 8]);
  assert.deepEqual([sampled.levels[1].start.x, sampled.pixelAt(sampled.levels[1], 'x', 2.4)], [-0.5, 1]);
});

test('which panel shows a store', () => {
  const bare = (shape) => ({ attributes: {}, self: { shape } });
  assert.equal(panelFor({ attributes: { horiz_interval: 1, multiscales: [{ datasets: [] }] }, self: null }), 'wave');
  assert.equal(panelFor({ attributes: { ome: {} }, self: null }), 'image');
  assert.equal(panelFor({ attributes: { multiscales: [{ datasets: [] }] }, self: null }), 'image');
  assert.equal(panelFor({ attributes: {}, self: null }), 'wave');
  assert.equal(panelFor(bare([9])), 'wave');
  assert.equal(panelFor(bare([9, 9])), 'image');
  assert.equal(panelFor(bare([2, 9]), 'wave'), 'wave');
});

test('other programs: commands always, links only for public addresses', () => {
  assert.match(commandsFor('https://h.org/a b.zarr', 3)[0].text, /^napari .*"https:\/\/h\.org\/a b\.zarr"$/);
  assert.deepEqual(hostedLinks('http://h.org/a.zarr', 3), []);
  for (const host of ['localhost', '127.0.0.1', '192.168.1.5', '172.20.0.1', 'lab.local', 'server', '[::1]']) assert.deepEqual(hostedLinks(`https://${host}/a.zarr`, 3), [], host);
  assert.equal(hostedLinks('https://data.example.org/a.zarr', 3).length, 3);
  assert.match(hostedLinks('https://data.example.org/a.zarr', 2)[0].href, /zarr2/);
});
