"""Markup in names, attributes and addresses is shown, and never runs.

The pages are looked at with their Content-Security-Policy switched off, so that the second line of
defence does not hide a hole in the first.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from tests.browser.image_stores import write_image
from tests.browser.stores import write_v3

from pyramidion.server import build_app, serve_background

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BODIES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<details open ontoggle=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:parent.alert(1)>",
    "<a href=javascript:alert(1) autofocus onfocus=alert(1)>x",
    "<input autofocus onfocus=alert(1)>",
    "<style>@keyframes x{}</style><b style=animation-name:x onanimationstart=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<form action=javascript:alert(1)><button autofocus onfocus=alert(1)>",
    "<base href=javascript:alert(1)//>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet onerror=alert(1) href=x:y>",
    "<body onload=alert(1)>",
    "<marquee onstart=alert(1)>",
    "javascript:alert(1)",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "&lt;img src=x onerror=alert(1)&gt;",
]
FRAMES = ["{}", "\"'>{}", "</title></textarea></style></script>{}", "-->]]>{}\u202e\n<!--"]
PAYLOADS = [frame.format(body) for frame, body in itertools.product(FRAMES, BODIES)]
# What a file may be called: without a slash, which HTML does without too.
NAMES = [payload.replace("</", "<").replace("/", "") for payload in PAYLOADS]
PER_STORE = 4
ATTRIBUTES = ("horiz_unit", "vertical_unit", "title", "instrument")

INJECTED = """
() => [...document.querySelectorAll("*")].filter((node) =>
  [...node.attributes].some(({ name, value }) =>
    name.startsWith("on") || name === "srcdoc"
    || (!name.startsWith("data-") && /^\\s*javascript:/i.test(value)))
  || ["BASE", "IFRAME", "OBJECT", "EMBED", "MARQUEE"].includes(node.tagName)
).map((node) => node.outerHTML)
"""
ROWS = "() => [...document.querySelectorAll('li[data-name]')].map((row) => row.dataset.name)"


def test_there_are_a_hundred() -> None:
    assert len(set(PAYLOADS)) >= 100
    assert len(set(NAMES)) >= 100


def described(payloads: list[str]) -> dict[str, Any]:
    """Attributes of a waveform in which every text is markup."""
    return {
        **dict(zip(ATTRIBUTES, payloads, strict=True)),
        "channel_names": payloads,
        "channels": [{"name": text, "label": text, "unit": text} for text in payloads],
        "generator": {"name": payloads[0], "signal": payloads[1]},
        "header": {text: text for text in payloads},
    }


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Stores whose names and texts are markup: one a name, and one for every four attributes."""
    folder = tmp_path_factory.mktemp("markup")
    data = np.arange(400, dtype=np.int16).reshape(2, 1, 1, 200)
    for name in NAMES:
        write_v3(folder / name, data)
    for number in range(len(PAYLOADS) // PER_STORE):
        payloads = PAYLOADS[number * PER_STORE :][:PER_STORE]
        write_v3(folder / f"w{number}.zarr", data, **described(payloads))
        write_picture(folder / f"i{number}.zarr", payloads)
    with serve_background(build_app([folder])) as url:
        yield url


def write_picture(path: Path, payloads: list[str]) -> None:
    channels = [
        {"label": text, "color": text, "active": True, "window": {"start": 0, "end": 9, "min": 0, "max": 9}}
        for text in payloads[:2]
    ]  # fmt: skip
    omero = {"name": payloads[2], "channels": channels}
    levels = [np.arange(128, dtype=np.uint16).reshape(2, 8, 8)]
    write_image(path, levels, "cyx", unit=payloads[3], omero=omero)


class Watcher:
    """A page that counts what ran on it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.dialogs: list[str] = []
        page.on("dialog", self._note)

    def _note(self, dialog: Any) -> None:
        self.dialogs.append(f"{dialog.message} on {self.page.url}")
        dialog.dismiss()

    def open(self, path: str) -> None:
        self.page.goto(self.url + path, wait_until="load")

    def settle(self) -> None:
        self.page.wait_for_function("() => window.__pyramidion")
        self.page.evaluate("__pyramidion.idle && __pyramidion.idle()")

    def check(self) -> None:
        """Nothing ran, nothing is there that could."""
        self.page.wait_for_timeout(20)  # what runs by itself runs at once
        assert self.page.evaluate(INJECTED) == []
        assert self.dialogs == []


@pytest.fixture
def watcher(browser: Any, url: str) -> Iterator[Watcher]:
    context = browser.new_context(bypass_csp=True)
    yield Watcher(context.new_page(), url)
    context.close()


def test_listener_hears_what_runs(watcher: Watcher) -> None:
    """Without this the other tests would pass in a browser that runs nothing."""
    watcher.open("/")
    with watcher.page.expect_event("dialog"):
        watcher.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")  # fmt: skip
    assert len(watcher.dialogs) == 1


def test_policy_stops_what_runs(browser: Any, url: str) -> None:
    context = browser.new_context()
    watcher = Watcher(context.new_page(), url)
    for path in ("/", "/viewer/"):
        watcher.open(path)
        with watcher.page.expect_console_message(lambda told: "inline event" in told.text):
            watcher.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")  # fmt: skip
    assert watcher.dialogs == []
    context.close()


def test_catalogue(watcher: Watcher) -> None:
    watcher.open("/")
    until = time.monotonic() + 60
    names: set[str] = set()
    while not names >= set(NAMES) and time.monotonic() < until:
        watcher.page.mouse.wheel(0, 4000)
        watcher.page.wait_for_timeout(50)
        names = set(watcher.page.evaluate(ROWS))
    assert set(NAMES) - names == set()
    # Rows that were scrolled away are not rendered, and their text is not counted as seen.
    watcher.page.evaluate("scrollTo(0, 0)")
    watcher.page.wait_for_function("text => document.body.innerText.includes(text)", arg=NAMES[1])
    watcher.check()


def test_catalogue_without_scripts(browser: Any, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.request.get(f"{url}/api/datasets")  # answered when all are found
    page.goto(url + "/")
    assert "<img src=x onerror=alert(1)>" in page.inner_text("body")
    assert page.locator("[onerror], [onload], iframe, a[href^='javascript:']").count() == 0
    context.close()


def test_names_in_the_viewer(watcher: Watcher) -> None:
    for name in NAMES[::12]:
        watcher.open("/viewer/?data=/" + quote(quote(name)))
        watcher.settle()
        watcher.check()


@pytest.mark.parametrize("kind", ["w", "i"])
def test_attributes_in_the_viewer(watcher: Watcher, kind: str) -> None:
    for number in range(len(PAYLOADS) // PER_STORE):
        watcher.open(f"/viewer/?data=/{kind}{number}.zarr")
        watcher.settle()
        watcher.check()


@pytest.mark.parametrize(
    "link", ["/viewer/?data=/", "/viewer/?live=/", "/viewer/?data=", "/?q=", "/viewer/?data=/w0.zarr#"]
)  # fmt: skip
def test_addresses(watcher: Watcher, link: str) -> None:
    """A link is enough to show these: nobody has to have written a file."""
    for payload in PAYLOADS[::9]:
        watcher.open(link + quote(payload))
        watcher.check()
