// Searches through the pyramid against plain loops over every sample.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, random } from './viewer.mjs';
import { LAYOUTS, openRows } from './wave_store.mjs';

const { findAll, findNear, MOST_HITS } = await load('wave/search.js');
const { Breath, Queue } = await load('wave/search_tree.js');
const { findExtreme } = await load('wave/search_extreme.js');

const ONE = { ch: 0, trc: 0, seg: 0 };
const GAINS = { attributes: { vertical_gains: [[0.5]], vertical_offsets: [[3]] } };
const UPSIDE_DOWN = { attributes: { vertical_gains: [[-0.25]], vertical_offsets: [[-7.125]] } };
const PYRAMID = { chunk: 4096, binChunk: 256, factors: [4096, 1024, 256, 64], perShard: 8 };

// Plain loops: what the searches must find.

const valuesOf = (row, { attributes = {} }) => {
  const gain = attributes.vertical_gains?.[0][0] ?? 1;
  const offset = attributes.vertical_offsets?.[0][0] ?? 0;
  return Float64Array.from(row, (code) => code * gain - offset);
};

function plainCrossings(values, { level, hysteresis, edge }) {
  const out = [];
  let high = null;
  values.forEach((value, at) => {
    const now = value >= level + hysteresis / 2 ? true : value < level - hysteresis / 2 ? false : high;
    if (high !== null && now !== high && (edge === 'either' || now === (edge === 'rising'))) out.push(at);
    high = now;
  });
  return out;
}

function plainExcursions(values, { level, hysteresis, side }) {
  const out = [];
  const beyond = (value) => (side === 'above' ? value >= level : value <= level);
  const back = (value) => (side === 'above' ? value < level - hysteresis : value > level + hysteresis);
  const more = (p, q) => (side === 'above' ? p > q : p < q);
  let now = null;
  values.forEach((value, at) => {
    if (!now && beyond(value)) now = { from: at, at };
    else if (now && back(value)) {
      out.push({ ...now, to: at });
      now = null;
    } else if (now && more(value, values[now.at])) now.at = at;
  });
  if (now) out.push({ ...now, to: values.length });
  return out;
}

function plainQuiet(values, { level, band }) {
  let [best, start] = [{ from: -1, length: 0 }, 0];
  for (let k = 0; k <= values.length; k++) {
    if (k < values.length && !(values[k] < level - band || values[k] > level + band)) continue;
    if (k - start > best.length) best = { from: start, length: k - start };
    start = k + 1;
  }
  return best.length > 0 ? best : null;
}

function plainExtreme(values, kind) {
  let at = -1;
  values.forEach((value, k) => {
    if (!Number.isNaN(value) && (at < 0 || (kind === 'greatest' ? value > values[at] : value < values[at]))) at = k;
  });
  return at < 0 ? null : at;
}

// Records of several kinds.

const pulses = (samples, seed) => {
  const next = random(seed);
  const row = Int16Array.from({ length: samples }, () => Math.round((next() - 0.5) * 100));
  for (let n = 0; n < 12; n++) {
    const at = Math.floor(next() * samples);
    row.fill(next() < 0.5 ? 5000 : -5000, at, at + Math.ceil(next() * 30) ** 2);
  }
  return row;
};
const sine = (samples, seed) => {
  const next = random(seed);
  const period = 50 + 20_000 * next();
  return Int16Array.from({ length: samples }, (_, k) => Math.round(1000 * Math.sin((2 * Math.PI * k) / period) + 200 * (next() - 0.5)));
};
const steps = (samples, seed) => {
  const next = random(seed);
  const row = new Int16Array(samples);
  for (let k = 0, value = 0; k < samples; k++) row[k] = value = next() < 2e-4 ? Math.floor(next() * 9) * 100 - 400 : value;
  return row;
};
const walkAbout = (samples, seed) => {
  const next = random(seed);
  let value = 0;
  return Int16Array.from({ length: samples }, () => (value += Math.round((next() - 0.5) * 30)));
};
const SIGNALS = { pulses, sine, steps, walkAbout };

