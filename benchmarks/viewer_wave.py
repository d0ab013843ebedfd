"""How soon the viewer shows a record of 1e9 samples, and each zoom into it, beside a plain ``fetch``.

    python benchmarks/viewer_wave.py [--store generated|made] [--rounds 3] [--wait SECONDS] [--json]

Turns the real mouse wheel in a headless Chromium without a GPU, against our own server on this
machine: twelve places, twenty halvings of the window each, every place in a fresh browser. A step is
cold when the first frame after the wheel could not be complete. Times run from the event's arrival in
the page to the frame that is complete. The bound beside it: the very ranges that the page asked for, by plain ``fetch`` in
the same page, all at once.

The record is what ``pyramidion generate`` writes (``--store generated``), or one whose chunks repeat
those of a short generated one (``--store made``): so is always the record of 1e12 samples, whose
steps must cost no more bytes and requests than those into an equally made one of 1e9.
"""

from __future__ import annotations

import argparse
import math
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from playwright.sync_api import sync_playwright

from browser import (
    chromium,
    drag_slowly,
    fetch_plainly,
    long_tasks,
    open_data,
    opened,
    parser,
    report,
    step,
)
from harness import machine, scratch, spread
from http_servers import served
from proxy import Proxy, proxied, raw_size
from quiet import Quiet
from wave_stores import LONG, make_stores

HALVING = -math.log(2) / 0.0022  # what the page takes for half of the window
ENOUGH_SAMPLES = 1000
REST_S = 0.1  # a person looks before the next step; the page plans at most every 60 ms
DELAY_S = 0.05

GOALS = {
    "first data, ms": "p50 400, max 1000",
    "cold step, ms": "p95 100",
    "warm step, ms": "p95 34",
    "requests of a step": "max 2",
    "kB of a step": "max 300",
    "tasks over 50 ms, panning": "none",
    "first data, data + 50 ms, ms": "600",
    "first data, all + 50 ms, ms": "600",
    "cold step, all + 50 ms, ms": "p95 150",
    "requests of a step, all + 50 ms": "max 2",
    "page until first picture, kB": "250",
    "page until first picture, gzipped": "100",
    "1e12 over 1e9, bytes of a cold step": "1",
    "1e12 over 1e9, requests of a cold step": "1",
}


def main() -> None:
    arguments = parse_arguments()
    found: dict[str, Any] = {"machine": machine()}
    with scratch() as name, sync_playwright() as playwright:
        folder = arguments.folder or Path(name)
        if not (folder / "wave.zarr").exists():
            make_stores(folder, arguments.samples, generated=arguments.store == "generated")
        with (
            served(folder) as (origin, _),
            chromium(playwright) as browser,
            proxied(origin) as proxy,
        ):
            for part in arguments.parts:
                quiet = Quiet(arguments.wait)
                found |= PARTS[part](Bench(browser, origin, proxy, quiet, arguments))
                if quiet.taken:
                    found[f"{part}: % of a core taken by others"] = spread(quiet.taken)
    report(found, GOALS, as_json=arguments.json)


def parse_arguments() -> argparse.Namespace:
    asking = parser(__doc__)
    asking.add_argument("--samples", type=lambda text: int(float(text)), default=10**9)
    asking.add_argument("--store", choices=("generated", "made"), default="generated")
    asking.add_argument("--folder", type=Path, help="where the stores are made and left")
    asking.add_argument("--rounds", type=int, default=3)
    asking.add_argument("--opens", type=int, default=9, help="fresh browsers for the first data")
    asking.add_argument("--paths", type=int, default=12)
    asking.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    return asking.parse_args()


class Bench(NamedTuple):
    """What every part is done with."""

    browser: Any
    origin: str
    proxy: Proxy
    quiet: Quiet
    arguments: argparse.Namespace


def data(origin: str, store: str) -> str:
    return f"{origin}/viewer/?data=/{store}.zarr"


def measure_open(bench: Bench) -> dict[str, Any]:
    """From navigating to the first complete picture, in fresh browsers, and once more in each."""
    firsts = [
        bench.quiet.run(lambda: visits(bench, bench.origin)) for _ in range(bench.arguments.opens)
    ]
    return {
        "first data, ms": spread([one for one, _ in firsts]),
        "first data of a second visit, ms": spread([again for _, again in firsts]),
    }


def visits(bench: Bench, origin: str) -> tuple[float, float]:
    with opened(bench.browser, data(origin, "wave")) as (page, first):
        return first, open_data(page, data(origin, "wave"))


