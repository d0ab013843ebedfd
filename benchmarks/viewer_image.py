"""How soon the viewer shows an image of 16384 x 16384 pixels: coarse, sharp, and again from memory.

Turns the real mouse wheel and drags with the real mouse in a headless Chromium without a GPU, against
our own server on this machine. Times run from the event to the frame that is drawn; a step is cold
when it had to fetch something.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs
import numpy as np
from playwright.sync_api import sync_playwright

from pyramidion.server import ServerSettings, build_app, serve_background

SIZE = 16384
CHUNK = 512
PER_SHARD = 8
LEVELS = 6
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
VIEWPORT = {"width": 1280, "height": 800}

# Notes when an event came, when the next frame was drawn, and when everything was sharp.
WATCH = """
window.__steps = [];
window.__long = [];
new PerformanceObserver((list) => window.__long.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
window.__watch = (kind) => new Promise((resolve) => {
  const page = window.__pyramidion;
  const before = page.stats().requests;
  const begin = (event) => {
    removeEventListener(kind, begin, true);
    const start = performance.now();
    let coarse = 0;
    const look = () => {
      const now = performance.now();
      coarse ||= now - start;
      const { complete, requests, levelNumber } = page.stats();
      if (!complete && now - start < 5000) return void requestAnimationFrame(look);
      const step = { coarse, sharp: now - start, cold: requests > before, levelNumber };
      window.__steps.push(step);
      resolve(step);
    };
    // After the page's own handler, so after its frame.
    setTimeout(() => requestAnimationFrame(look));
  };
  addEventListener(kind, begin, true);
});
"""

FIRST = """() => new Promise((resolve) => {
  const look = () => (window.__pyramidion?.stats().complete ? resolve(performance.now()) : requestAnimationFrame(look));
  look();
})"""


def write_store(folder: Path) -> Path:
    """Write a pyramid whose chunks all hold the same noise; equal shards are one file with many names."""
    noise = np.random.default_rng(1).normal(2000, 250, (CHUNK, CHUNK)).astype("<u2")
    blosc = numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE).encode(noise)
    chunk = bytes(blosc) + google_crc32c.value(bytes(blosc)).to_bytes(4, "little")
    store = folder / "noise.zarr"
    datasets = []
    for level in range(LEVELS):
        size = SIZE >> level
        across = min(PER_SHARD, max(1, size // CHUNK))
        index = np.array([[k * len(chunk), len(chunk)] for k in range(across**2)], "<u8").tobytes()
        shard = chunk * across**2 + index + google_crc32c.value(index).to_bytes(4, "little")
        first = store / str(level) / "shard"
        first.parent.mkdir(parents=True)
        first.write_bytes(shard)
        for y in range(math.ceil(size / CHUNK / across)):
            for x in range(math.ceil(size / CHUNK / across)):
                place = store / str(level) / "c" / str(y) / str(x)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.hardlink_to(first)
        first.unlink()
        (store / str(level) / "zarr.json").write_text(json.dumps(array_metadata(size, across)))
        scale = [float(1 << level)] * 2
        shift = [((1 << level) - 1) / 2] * 2
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}]
        datasets.append({"path": str(level), "coordinateTransformations": steps})
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    root = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    (store / "zarr.json").write_text(json.dumps(root))
    return store


def array_metadata(size: int, across: int) -> dict[str, Any]:
    """Return the ``zarr.json`` of a level."""
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    blosc = {
        "name": "blosc",
        "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 0},
    }  # fmt: skip
    sharding = {
        "chunk_shape": [CHUNK, CHUNK],
        "codecs": [little, blosc, {"name": "crc32c"}],
        "index_codecs": [little, {"name": "crc32c"}],
        "index_location": "end",
    }
    return {
        "zarr_format": 3, "node_type": "array", "shape": [size, size], "data_type": "uint16", "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [CHUNK * across] * 2}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
    }  # fmt: skip


def wheel(page: Any, delta: float) -> dict[str, Any]:
    """Turn the wheel once and wait until the picture is sharp."""
    page.evaluate("() => { window.__last = window.__watch('wheel'); }")
    page.mouse.wheel(0, delta)
    step: dict[str, Any] = page.evaluate("window.__last")
    return step


def drag(page: Any, x: float, y: float, dx: float, dy: float) -> dict[str, Any]:
    """Drag once and wait until the picture is sharp."""
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("() => { window.__last = window.__watch('pointermove'); }")
    page.mouse.move(x + dx, y + dy)
    step: dict[str, Any] = page.evaluate("window.__last")
    page.mouse.up()
    return step


def walk(page: Any, paths: int) -> list[dict[str, Any]]:
    """Zoom in at a place, move about there, zoom out again; at several places."""
    steps = []
    rng = np.random.default_rng(7)
    box = page.locator(".pane-xy canvas.picture").bounding_box()
    for _ in range(paths):
        x, y = (
            box["x"] + rng.uniform(0.15, 0.85) * box["width"],
            box["y"] + rng.uniform(0.15, 0.85) * box["height"],
        )
        page.mouse.move(x, y)
        steps += [wheel(page, -157.5) for _ in range(12)]  # a factor of the square root of two
        steps += [drag(page, x, y, *rng.uniform(-220, 220, 2)) for _ in range(5)]
        page.mouse.move(x, y)
        steps += [wheel(page, 157.5) for _ in range(12)]
    return steps


def quantiles(values: list[float]) -> str:
    """Return median and 95th percentile as text."""
    if len(values) < 2:
        return "no steps"
    ordered = sorted(values)
    return f"p50 {statistics.median(ordered):6.1f} ms   p95 {ordered[int(0.95 * (len(ordered) - 1))]:6.1f} ms   of {len(values)}"


def main() -> None:
    """Build the store, walk through it twice, print what was seen."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_store(folder)
        settings = ServerSettings(port=0)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        with serve_background(build_app([folder], settings), settings) as origin:
            page = browser.new_page(viewport=VIEWPORT)
            page.add_init_script(WATCH)
            page.goto(f"{origin}/viewer/?data=/noise.zarr")
            first = page.evaluate(FIRST)
            print(f"first picture {first:.0f} ms after the page was asked for")
            page.evaluate("__pyramidion.idle()")
            steps = walk(page, paths=8)
            report(steps, page)
            page.close()
        browser.close()


def report(steps: list[dict[str, Any]], page: Any) -> None:
    """Print the numbers."""
    cold = [step for step in steps if step["cold"]]
    warm = [step for step in steps if not step["cold"]]
    stats = page.evaluate("__pyramidion.stats()")
    print(f"coarse        {quantiles([s['coarse'] for s in steps])}")
    print(f"sharp, cold   {quantiles([s['sharp'] for s in cold])}")
    print(f"sharp, warm   {quantiles([s['sharp'] for s in warm])}")
    print(
        f"{stats['requests']} requests, {stats['bytes'] / 1e6:.1f} MB, decoding {stats['decodeMs']:.0f} ms, colouring {stats['colourMs']:.0f} ms"
    )
    long = page.evaluate("window.__long")
    print(f"tasks over 50 ms: {len(long)}" + (f", longest {max(long):.0f} ms" if long else ""))


if __name__ == "__main__":
    main()