const LIMIT = 1000;
const all = async (opened, question) => (await findAll(opened.reader, ONE, question, { scope: 'record', limit: LIMIT })).hits;

async function compare(opened, values, question) {
  const hits = await all(opened, question);
  if (question.kind === 'crossing') assert.deepEqual(hits.map(({ at }) => at), plainCrossings(values, question).slice(0, LIMIT));
  else if (question.kind === 'beyond') assert.deepEqual(hits.map(({ at, from, to }) => ({ from, at, to })), plainExcursions(values, question).slice(0, LIMIT));
  else if (question.kind === 'quiet') {
    const plain = plainQuiet(values, question);
    assert.deepEqual(hits.map(({ from, to }) => [from, to]), plain ? [[plain.from, plain.from + plain.length]] : []);
  } else {
    const plain = plainExtreme(values, question.kind);
    assert.deepEqual(hits.map(({ at }) => at), plain === null ? [] : [plain]);
  }
}

async function compareNear(opened, values, question, next, rounds) {
  const ats = question.kind === 'crossing' ? plainCrossings(values, question) : plainExcursions(values, question).map(({ at }) => at);
  for (let round = 0; round < rounds; round++) {
    const whole = Math.floor(next() * (values.length + 2)) - 1;
    const position = round % 3 === 0 && ats.length ? ats[Math.floor(next() * ats.length)] : round % 3 === 1 ? whole : whole + 0.5;
    for (const direction of [1, -1]) {
      const hit = await findNear(opened.reader, ONE, question, position, direction, { scope: 'record' });
      const plain = direction > 0 ? ats.find((at) => at > position) : ats.findLast((at) => at < position);
      assert.equal(hit?.at, plain, `${JSON.stringify(question)} from ${position} towards ${direction}`);
    }
  }
}

/** Questions whose levels lie somewhere in the values. */
function questions(values, next) {
  const finite = values.filter(Number.isFinite);
  const some = () => finite[Math.floor(next() * finite.length)];
  const width = Math.abs(some() - some());
  const hysteresis = next() < 0.4 ? 0 : width * next();
  const edge = ['rising', 'falling', 'either'][Math.floor(next() * 3)];
  return [
    { kind: 'crossing', level: some(), edge, hysteresis },
    { kind: 'beyond', level: some(), side: 'above', hysteresis },
    { kind: 'beyond', level: some(), side: 'below', hysteresis },
    { kind: 'quiet', level: some(), band: width * next() },
    { kind: 'greatest' },
    { kind: 'least' },
  ];
}

for (const [name, make] of Object.entries(SIGNALS)) {
  test(`every question is answered as by looking at every sample: ${name}`, async () => {
    const next = random(name.length);
    for (let round = 0; round < 4; round++) {
      const layout = { ...PYRAMID, ...(round % 2 ? UPSIDE_DOWN : GAINS) };
      const row = make(40_000 + Math.floor(next() * 5000), round);
      const opened = await openRows([row], layout);
      const values = valuesOf(row, layout);
      for (const question of questions(values, next)) {
        await compare(opened, values, question);
        if (question.kind === 'crossing' || question.kind === 'beyond') await compareNear(opened, values, question, next, 4);
      }
    }
  });
}

for (const [name, layout] of Object.entries(LAYOUTS)) {
  test(`in every layout: ${name}`, async () => {
    const next = random(11);
    const row = pulses(30_077, 4);
    const opened = await openRows([row], { ...layout, ...UPSIDE_DOWN });
    const values = valuesOf(row, UPSIDE_DOWN);
    for (const question of questions(values, next)) {
      await compare(opened, values, question);
      if (question.kind === 'crossing' || question.kind === 'beyond') await compareNear(opened, values, question, next, 3);
    }
  });
}

test('all types of numbers', async () => {
  for (const [dtype, Kind] of Object.entries({ int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array, float64: Float64Array })) {
    const next = random(3);
    const row = Kind.from({ length: 20_000 }, (_, k) => 60 + 50 * Math.sin(k / 700) + 10 * next());
    const opened = await openRows([row], { dtype, ...GAINS });
    for (const question of questions(valuesOf(row, GAINS), next)) await compare(opened, valuesOf(row, GAINS), question);
  }
});

