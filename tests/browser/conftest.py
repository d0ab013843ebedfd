"""A headless Chromium, the fault server, and a page with the viewer in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.browser.servers import Faults, Server, running

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

# Helpers inside the page. `near` looks for a pixel of the trace's own colour around a position.
IN_PAGE = """
window.__test = {
  frames: async (n) => { for (let i = 0; i < n; i++) await new Promise((r) => requestAnimationFrame(r)); },
  colour() {
    const probe = document.createElement('canvas').getContext('2d');
    const view = window.__pyramidion.view();
    probe.fillStyle = getComputedStyle(document.querySelector('.wave')).getPropertyValue(`--trace-${view.ch % 6}`).trim();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data;
  },
  near(x, y, dx, dy) {
    const canvas = document.querySelector('canvas.trace');
    const [r, g, b] = this.colour();
    const x0 = Math.max(0, x - dx), x1 = Math.min(canvas.width - 1, x + dx);
    const y0 = Math.max(0, Math.floor(y) - dy), y1 = Math.min(canvas.height - 1, Math.ceil(y) + dy);
    if (x1 < x0 || y1 < y0) return false;
    const { data } = canvas.getContext('2d').getImageData(x0, y0, x1 - x0 + 1, y1 - y0 + 1);
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12 && data[i + 3] > 240) return true;
    }
    return false;
  },
};
"""


def chromium() -> str:
    """Path of the browser; skips where there is none, except in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is needed for the browser tests and is not installed")
        pytest.skip("Chromium is not installed: the browser tests were not run")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for each test module; its event loop must not outlive the module."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as one:
        yield one


class Viewer:
    """A page with the viewer, and what it said on its console."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page = page
        self.server = server
        self.complaints: list[str] = []
        page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(IN_PAGE)

    def open(self, data: str, fragment: str = "") -> Viewer:
        self.page.goto(f"{self.server.origin}/viewer/?data={data}{fragment}")
        self.page.wait_for_function("window.__pyramidion")
        self.idle()
        return self

    def run(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def idle(self) -> None:
        self.run("__pyramidion.idle()")

    def stats(self) -> Any:
        return self.run("__pyramidion.stats()")

    def view(self) -> Any:
        return self.run("__pyramidion.view()")

    def columns(self) -> Any:
        return self.run("__pyramidion.columns()")

    def error(self) -> Any:
        return self.run("__pyramidion.error")

    def set_view(self, **view: Any) -> None:
        self.run("(view) => { __pyramidion.setView(view); return __pyramidion.idle(); }", view)

    def value(self, name: str) -> str:
        """A line of the table of values, its thin spaces removed."""
        row = self.page.locator(".values tr", has=self.page.locator(f"th:text-is('{name}')"))
        return row.locator("td").text_content().replace("\u202f", "")


@pytest.fixture(scope="module")
def contexts() -> dict[str, Any]:
    """Browser contexts by their options; sharing one keeps the viewer's own files in its cache."""
    return {}


@pytest.fixture
def viewer(
    browser: Any, contexts: dict[str, Any], server: Server
) -> Iterator[Callable[..., Viewer]]:
    """Make a viewer page; all pages are closed afterwards."""
    pages = []

    def make(*, width: int = 1280, height: int = 720, **options: Any) -> Viewer:
        key = repr(sorted(options.items()))
        if key not in contexts:
            contexts[key] = browser.new_context(**options)
        page = contexts[key].new_page()
        page.set_viewport_size({"width": width, "height": height})
        pages.append(page)
        return Viewer(page, server)

    yield make
    for page in pages:
        page.close()
    server.faults = Faults()
