"""A headless Chromium before a server: what a step of the wheel costs, and how that is told."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
VIEWPORT = {"width": 1280, "height": 800}

# A frame is judged when it has been handed to the compositor: in the first task behind it, when the
# page's own callbacks have run. Times begin when the event reaches the page; what the browser itself
# takes to bring it, 24 ms to a page that does nothing, is `brought`.
WATCH = """(() => {
  const page = () => window.__pyramidion;
  const channel = new MessageChannel();
  const behind = [];
  channel.port1.onmessage = () => behind.shift()();
  const frame = (act) => requestAnimationFrame(() => { behind.push(act); channel.port2.postMessage(0); });

  window.__long = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) window.__long.push({ at: startTime, ms: duration });
  }).observe({ type: 'longtask' });

  // Everything that the page asks for, to be asked for again as plainly as can be.
  window.__fetched = [];
  const fetch = window.fetch;
  window.fetch = (url, init) => {
    window.__fetched.push([String(url), new Headers(init?.headers).get('Range')]);
    return fetch(url, init);
  };
  window.__fetchPlainly = async (list) => {
    const start = performance.now();
    await Promise.all(list.map(async ([url, range]) => (await fetch(url, { cache: 'no-store', headers: range ? { Range: range } : {} })).arrayBuffer()));
    return performance.now() - start;
  };

  window.__first = new Promise((resolve) => {
    const look = () => (page()?.stats().complete ? resolve(performance.now()) : frame(look));
    frame(look);
  });

  // The next event of a kind: when the first frame after it was drawn, when one that stayed was
  // complete, and what was asked for. Watches until the picture is complete, or until all is quiet.
  window.__watch = (kind, untilQuiet) => new Promise((resolve) => {
    const before = page().stats();
    const asked = window.__fetched.length;
    let start = 0;
    let brought = 0;
    addEventListener(kind, ({ timeStamp }) => {
      start = performance.now();
      brought = start - timeStamp;
    }, { once: true, capture: true });
    addEventListener(kind, () => {
      let first = null;
      let sharp = null;
      let cold = false;
      let quiet = !untilQuiet;
      const done = () => {
        const { requests, bytes, complete } = page().stats();
        resolve({
          first, sharp, brought, cold, complete, requests: requests - before.requests, bytes: bytes - before.bytes,
          asked: window.__fetched.slice(asked),
        });
      };
      const look = () => {
        const now = performance.now() - start;
        const { complete } = page().stats();
        if (first === null) [first, cold] = [now, !complete];
        sharp = complete ? sharp ?? now : null;
        if (now > 20000 || (complete && quiet)) done();
        else frame(look);
      };
      frame(look); // behind the page's own request for a frame
      if (untilQuiet) void page().idle().then(() => (quiet = true));
    }, { once: true });
  });
})();"""


@contextlib.contextmanager
def chromium(playwright: Any) -> Iterator[Any]:
    """The browser, without a GPU."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("chromium: not installed: apt-get install chromium")
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield browser
    browser.close()


@contextlib.contextmanager
def fresh_page(browser: Any) -> Iterator[Any]:
    """A page whose browser has nothing in its cache."""
    page = browser.new_context(viewport=VIEWPORT).new_page()
    page.add_init_script(WATCH)
    yield page
    page.context.close()


@contextlib.contextmanager
def opened(browser: Any, address: str) -> Iterator[tuple[Any, float]]:
    """A fresh page with a dataset, and how long its first picture took."""
    with fresh_page(browser) as page:
        yield page, open_data(page, address)


def open_data(page: Any, address: str) -> float:
    """Open a dataset; return the milliseconds from navigating to the first complete picture."""
    page.goto(address, wait_until="commit")
    first: float = page.evaluate("window.__first")
    page.evaluate("__pyramidion.idle()")
    return first


def step(page: Any, kind: str, act: Any, *, until_quiet: bool = False) -> dict[str, Any]:
    """Do something with the mouse and watch what the page makes of it."""
    page.evaluate(
        "([kind, quiet]) => { window.__step = window.__watch(kind, quiet); }", [kind, until_quiet]
    )
    act()
    found: dict[str, Any] = page.evaluate("window.__step")
    if not found["complete"]:
        raise SystemExit(f"the picture never became complete: {page.evaluate('location.href')}")
    return found


def fetch_plainly(page: Any, asked: list[Any]) -> float:
    """Fetch again what the page asked for in a step, all at once; return the milliseconds."""
    found: float = page.evaluate("(list) => window.__fetchPlainly(list)", asked)
    return found


def long_tasks(page: Any, since: float = 0.0) -> list[float]:
    """Milliseconds of the page's tasks over 50 ms."""
    found: list[float] = page.evaluate(
        "(since) => window.__long.filter(({ at }) => at >= since).map(({ ms }) => ms)", since
    )
    return found


def drag_slowly(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag in half a second, as a hand does."""
    page.mouse.move(*start)
    page.mouse.down()
    for share in np.linspace(0, 1, 40):
        page.mouse.move(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))
        time.sleep(0.012)
    page.mouse.up()


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark of the page has."""
    made = argparse.ArgumentParser(description=description.partition("\n")[0])
    made.add_argument("--wait", type=float, default=0, help="seconds for others to finish")
    made.add_argument("--json", action="store_true")
    return made


def joined(rounds: list[dict[str, Any]], key: str) -> list[Any]:
    """The lists of all rounds as one."""
    return [value for one in rounds for value in one[key]]


def ratios(ours: dict[str, float], plain: dict[str, float]) -> str:
    """How much longer it takes than fetching alone."""
    return f"{ours['p50'] / plain['p50']:.1f}, {ours['p95'] / plain['p95']:.1f}"


def report(found: dict[str, Any], goals: dict[str, str], *, as_json: bool) -> None:
    """Print the numbers, each with what was asked for; or as JSON."""
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            text = "   ".join(f"{key} {number:>8}" for key, number in value.items())
        else:
            text = str(value)
        goal = f"   (asked for: {goals[name]})" if name in goals else ""
        print(f"{name:40}{text}{goal}")