test('NaN is no sample, infinities are', async () => {
  const next = random(6);
  for (let round = 0; round < 5; round++) {
    const row = Float32Array.from(sine(40_000, round), (value) => value / 10);
    for (let n = 0; n < 20; n++) {
      const at = Math.floor(next() * row.length);
      row.fill([NaN, Infinity, -Infinity, NaN][n % 4], at, at + Math.ceil(next() * (n % 4 ? 40 : 3000)));
    }
    if (round === 0) row.fill(NaN);
    if (round === 1) row.fill(NaN, 0, 9000);
    if (round === 2) row.fill(NaN, 30_000);
    const opened = await openRows([row], { ...PYRAMID, dtype: 'float32' });
    const asked = round === 0 ? questions(Float64Array.of(1, 2, 3), next) : questions(valuesOf(row, {}), next);
    for (const question of asked) {
      await compare(opened, valuesOf(row, {}), question);
      if (question.kind === 'crossing' || question.kind === 'beyond') await compareNear(opened, valuesOf(row, {}), question, next, 4);
    }
  }
});

test('records of one sample, constant records, a gain of zero', async () => {
  const rows = [Int16Array.of(7), new Int16Array(70_000).fill(7), new Int16Array(64), new Int16Array(65)];
  for (const row of rows) {
    for (const level of [6, 7, 8]) {
      for (const layout of [PYRAMID, { factors: [] }, { attributes: { vertical_gains: [[0]], vertical_offsets: [[-7]] } }]) {
        const opened = await openRows([row], layout);
        for (const question of [
          { kind: 'crossing', level, edge: 'either', hysteresis: 0 }, { kind: 'beyond', level, side: 'above', hysteresis: 0 },
          { kind: 'beyond', level, side: 'below', hysteresis: 2 }, { kind: 'quiet', level, band: 0 }, { kind: 'greatest' }, { kind: 'least' },
        ]) await compare(opened, valuesOf(row, layout), question);
      }
    }
  }
});

test('hysteresis counts a noisy edge once', async () => {
  const next = random(1);
  const row = Int16Array.from({ length: 50_000 }, (_, k) => Math.round(1000 * Math.sin((2 * Math.PI * k) / 10_000 - 1) + 300 * (next() - 0.5)));
  const opened = await openRows([row], PYRAMID);
  const clean = await all(opened, { kind: 'crossing', level: 0, edge: 'rising', hysteresis: 400 });
  const noisy = await all(opened, { kind: 'crossing', level: 0, edge: 'rising', hysteresis: 0 });
  assert.equal(clean.length, 5);
  assert.ok(noisy.length > 50);
  assert.deepEqual(clean.map(({ edge, code }) => [edge, code >= 200]), Array(5).fill(['rising', true]));
});

test('rare events cost little of a long record, and next little of that', async () => {
  const row = new Int16Array(8_000_000);
  const next = random(2);
  for (let k = 0; k < row.length; k++) row[k] = Math.round((next() - 0.5) * 200);
  const at = [1_000_003, 1_000_900, 5_500_000, 7_999_999];
  for (const k of at) row[k] = 4000;
  const long = { chunk: 65_536, binChunk: 16_384, perShard: 16, factors: [4096, 1024, 256, 64] };
  const rare = await openRows([row], long);
  const question = { kind: 'beyond', level: 3000, side: 'above', hysteresis: 0 };
  assert.deepEqual((await all(rare, question)).map((hit) => hit.at), at);
  assert.ok(rare.reader.bytes < 3.6 * 131_072, `${rare.reader.bytes} bytes`);
  // States that last, and pulses across the edges of bins and chunks, must not make it read on and on.
  const edges = row.slice();
  edges.fill(4000, 2 * 65_536 - 30, 2 * 65_536 + 30);
  edges.fill(4000, 3 * 65_536 + 4096 - 5, 3 * 65_536 + 4096 + 5);
  edges.fill(4000, 6_000_000, 7_000_000);
  for (const asked of [question, { kind: 'crossing', level: 3000, edge: 'either', hysteresis: 100 }]) {
    const opened = await openRows([edges], long);
    await compare(opened, edges, asked);
    assert.ok(opened.reader.bytes < 17 * 131_072, `${opened.reader.bytes} bytes`);
  }
  const one = await openRows([row], long);
  assert.equal((await findNear(one.reader, ONE, question, 0, 1, { scope: 'record' })).at, at[0]);
  assert.ok(one.reader.bytes < 2.6 * 131_072, `${one.reader.bytes} bytes`);
  const quiet = await openRows([row], long);
  const [hit] = await all(quiet, { kind: 'quiet', level: 0, band: 1000 });
  assert.deepEqual([hit.from, hit.to], [at[1] + 1, at[2]]);
  assert.ok(quiet.reader.bytes < 5 * 131_072, `${quiet.reader.bytes} bytes`);
});

