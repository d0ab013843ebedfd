"""How soon the viewer shows an image of 16384 x 16384 pixels: coarse, sharp, and again from memory.

    python benchmarks/viewer_image.py [--cold 250] [--wait SECONDS] [--json]

Turns the real mouse wheel and drags with the real mouse in a headless Chromium without a GPU, against
our own server on this machine, every place in a fresh browser. Times run from the event's arrival in
the page to the frame; a step is cold when the first frame after it could not be sharp. The next step
begins as soon as the picture is sharp, so what the page fetches ahead is often still on its way. The
bound beside it: the ranges that the page asked for meanwhile, by plain ``fetch``, all at once.
"""

from __future__ import annotations

import json
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs
import numpy as np
from playwright.sync_api import sync_playwright

from browser import (
    chromium,
    drag_slowly,
    fetch_plainly,
    joined,
    long_tasks,
    opened,
    parser,
    ratios,
    report,
    step,
)
from harness import machine, scratch, spread
from http_servers import served
from quiet import Quiet

SIZE = 16384
CHUNK = 512
PER_SHARD = 8
LEVELS = 6
HALF_NOTCH = 157.5  # a factor of the square root of two
GOALS = {"sharp, cold, ms": "p95 200", "coarse, ms": "p95 34", "sharp, warm, ms": "p95 34"}


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


def main() -> None:
    asking = parser(__doc__)
    asking.add_argument("--cold", type=int, default=250, help="cold steps, at least")
    arguments = asking.parse_args()
    quiet = Quiet(arguments.wait)
    found: dict[str, Any] = {"machine": machine()}
    walks: list[dict[str, Any]] = []
    with scratch() as name, sync_playwright() as playwright:
        write_store(Path(name))
        with served(Path(name)) as (origin, _), chromium(playwright) as browser:
            address = f"{origin}/viewer/?data=/noise.zarr"
            while sum(one["cold"] for walk in walks for one in walk["steps"]) < arguments.cold:
                walks.append(quiet.run(partial(walk, browser, address, len(walks))))
            pans = [quiet.run(partial(pan, browser, address, 6 * n)) for n in (0, 1, 2)]
    found |= summed(walks)
    found["tasks over 50 ms, panning"] = [round(ms) for one in pans for ms in one]
    found["% of a core taken by others"] = spread(quiet.taken)
    report(found, GOALS, as_json=arguments.json)


def walk(browser: Any, address: str, seed: int) -> dict[str, Any]:
    """Zoom in at a place, move about there, zoom out again."""
    rng = np.random.default_rng(seed)
    with opened(browser, address) as (page, first):
        box = page.locator(".pane-xy canvas.picture").bounding_box()
        since = page.evaluate("performance.now()")
        x = box["x"] + rng.uniform(0.15, 0.85) * box["width"]
        y = box["y"] + rng.uniform(0.15, 0.85) * box["height"]
        page.mouse.move(x, y)
        steps = [wheel(page, -HALF_NOTCH) for _ in range(12)]
        steps += [drag(page, x, y, *rng.uniform(-500, 500, 2)) for _ in range(8)]
        page.mouse.move(x, y)
        steps += [wheel(page, HALF_NOTCH) for _ in range(12)]
        tasks = long_tasks(page, since)
        page.evaluate("__pyramidion.idle()")
        bound = [fetch_plainly(page, one["asked"]) for one in steps if one["cold"] and one["asked"]]
        stats = page.evaluate("__pyramidion.stats()")
    return {"first": [first], "steps": steps, "tasks": tasks, "bound": bound, "stats": stats}


def wheel(page: Any, delta: float) -> dict[str, Any]:
    """Turn the wheel once and wait until the picture is sharp."""
    return step(page, "wheel", lambda: page.mouse.wheel(0, delta))


def drag(page: Any, x: float, y: float, dx: float, dy: float) -> dict[str, Any]:
    """Drag once and wait until the picture is sharp."""
    page.mouse.move(x, y)
    page.mouse.down()
    found = step(page, "pointermove", lambda: page.mouse.move(x + dx, y + dy))
    page.mouse.up()
    return found


def pan(browser: Any, address: str, turns: int) -> list[float]:
    """Drag to and fro for some seconds, as a hand does; return the long tasks' milliseconds."""
    with opened(browser, address) as (page, _):
        box = page.locator(".pane-xy canvas.picture").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        for _ in range(turns):
            page.mouse.wheel(0, -HALF_NOTCH)
            time.sleep(0.05)
        page.evaluate("__pyramidion.idle()")
        since = page.evaluate("performance.now()")
        for turn in range(8):
            along = 0.45 if turn % 4 < 2 else -0.45
            end = x + along * box["width"], y + along * box["height"] * (turn % 2)
            drag_slowly(page, (x, y), end)
        return long_tasks(page, since)


def summed(walks: list[dict[str, Any]]) -> dict[str, Any]:
    """All walks as one."""
    steps = joined(walks, "steps")
    ours = spread([one["sharp"] for one in steps if one["cold"]])
    plain = spread(joined(walks, "bound"))
    total = {
        key: sum(one["stats"][key] for one in walks)
        for key in ("requests", "bytes", "decodeMs", "colourMs")
    }
    return {
        "first picture, ms": spread(joined(walks, "first")),
        "coarse, ms": spread([one["first"] for one in steps]),
        "sharp, cold, ms": ours,
        "sharp, warm, ms": spread([one["sharp"] for one in steps if not one["cold"]]),
        "browser before the page, ms": spread([one["brought"] for one in steps]),
        "plain fetch of a cold step, ms": plain,
        "ratio of p50, p95": ratios(ours, plain),
        "tasks over 50 ms, steps": [round(ms) for ms in joined(walks, "tasks")],
        "requests, MB": f"{total['requests']}, {total['bytes'] / 1e6:.0f}",
        "decoding, colouring, ms": f"{total['decodeMs']:.0f}, {total['colourMs']:.0f}",
    }


if __name__ == "__main__":
    main()