def measure_zoom(bench: Bench) -> dict[str, Any]:
    """Cold and warm steps, and the bound."""
    paths = bench.arguments.rounds * bench.arguments.paths
    walks = [walk(bench, bench.origin, "wave", seed, again=True) for seed in range(paths)]
    steps = [step for one in walks for step in one.steps]
    cold = [step["sharp"] for step in steps if step["cold"]]
    bound = [ms for one in walks for ms in one.bound]
    ours, plain = spread(cold), spread(bound)
    ahead = sum(1 for step in steps if not step["cold"] and step["requests"])
    return {
        "steps": f"{len(steps)}, cold {len(cold)}, others that fetched ahead {ahead}",
        "cold step, ms": ours,
        "warm step, ms": spread([step["sharp"] for one in walks for step in one.again]),
        "something drawn, any step, ms": spread([step["first"] for step in steps]),
        "browser before the page, ms": spread([step["brought"] for step in steps]),
        "plain fetch of a cold step, ms": plain,
        "cold step over plain fetch": f"{ours['p50'] / plain['p50']:.1f} (p50), {ours['p95'] / plain['p95']:.1f} (p95)",
        **costs(steps),
        "tasks over 50 ms, zooming": [round(ms) for one in walks for ms in one.long],
    }


class Walk(NamedTuple):
    """One path into the record in a fresh browser: its steps, the same again, and what disturbed."""

    first: float
    opening: dict[str, Any]
    steps: list[dict[str, Any]]
    again: list[dict[str, Any]]
    long: list[float]
    bound: list[float]
    total: dict[str, Any]


def walk(bench: Bench, origin: str, store: str, seed: int, *, again: bool = False) -> Walk:
    """Halve the window again and again about a place, until a thousand samples are left."""

    def act() -> Walk:
        with opened(bench.browser, data(origin, store)) as (page, first):
            opening = page.evaluate("__pyramidion.stats()")
            since = page.evaluate("performance.now()")
            samples = LONG if store == "long" else bench.arguments.samples
            steps = zoom(page, samples, seed)
            tasks = long_tasks(page, since)
            total = page.evaluate("__pyramidion.stats()")
            same = zoom(page, samples, seed) if again else []
            bound = [fetch_plainly(page, step["asked"]) for step in steps if step["cold"]]
            return Walk(first, opening, steps, same, tasks, bound, total)

    return bench.quiet.run(act)


def zoom(page: Any, samples: int, seed: int) -> list[dict[str, Any]]:
    see_all(page, samples)
    box = page.locator("canvas.trace").bounding_box()
    share = np.random.default_rng(seed).uniform(0.03, 0.97)
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    steps = []
    for _ in range(math.ceil(math.log2(samples / ENOUGH_SAMPLES))):
        time.sleep(REST_S)
        steps.append(step(page, "wheel", lambda: page.mouse.wheel(0, HALVING), until_quiet=True))
    return steps


def see_all(page: Any, samples: int) -> None:
    page.evaluate(
        "(n) => { __pyramidion.setView({ samples: [-0.5, n - 0.5] }); return __pyramidion.idle(); }",
        samples,
    )


FRAMES = """() => {
  window.__frames = [];
  let last = 0;
  const count = (now) => {
    if (last) window.__frames.push(now - last);
    last = now;
    window.__counting = requestAnimationFrame(count);
  };
  window.__counting = requestAnimationFrame(count);
}"""


def pan(page: Any, depth: int, seed: int) -> tuple[list[float], list[float]]:
    """Drag to and fro; return the long tasks' and the frames' milliseconds."""
    box = page.locator("canvas.trace").bounding_box()
    y = box["y"] + box["height"] / 2
    share = np.random.default_rng(seed).uniform(0.2, 0.8)
    page.mouse.move(box["x"] + share * box["width"], y)
    for _ in range(depth):
        page.mouse.wheel(0, HALVING)
        time.sleep(0.02)
    page.evaluate("__pyramidion.idle()")
    page.evaluate(FRAMES)
    since = page.evaluate("performance.now()")
    near, far = (box["x"] + edge * box["width"] for edge in (0.05, 0.95))
    for start, end in [(far, near)] * 3 + [(near, far)] * 2:
        drag_slowly(page, (start, y), (end, y))
    frames = page.evaluate("() => { cancelAnimationFrame(window.__counting); return __frames; }")
    return long_tasks(page, since), frames


def measure_pan(bench: Bench) -> dict[str, Any]:
    """What dragging costs, at several depths, over what is here and what is not."""
    long: list[float] = []
    frames: list[float] = []
    for seed in range(bench.arguments.rounds):
        for depth in (3, 7, 11, 15, 19):
            tasks, every = bench.quiet.run(partial(pans, bench, depth, seed))
            long += tasks
            frames += every
    return {
        "tasks over 50 ms, panning": [round(ms) for ms in long],
        "frame while panning, ms": spread(frames),
    }