test('a dense case stops with the first hits', async () => {
  const row = Int16Array.from({ length: 2_000_000 }, (_, k) => (k % 4 < 2 ? 100 : -100));
  const opened = await openRows([row], { chunk: 65_536, binChunk: 16_384, perShard: 16, factors: [1024, 256, 64] });
  const { hits, more } = await findAll(opened.reader, ONE, { kind: 'crossing', level: 0, edge: 'either', hysteresis: 0 }, { scope: 'record' });
  assert.equal(hits.length, MOST_HITS);
  assert.deepEqual(hits.map(({ at }) => at), plainCrossings(row.subarray(0, 2002), { level: 0, edge: 'either', hysteresis: 0 }).slice(0, MOST_HITS));
  assert.ok(more);
  assert.ok(opened.reader.bytes < 0.15 * row.byteLength, `${opened.reader.bytes} bytes`);
});

test('a quiet stretch in a record that is nowhere quiet for long: memory stays bounded', async () => {
  const row = Int16Array.from({ length: 1_000_000 }, (_, k) => (k % 3 ? 0 : 100));
  row.fill(0, 700_001, 700_004);
  const opened = await openRows([row], { chunk: 65_536, binChunk: 16_384, perShard: 16, factors: [1024, 256, 64] });
  const [hit] = await all(opened, { kind: 'quiet', level: 0, band: 10 });
  const plain = plainQuiet(row, { level: 0, band: 10 });
  assert.deepEqual([hit.from, hit.to], [plain.from, plain.from + plain.length]);
});

test('an overview with many bins and nothing above it', async () => {
  const row = pulses(600_000, 9);
  row[434_567] = 9000;
  const opened = await openRows([row], { factors: [16], chunk: 65_536, binChunk: 16_384 });
  for (const question of [{ kind: 'greatest' }, { kind: 'least' }, { kind: 'quiet', level: 0, band: 60 }, { kind: 'quiet', level: 0, band: 40 }]) {
    await compare(opened, row, question);
  }
});

test('extremes beyond another, as for the best of many segments', async () => {
  const opened = await openRows([pulses(200_000, 1)], PYRAMID);
  const best = await findExtreme(opened.reader, ONE, 0, 200_000, 'greatest', new Breath());
  assert.equal(await findExtreme(opened.reader, ONE, 0, 200_000, 'greatest', new Breath(), best.code), null);
  assert.deepEqual(await findExtreme(opened.reader, ONE, 0, 200_000, 'greatest', new Breath(), best.code - 1), best);
});

