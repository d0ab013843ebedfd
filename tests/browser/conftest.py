"""A headless Chromium, the fault server, and a page with the viewer in it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.browser.servers import Faults, Server, running

from pyramidion.server import build_app, serve_background

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

PATIENCE_MS = 60_000
"""How long a condition may take: only a page that never fulfils it is at fault."""

IS_FUNCTION = re.compile(r"\(\w*\) =>")

PINCH = """(selector) => {
  const canvas = document.querySelector(selector);
  canvas.setPointerCapture = () => {};
  const box = canvas.getBoundingClientRect();
  const send = (type, id, x) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: id, pointerType: 'touch', clientX: box.left + x, clientY: box.top + 100, bubbles: true, cancelable: true }));
  send('pointerdown', 1, 200); send('pointerdown', 2, 300);
  send('pointermove', 1, 150); send('pointermove', 2, 350);
  send('pointerup', 1, 150); send('pointerup', 2, 350);
}"""

# Helpers inside the page. `near` looks for a pixel of the trace's own colour around a position.
IN_PAGE = """
window.__test = {
  // A canvas at this moment.
  picture(selector) {
    const { width, height } = document.querySelector(selector);
    const { data } = document.querySelector(selector).getContext('2d').getImageData(0, 0, width, height);
    let text = '';
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
    return { width, height, data: btoa(text) };
  },
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

    def __init__(self, page: Any, server: Any, may_say: str = "") -> None:
        self.page = page
        self.server = server
        self._may_say = may_say
        self.complaints: list[str] = []
        page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(IN_PAGE)

    def unexpected(self) -> list[str]:
        """What the console said but for what it may say: texts with certain words in them."""
        return [text for text in self.complaints if not (self._may_say and self._may_say in text)]

    def open(self, data: str, fragment: str = "") -> Viewer:
        """Show a dataset of the server."""
        return self.go(f"{self.server.origin}/viewer/?data={data}{fragment}")

    def go(self, address: str) -> Viewer:
        """Show what lies at an address of the viewer."""
        self.page.goto(address)
        return self.ready()

    def enter(self, name: str) -> Viewer:
        """Go from the catalogue to a dataset."""
        # Browsers ask for it on pages that name no icon, as the catalogue.
        self.page.context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        # Rows that the page came with, and those whose size was not known, are made anew: under the pointer, too.
        self.page.request.get(f"{self.server.origin}/api/datasets")
        self.page.goto(self.server.origin)
        self.page.locator(f"[data-name] a:has(strong:text('{name}'))").click()
        self.page.wait_for_url("**/viewer/**")
        self.ready()
        assert self.error() is None
        return self

    def ready(self) -> Viewer:
        """Wait until the page, which may be another one now, shows something or says why not."""
        self.until("window.__pyramidion")
        self.idle()
        return self

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait until an expression, or a function of an argument, is true in the page."""
        # Our server's Content-Security-Policy lets no expression be evaluated again and again.
        function = condition if IS_FUNCTION.match(condition) else f"() => {condition}"
        self.page.wait_for_function(function, arg=argument, timeout=PATIENCE_MS)

    def address(self, *parts: str) -> str:
        """Wait until the address has followed the view so far; return it."""
        self.until("(parts) => parts.every((part) => location.hash.includes(part))", list(parts))
        return str(self.run("location.href"))

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

    def frames(self, count: int = 2) -> None:
        """Let the page draw so many frames."""
        self.run("(count) => __test.frames(count)", count)

    def pinch(self, canvas: str) -> None:
        """Move two fingers apart, from 100 pixels to 200."""
        self.run(PINCH, canvas)

    def set_view(self, **view: Any) -> None:
        self.run("(view) => { __pyramidion.setView(view); return __pyramidion.idle(); }", view)

    def value(self, name: str) -> str:
        """A line of the table of values, its thin spaces removed."""
        row = self.page.locator(".values tr", has=self.page.locator(f"th:text-is('{name}')"))
        return row.locator("td").text_content().replace("\u202f", "")


@pytest.fixture(scope="module")
def data_folder(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the server has at ``/data``."""
    place = tmp_path_factory.mktemp("data")
    server.mount("/data", place)
    return place


@pytest.fixture(scope="module")
def origin(folder: Path) -> Iterator[str]:
    """Our own server with the ``folder`` of the module: its address."""
    with serve_background(build_app([folder])) as url:
        yield url


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


@pytest.fixture
def fresh(browser: Any) -> Iterator[Callable[..., Viewer]]:
    """Make viewers, each with nothing in its cache; in the end their consoles must have stayed silent."""
    made: list[Viewer] = []

    def make(
        origin: str = "", size: tuple[int, int] = (1280, 800), *, may_say: str = "", **options: Any
    ) -> Viewer:
        viewport = {"width": size[0], "height": size[1]}
        page = browser.new_context(viewport=viewport, **options).new_page()
        made.append(Viewer(page, SimpleNamespace(origin=origin), may_say))
        return made[-1]

    yield make
    for view in made:
        view.page.context.close()
    assert [text for view in made for text in view.unexpected()] == []