def pans(bench: Bench, depth: int, seed: int) -> tuple[list[float], list[float]]:
    with opened(bench.browser, data(bench.origin, "wave")) as (page, _):
        return pan(page, depth, seed)


def costs(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Requests and bytes of the steps, what they fetched ahead included."""
    cold = [s for s in steps if s["cold"]]
    return {
        "requests of a step": most(steps, cold, "requests", 1),
        "kB of a step": most(steps, cold, "bytes", 1000),
    }


def most(steps: list[Any], cold: list[Any], key: str, unit: float) -> dict[str, float]:
    return {
        "max": round(max(s[key] for s in steps) / unit, 1),
        "mean of cold": round(sum(s[key] for s in cold) / max(1, len(cold)) / unit, 2),
        "mean of all": round(sum(s[key] for s in steps) / len(steps) / unit, 2),
    }


def measure_page(bench: Bench) -> dict[str, Any]:
    """Bytes of the page itself: until the first picture, and until all is quiet."""
    proxy = bench.proxy
    proxy.log.clear()
    with opened(bench.browser, data(proxy.origin, "wave")) as (page, first):
        drawn = (page.evaluate("performance.timeOrigin") + first) / 1000
        page.wait_for_timeout(500)
    own = [one for one in proxy.log if one.is_page]
    found = {}
    for name, some in (("first picture", [one for one in own if one.at <= drawn]), ("quiet", own)):
        known = sum(1 for one in some if one.status == 304)
        found |= {
            f"page until {name}, kB": round(sum(map(raw_size, some)) / 1000, 1),
            f"page until {name}, gzipped": round(sum(one.bytes for one in some) / 1000, 1),
            f"files until {name}": f"{len(some) - known}, and {known} asked for again (304)",
        }
    return found


def measure_far(bench: Bench) -> dict[str, Any]:
    """The same with 50 ms before every request."""
    proxy, opens = bench.proxy, bench.arguments.opens
    seen = {}
    for name, proxy.delay, proxy.delay_page in (
        ("+ 0 ms", 0.0, 0.0),
        ("data + 50 ms", DELAY_S, 0.0),
        ("all + 50 ms", DELAY_S, DELAY_S),
    ):
        seen[name] = [bench.quiet.run(lambda: visits(bench, proxy.origin)) for _ in range(opens)]
    walks = [walk(bench, proxy.origin, "wave", 100 + seed) for seed in range(bench.arguments.paths)]
    steps = [step for one in walks for step in one.steps]
    cold = [step for step in steps if step["cold"]]
    proxy.log.clear()
    told = walk(bench, proxy.origin, "wave", 99).total
    wire = [one.bytes for one in proxy.log if not one.is_page][: told["requests"]]
    return {
        **{
            f"first data, {name}, ms": spread([one for one, _ in visit])
            for name, visit in seen.items()
        },
        **{
            f"second visit, {name}, ms": spread([one for _, one in visit])
            for name, visit in seen.items()
        },
        "cold step, all + 50 ms, ms": spread([step["sharp"] for step in cold]),
        "its plain fetch, ms": spread([ms for one in walks for ms in one.bound]),
        "requests of a step, all + 50 ms": most(steps, cold, "requests", 1),
        "page and wire agree": (told["requests"], told["bytes"]) == (len(wire), sum(wire)),
    }


def measure_long(bench: Bench) -> dict[str, Any]:
    """Steps into a record a thousand times as long, beside those into an equally made one."""
    found: dict[str, Any] = {}
    means = {}
    for name, store in (("made", "short"), ("1e12", "long")):
        walks = [
            walk(bench, bench.origin, store, 50 + seed) for seed in range(bench.arguments.paths)
        ]
        steps = [step for one in walks for step in one.steps]
        cold = [step for step in steps if step["cold"]]
        means[name] = {key: sum(s[key] for s in cold) / len(cold) for key in ("requests", "bytes")}
        opening = walks[0].opening
        found |= {
            f"{name}: first data, ms": spread([one.first for one in walks]),
            f"{name}: opening": f"{opening['requests']} requests, {opening['bytes'] / 1000:.1f} kB",
            f"{name}: cold step, ms": spread([step["sharp"] for step in cold]),
            f"{name}: requests of a step": most(steps, cold, "requests", 1),
            f"{name}: kB of a step": most(steps, cold, "bytes", 1000),
        }
    for key in ("bytes", "requests"):
        ratio = means["1e12"][key] / means["made"][key]
        found[f"1e12 over 1e9, {key} of a cold step"] = round(ratio, 3)
    return found


PARTS = {
    "open": measure_open,
    "zoom": measure_zoom,
    "pan": measure_pan,
    "page": measure_page,
    "far": measure_far,
    "long": measure_long,
}

if __name__ == "__main__":
    main()