test('segments: in order, from the one at hand, and back', async () => {
  const rows = Array.from({ length: 2 * 40 }, (_, i) => pulses(1000, i));
  const opened = await openRows(rows, { lead: [2, 1, 40], leadChunk: [1, 1, 7], chunk: 1000, factors: [64], binChunk: 16 });
  const question = { kind: 'beyond', level: 3000, side: 'above', hysteresis: 0 };
  const plain = rows.slice(40).flatMap((row, seg) => plainExcursions(row, question).map(({ at }) => [seg, at]));
  const channel = { ch: 1, trc: 0, seg: 0 };
  const { hits } = await findAll(opened.reader, { ...channel, seg: 17 }, question, { scope: 'segments' });
  assert.deepEqual(hits.map(({ seg, at }) => [seg, at]), plain);
  const near = async (seg, position, direction) => {
    const hit = await findNear(opened.reader, { ...channel, seg }, question, position, direction, { scope: 'segments' });
    return hit && [hit.seg, hit.at];
  };
  for (let i = 0; i < plain.length; i++) {
    assert.deepEqual(await near(...plain[i], 1), plain[i + 1] ?? null);
    assert.deepEqual(await near(...plain[i], -1), plain[i - 1] ?? null);
  }
  const alone = await findAll(opened.reader, { ...channel, seg: 17 }, question, { scope: 'record' });
  assert.deepEqual(alone.hits.map(({ seg, at }) => [seg, at]), plain.filter(([seg]) => seg === 17));
  const [greatest] = (await findAll(opened.reader, channel, { kind: 'greatest' }, { scope: 'segments' })).hits;
  const flat = Int16Array.from(rows.slice(40).flatMap((row) => [...row]));
  assert.equal(greatest.seg * 1000 + greatest.at, plainExtreme(flat, 'greatest'));
  const [quiet] = (await findAll(opened.reader, channel, { kind: 'quiet', level: 0, band: 60 }, { scope: 'segments' })).hits;
  const lengths = rows.slice(40).map((row) => plainQuiet(row, { level: 0, band: 60 }).length);
  assert.equal(quiet.to - quiet.from, Math.max(...lengths));
  assert.equal(quiet.seg, lengths.indexOf(Math.max(...lengths)));
});

