"""How long a camera's frame takes to the screen: 1024 x 576 uint16 from our live server.

    python benchmarks/viewer_live.py [--rates 30,60,100] [--seconds 10] [--rounds 3] [--wait SECONDS] [--json]

The camera is a process that writes its frames into the ring that recordings use; the live server is a
process of its own, as with ``pyramidion acquire``; the page is in a headless Chromium without a GPU.
Each frame carries its number as black and white squares, and the page's canvas is read back with
every frame of the screen: latency runs from the camera's stamp to the number being legible in pixels.
Beside it a page that only fetches the frames and draws nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from playwright.sync_api import sync_playwright

from browser import chromium, fresh_page, joined, long_tasks, parser, ratios, report
from harness import machine, spread
from processes import descendants, name_of, seconds_of
from pyramidion.core import FrameSpec, Stamps
from pyramidion.server import ServerSettings, run_live_server
from pyramidion.storage import FrameRing
from quiet import Quiet

HEIGHT, WIDTH = 576, 1024
SLOTS = 16
SQUARE, BITS = 32, 16
WHITE, BLACK = 4095, 0
WARM_S = 3.0
GOAL_MS = 60

# Reads the number from the squares (white, black, then its bits) whenever a frame of the screen is
# drawn, in the first task behind it.
READ = """([square, bits]) => {
  const canvas = document.querySelector('canvas.picture');
  const context = canvas.getContext('2d');
  const channel = new MessageChannel();
  const seen = (window.__seen = []);
  let last = -1;
  const number = () => {
    const { left, top, kh, kv } = __pyramidion.frame();
    const at = (k) => Math.floor(left + (k + 0.5) * square * kh);
    const from = at(0);
    const { data } = context.getImageData(from, Math.floor(top + 1.5 * square * kv), at(bits + 1) - from + 1, 1);
    const grey = (k) => data[4 * (at(k) - from)];
    const middle = (grey(0) + grey(1)) / 2;
    let found = 0;
    for (let bit = 0; bit < bits; bit++) if (grey(bit + 2) > middle) found |= 1 << bit;
    return found;
  };
  channel.port1.onmessage = () => {
    const now = performance.timeOrigin + performance.now();
    const found = number();
    const told = __pyramidion.stats();
    if (found !== last) seen.push([now, found, told.number, told.time]);
    last = found;
  };
  const look = () => {
    channel.port2.postMessage(0);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""

FETCH = """async (seconds) => {
  const waited = [];
  let number = -1;
  for (const end = performance.now() + 1000 * seconds; performance.now() < end;) {
    const answer = await fetch(`/latest?after=${number}&wait=1000`, { cache: 'no-store' });
    await answer.arrayBuffer();
    if (answer.status !== 200) continue;
    number = Number(answer.headers.get('X-Frame-Number'));
    waited.push(performance.timeOrigin + performance.now() - 1000 * Number(answer.headers.get('X-Timestamp')));
  }
  return waited;
}"""


class Processes(NamedTuple):
    camera: int
    server: int


def main() -> None:
    arguments = parse_arguments()
    quiet = Quiet(arguments.wait)
    found: dict[str, Any] = {"machine": machine()}
    goals = {}
    with sync_playwright() as playwright, chromium(playwright) as browser:
        for rate in arguments.rates:
            rounds = [
                quiet.run(partial(measure, browser, rate, arguments.seconds))
                for _ in range(arguments.rounds)
            ]
            found |= {f"{rate} Hz: {name}": value for name, value in summed(rounds).items()}
            goals[f"{rate} Hz: camera to pixel, ms"] = f"p95 {GOAL_MS}" if rate == 30 else "none"
    found["% of a core taken by others"] = spread(quiet.taken)
    report(found, goals, as_json=arguments.json)


def parse_arguments() -> argparse.Namespace:
    asking = parser(__doc__)
    asking.add_argument(
        "--rates",
        type=lambda text: [int(rate) for rate in text.split(",")],
        default=[30, 60, 100],
        help="frames a second, with commas between",
    )
    asking.add_argument("--seconds", type=float, default=10)
    asking.add_argument("--rounds", type=int, default=3)
    return asking.parse_args()


# The camera


def run_camera(rate: float, connection: Connection) -> None:
    """Push frames at a rate until the other end hangs up."""
    rng = np.random.default_rng(1)
    noise = rng.normal(2000, 250, (4, HEIGHT, WIDTH)).astype(np.uint16)
    ring = FrameRing.create(FrameSpec(HEIGHT, WIDTH, np.dtype("uint16")), SLOTS)
    connection.send(ring.name)
    begun = time.time()
    number = 0
    while not connection.poll(max(0.0, begun + number / rate - time.time())):
        push(ring, number, noise[number % len(noise)])
        number += 1
        if number % max(1, int(rate / 10)) == 0:
            ring.beat(number)
            ring.tell_status({"state": "looking", "camera": "Benchmark", "fps": rate})
    ring.close()


def push(ring: FrameRing, number: int, pixels: np.ndarray) -> None:
    taken = time.time()
    slot = ring.writable(1)[0]
    slot[...] = pixels
    squares = [WHITE, BLACK, *(WHITE if number >> bit & 1 else BLACK for bit in range(BITS))]
    slot[SQUARE : 2 * SQUARE, : len(squares) * SQUARE] = np.repeat(squares, SQUARE)
    ring.push(Stamps(np.array([number]), np.array([np.nan]), np.array([taken])))
    ring.release(ring.pushed)


@contextlib.contextmanager
def camera_and_server(rate: float) -> Iterator[tuple[str, Processes]]:
    """Both, each in its process; yields the server's address."""
    processes = multiprocessing.get_context("spawn")
    ours, its = processes.Pipe()
    camera = processes.Process(target=run_camera, args=(rate, its), daemon=True)
    camera.start()
    told, tells = processes.Pipe()
    server = processes.Process(
        target=run_live_server,
        args=(ours.recv(), None, tells),
        kwargs={"settings": ServerSettings(port=0)},
        daemon=True,
    )
    server.start()
    url = told.recv()
    try:
        yield url, Processes(camera.pid or 0, server.pid or 0)
    finally:
        server.terminate()
        server.join()
        ours.send("enough")
        camera.join()


# What is seen of it


def measure(browser: Any, rate: float, seconds: float) -> dict[str, Any]:
    """Watch the panel, then only fetch."""
    with camera_and_server(rate) as (url, processes):
        with fresh_page(browser) as page:
            page.goto(f"{url}/viewer/?live=/")
            page.wait_for_function(
                "() => window.__pyramidion?.frame && __pyramidion.stats().frames > 10"
            )
            page.evaluate(READ, [SQUARE, BITS])
            time.sleep(WARM_S)
            before, since = cpu_seconds(processes), page.evaluate("performance.now()")
            page.evaluate("() => { __seen.length = 0; }")
            began = time.perf_counter()
            time.sleep(seconds)
            seen = page.evaluate("__seen")
            took = time.perf_counter() - began
            after = cpu_seconds(processes)
            tasks = long_tasks(page, since)
            stats = page.evaluate("__pyramidion.stats()")
        if (stats["scale"], stats["pixels"]) != (1, WIDTH * HEIGHT):
            raise SystemExit(f"the page shows {stats['pixels']} pixels at 1:{stats['scale']}")
        with fresh_page(browser) as page:
            page.goto(f"{url}/info")
            fetched = page.evaluate(FETCH, seconds / 3)
    right = [(now, time_) for now, legible, told, time_ in seen if legible == told % (1 << BITS)]
    return {
        "latency": [now - 1000 * time_ for now, time_ in right],
        "other": len(seen) - len(right),
        "drawn": len(seen) / took,
        "fetched": fetched,
        "draw": stats["drawMs"],
        "tasks": tasks,
        "cpu": {name: 100 * (after[name] - before[name]) / took for name in after},
    }


def summed(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """All rounds as one."""
    p95s = [spread(one["latency"])["p95"] for one in rounds]
    ours, plain = spread(joined(rounds, "latency")), spread(joined(rounds, "fetched"))
    return {
        "camera to pixel, ms": ours,
        "p95 of each round": p95s,
        "plain fetch, ms": plain,
        "ratio of p50, p95": ratios(ours, plain),
        "drawn a second": round(sum(one["drawn"] for one in rounds) / len(rounds), 1),
        "pixels of another frame than told": sum(one["other"] for one in rounds),
        "last drawing, ms": [round(one["draw"], 1) for one in rounds],
        "tasks over 50 ms": [round(ms) for ms in joined(rounds, "tasks")],
        "% of a core": {
            name: round(sum(one["cpu"][name] for one in rounds) / len(rounds))
            for name in rounds[0]["cpu"]
        },
    }


def cpu_seconds(processes: Processes) -> dict[str, float]:
    """CPU seconds so far of the camera, the server, and all processes of the browser."""
    browser = sum(
        seconds_of(pid) for pid in descendants(os.getpid()) if name_of(pid).startswith("chrom")
    )
    return {
        "camera": seconds_of(processes.camera),
        "server": seconds_of(processes.server),
        "browser": browser,
    }


if __name__ == "__main__":
    main()
