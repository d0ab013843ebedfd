"""Finding rare events in a long record with the page, beside reading all of its samples.

python benchmarks/find.py [--samples 1e9] [--pulses 100] [--rounds 5] [--reads 1]

A record of int16 with noise on a 50 Hz signal and some pulses of 100 ns. A headless Chromium opens it
from our own server and asks the tool for all pulses, for the next one, for the greatest value and for
the longest quiet stretch; every round in a new browser context, so that nothing is cached. Beside it:
the page's own search in a store without overviews, which reads every sample; and numpy over the same
array through zarr-python. The answers are compared.

Goal: at least 5 times faster than reading, less than 2 % of the bytes that reading brings.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from playwright.sync_api import Browser, Page, sync_playwright

from browser import VIEWPORT, chromium
from harness import machine, scratch
from pyramidion.core import Box
from pyramidion.instruments import SimulatedScope
from pyramidion.server import ServerSettings, build_app, serve_background
from pyramidion.workflows import ConvertOptions, generate

PULSE_SAMPLES = 50
PULSE_CODES = 15_000
LEVEL = 0.8  # volts; the signal stays below 0.5
BAND = 0.6
BLOCK = 1 << 24

# The page's own modules, over the same record as if it had no overviews.
READ_ALL = """async (question) => {
  const load = (path) => import(new URL(path, document.baseURI).href);
  const [{ HttpStore }, { openGroup }, { openWaveform, WaveDataset }, { Scheduler }, { DecodePool }, { LruCache }, { Reader }, { findAll }] =
    await Promise.all(['store/http.js', 'store/open.js', 'wave/dataset.js', 'fetch/scheduler.js', 'decode/pool.js', 'cache/lru.js',
      'wave/reader.js', 'wave/search.js'].map(load));
  const traffic = { requests: 0, bytes: 0, errors: 0 };
  const store = new HttpStore(new URL('/pulses.zarr', document.baseURI), traffic);
  const whole = await openWaveform(store, await openGroup(store));
  const dataset = new WaveDataset('samples', whole.levels.slice(-1), whole.attributes);
  const reader = new Reader(dataset, new Scheduler(store, new DecodePool(), new LruCache(2 ** 28)));
  const began = performance.now();
  const { hits } = await findAll(reader, { ch: 0, trc: 0, seg: 0 }, question, { scope: 'record' });
  return { ms: performance.now() - began, bytes: traffic.bytes, hits: hits.map((hit) => [hit.from, hit.to, hit.at]) };
}"""


class Pulses(SimulatedScope):
    """The simulated recording, with pulses at known places."""

    def __init__(self, samples: int, count: int) -> None:
        super().__init__(channels=1, segments=1, samples=samples, seed=5)
        room = samples // count
        rng = np.random.default_rng(5)
        self.places = [k * room + int(rng.integers(0, room - PULSE_SAMPLES)) for k in range(count)]

    def read(self, box: Box) -> np.ndarray:
        """Compute a region."""
        codes = super().read(box)
        first = box.start[3]
        for place in self.places:
            lo, hi = place - first, place + PULSE_SAMPLES - first
            if hi > 0 and lo < codes.shape[3]:
                codes[..., max(0, lo) : hi] += np.int16(PULSE_CODES)
        return codes


class Answer:
    """What one question took, and what came out."""

    def __init__(self, ms: float, bytes_read: int, hits: list[list[int]]) -> None:
        self.ms = ms
        self.bytes = bytes_read
        self.hits = hits


def fresh_page(browser: Browser, origin: str) -> Page:
    page = browser.new_context(viewport=VIEWPORT, bypass_csp=True).new_page()
    page.goto(f"{origin}/viewer/?data=/pulses.zarr")
    page.wait_for_function("window.__pyramidion")
    page.evaluate("__pyramidion.idle()")
    page.keyboard.press("/")
    page.wait_for_selector(".find-form")
    page.evaluate("__pyramidion.idle()")
    return page


def ask(browser: Browser, origin: str, kind: str, press: str, fields: dict[str, str]) -> Answer:
    """Ask the tool in a page of its own; the bytes are all that went over the wire meanwhile."""
    page = fresh_page(browser, origin)
    page.get_by_label("What to find").select_option(kind)
    for name, text in fields.items():
        page.locator(f"#find-{name}").fill(text)
    before = page.evaluate("__pyramidion.stats().bytes")
    page.get_by_role("button", name=press, exact=True).click()
    page.wait_for_function(
        "__pyramidion.stats().find.hits.length && !__pyramidion.stats().find.running"
    )
    after, found = page.evaluate("[__pyramidion.stats().bytes, __pyramidion.stats().find]")
    page.context.close()
    hits = [[hit["from"], hit["to"], hit["at"]] for hit in found["hits"]]
    return Answer(found["ms"], after - before, hits)


def read_all(browser: Browser, origin: str, question: dict[str, Any]) -> Answer:
    page = fresh_page(browser, origin)
    page.set_default_timeout(0)
    answer = page.evaluate(READ_ALL, question)
    page.context.close()
    return Answer(answer["ms"], answer["bytes"], answer["hits"])


def with_numpy(store: Path) -> tuple[float, list[list[int]]]:
    """Return the seconds and the pulses found by comparing every sample."""
    attributes = dict(zarr.open_group(store, mode="r").attrs)
    gain, offset = attributes["vertical_gains"][0][0], attributes["vertical_offsets"][0][0]
    began = time.perf_counter()
    raw = zarr.open_array(store / "raw", mode="r")
    edges: list[int] = []
    state = np.zeros(1, bool)
    for first in range(0, raw.shape[3], BLOCK):
        values = raw[0, 0, 0, first : first + BLOCK] * gain - offset
        beyond = np.concatenate([state, values >= LEVEL])
        edges += (np.flatnonzero(beyond[1:] != beyond[:-1]) + first).tolist()
        state = beyond[-1:]
    return time.perf_counter() - began, [list(pair) for pair in zip(*[iter(edges)] * 2, strict=True)]  # fmt: skip


QUESTIONS = {
    "all pulses": ("beyond", "Find all", {"level": f"{LEVEL} V", "hysteresis": "0"}),
    "the next pulse": ("beyond", "Next", {"level": f"{LEVEL} V", "hysteresis": "0"}),
    "all rising edges": ("crossing", "Find all", {"level": f"{LEVEL} V", "hysteresis": "100 mV"}),
    "greatest value": ("greatest", "Find", {}),
    "longest quiet stretch": ("quiet", "Find", {"level": "0", "band": f"{BAND} V"}),
}


def main() -> None:
    """Write the record, ask, read, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", default="1e9")
    parser.add_argument("--pulses", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reads", type=int, default=1, help="how often all samples are read")
    asked = parser.parse_args()
    scope = Pulses(int(float(asked.samples)), asked.pulses)
    print(f"{machine()}; {asked.samples} samples, {asked.pulses} pulses, medians of {asked.rounds}")
    with scratch() as folder, sync_playwright() as playwright, chromium(playwright) as browser:
        store = Path(folder) / "pulses.zarr"
        generate(store, scope, ConvertOptions())
        settings = ServerSettings(port=0)
        with serve_background(build_app([folder], settings), settings) as origin:
            question = {"kind": "beyond", "level": LEVEL, "side": "above", "hysteresis": 0}
            reads: list[Answer] = []
            arrays: list[Any] = []
            found: dict[str, list[Answer]] = {name: [] for name in QUESTIONS}
            for n in range(asked.rounds):
                if n < asked.reads:
                    reads.append(read_all(browser, origin, question))
                    arrays.append(with_numpy(store))
                for name, how in QUESTIONS.items():
                    found[name].append(ask(browser, origin, *how))
    compare(scope, reads, arrays, found)
    report(reads, arrays, found)


def compare(
    scope: Pulses, reads: list[Answer], arrays: list[Any], found: dict[str, list[Answer]]
) -> None:
    """Stop unless all ways find the same."""
    pulses = [[place, place + PULSE_SAMPLES] for place in scope.places]
    gaps = np.diff([0] + [edge for pulse in pulses for edge in pulse])[::2]
    longest = int(np.argmax(gaps))
    for answer in [*reads, *found["all pulses"]]:
        assert [hit[:2] for hit in answer.hits] == pulses
    assert all(edges == pulses for _, edges in arrays)
    assert all(answer.hits[0][:2] == pulses[0] for answer in found["the next pulse"])
    for answer in found["longest quiet stretch"]:
        assert answer.hits[0][1] == scope.places[longest]
    assert all([hit[0] for hit in a.hits] == scope.places for a in found["all rising edges"])


def report(reads: list[Answer], arrays: list[Any], found: dict[str, list[Answer]]) -> None:
    """Print times, bytes and both ratios."""
    page = statistics.median(answer.ms for answer in reads) / 1000
    numpy_seconds = statistics.median(seconds for seconds, _ in arrays)
    everything = statistics.median(answer.bytes for answer in reads)
    print(f"reading all in the page  {page:8.2f} s  {everything / 1e6:8.1f} MB")
    print(f"numpy through zarr       {numpy_seconds:8.2f} s")
    for name, answers in found.items():
        seconds = statistics.median(answer.ms for answer in answers) / 1000
        size = statistics.median(answer.bytes for answer in answers)
        print(
            f"{name:24} {seconds:8.3f} s  {size / 1e6:8.2f} MB, {100 * size / everything:.3f} %;"
            f" {page / seconds:6.1f} times faster than reading, {numpy_seconds / seconds:6.1f} than numpy"
        )


if __name__ == "__main__":
    main()