test('a search says how far it is, gives the page time, and stops when it is told to', async () => {
  const row = sine(3_000_000, 5);
  const opened = await openRows([row], { chunk: 65_536, factors: [] });
  const shares = [];
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  const stop = new AbortController();
  const given = findAll(opened.reader, ONE, { kind: 'quiet', level: 0, band: 1 }, {
    scope: 'record', signal: stop.signal,
    progress: (share) => {
      shares.push(share);
      if (shares.length === 6) setTimeout(() => stop.abort());
    },
  });
  await assert.rejects(given, { name: 'AbortError' });
  clearInterval(timer);
  assert.ok(turns >= 3, `${turns} turns of others in ${shares.length} of ours`);
  assert.ok(shares.length > 2 && shares.every((share, i) => share >= (shares[i - 1] ?? 0) && share <= 1), shares.join(' '));
  for (let i = 0; i < 50 && !opened.scheduler.quiet; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(opened.scheduler.quiet, 'nothing is fetched any more');
});

test('an overview that does not fit its samples is told, not searched for ever', async () => {
  const row = new Int16Array(40_000);
  row.fill(500, 100, 120);
  const opened = await openRows([row], PYRAMID);
  for (const [path, bytes] of opened.store.files) if (path.startsWith('raw/')) bytes.fill(0, 0, 2 * 4096);
  await assert.rejects(all(opened, { kind: 'quiet', level: 0, band: 1 }), /overview/);
  assert.deepEqual(await all(opened, { kind: 'beyond', level: 400, side: 'above', hysteresis: 0 }), []);
});

test('the queue gives its items in order', () => {
  const next = random(4);
  const queue = new Queue((p, q) => p < q);
  const items = Array.from({ length: 500 }, () => Math.floor(next() * 100));
  for (const item of items) queue.push(item);
  const out = [];
  for (let item = queue.pop(); item !== undefined; item = queue.pop()) out.push(item);
  assert.deepEqual(out, items.sort((a, b) => a - b));
});

// Questions and answers in words.

const { neighbour, parseValue, suggest, summary, windowFor, writeValue } = await load('wave/search_question.js');

test('values are read as people and the page write them', () => {
  const cases = {
    '12 mV': 0.012, '-3e-3': -0.003, '1.5m': 0.0015, '\u22120.25 V': -0.25, '1\u202f500 mV': 1.5, '.5': 0.5, '2,5 kV': 2500, '3 µV': 3e-6, '3uV': 3e-6,
    '+7': 7, '1e-3 mV': 1e-6,
    '': null, V: null, 'many': null, '1.2.3': null, '5 mA': null, '5 x': null, '1,2,3': null, '1e400': null, Infinity: null, '0x10': null,
  };
  for (const [text, value] of Object.entries(cases)) assert.equal(parseValue(text, 'V'), value, text);
  assert.equal(parseValue('5 mm', 'm'), 0.005);
  assert.equal(parseValue('5m', ''), 0.005);
  const next = random(2);
  for (const unit of ['V', 'm', '', 'Pa']) {
    for (let round = 0; round < 200; round++) {
      const value = Number(((next() - 0.5) * 10 ** Math.floor(next() * 30 - 15)).toPrecision(6));
      assert.equal(parseValue(writeValue(value, unit), unit), value, writeValue(value, unit));
    }
  }
});

test('levels to begin with lie in what is seen', () => {
  assert.deepEqual(suggest(null), { level: 0, hysteresis: 0, band: 0 });
  assert.deepEqual(suggest({ min: 2, max: 2 }), { level: 2, hysteresis: 0, band: 0 });
  const { level, hysteresis, band } = suggest({ min: -0.11, max: 3.2 });
  assert.ok(level > 1.4 && level < 1.7 && hysteresis > 0 && hysteresis < 0.5 && band > 0 && band < 1);
});

test('a hit comes into the middle, at the zoom there is unless it could not be seen', () => {
  const one = { seg: 0, at: 5000, from: 5000, to: 5001, code: 1, edge: '' };
  assert.deepEqual(windowFor(one, { a: 100, b: 1100 }, 1000, false), { a: 4500, b: 5500 });
  const wide = windowFor(one, { a: 0, b: 1e9 }, 1000, false);
  assert.equal(wide.b - wide.a, 64_000);
  const long = { ...one, from: 5000, to: 505_000 };
  const seen = windowFor(long, { a: 0, b: 1e9 }, 1000, false);
  assert.equal(seen.b - seen.a, 1e7, 'a long excursion is seen at a wider zoom, too');
  const quiet = windowFor(long, { a: 0, b: 100 }, 1000, true);
  assert.ok(quiet.a < 5000 && quiet.b > 505_000 && quiet.b - quiet.a < 1e6);
});

test('answers in words', () => {
  const words = { unit: 'V', where: 'this record' };
  const question = { kind: 'crossing', level: 0.0015, edge: 'rising', hysteresis: 0 };
  assert.equal(summary(question, 0, false, words), 'No rising crossing of 1.5 mV in this record.');
  assert.equal(summary(question, 1, false, words), '1 rising crossing of 1.5 mV in this record.');
  assert.equal(summary(question, 12, false, words), '12 rising crossings of 1.5 mV in this record.');
  assert.match(summary(question, 1000, true, words), /^The first 1000 rising crossings .* There may be more/);
  assert.equal(summary({ kind: 'greatest' }, 1, false, words), 'The greatest value in this record.');
  assert.equal(summary({ kind: 'quiet', level: 0, band: 0.5 }, 1, false, words), 'The longest quiet stretch within 0 V ± 500 mV in this record.');
});

test('the neighbour of a place in a list, over segments', () => {
  const hits = [[0, 5], [0, 9], [2, 1]].map(([seg, at]) => ({ seg, at }));
  assert.equal(neighbour(hits, { seg: 0, at: 5 }, 1), hits[1]);
  assert.equal(neighbour(hits, { seg: 1, at: 0 }, 1), hits[2]);
  assert.equal(neighbour(hits, { seg: 1, at: 0 }, -1), hits[1]);
  assert.equal(neighbour(hits, { seg: 0, at: 5 }, -1), undefined);
  assert.equal(neighbour(hits, { seg: 2, at: 1 }, 1), undefined);
});

test('a suggested level lies in what is seen, also far from zero and in large numbers', () => {
  for (const [min, max] of [[4.99999, 5.00001], [9.223372036e15, 9.223373036e15], [-1e-21, 3e-21], [1e24, 1.5e24]]) {
    const { level } = suggest({ min, max });
    for (const unit of ['V', '']) {
      const read = parseValue(writeValue(level, unit), unit);
      assert.ok(read > min && read < max, `${writeValue(level, unit)} for ${min} to ${max}`);
    }
  }
});
