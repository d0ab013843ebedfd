"""Without a mouse, and for those who cannot see the canvas: axe's rules, and a walk by keyboard alone."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.browser.conftest import Viewer

from pyramidion.core import Box
from pyramidion.formats import open_source
from pyramidion.instruments import SimulatedScope
from pyramidion.workflows import ConvertOptions, convert, generate

pytestmark = pytest.mark.browser

SAMPLES = 300_000
TOOLS = ["measure", "find", "segments", "spectrum", "lenses", "notes", "export"]
THEMES = ["light", "dark"]
MOST_TABS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accessible")
    generate(
        folder / "scope.zarr",
        SimulatedScope(channels=2, segments=3, samples=SAMPLES, seed=5),
        ConvertOptions(),
    )
    voxels = np.random.default_rng(0).integers(0, 4000, (12, 200, 300), dtype=np.uint16)
    np.save(folder / "volume.npy", voxels)
    convert(folder / "volume.npy", folder / "volume.ome.zarr", ConvertOptions())
    (folder / "volume.npy").unlink()
    return folder


@pytest.fixture
def see(fresh: Callable[..., Viewer], origin: str) -> Callable[..., Viewer]:
    def make(path: str, **options: Any) -> Viewer:
        view = fresh(may_say="404", **options)  # one of the pages is for what is not there
        view.page.goto(origin + path)
        return view

    return make


def violations(view: Viewer) -> list[str]:
    """What axe finds, contrast and names among it."""
    found = Axe().run(view.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
        for one, node in itertools.chain.from_iterable(
            ((one, node) for node in one["nodes"][:3]) for one in found
        )
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_on_the_waveform_page(theme: str, see: Any) -> None:
    view = see("/viewer/?data=/scope.zarr#ch=0,1&lay=stacked", color_scheme=theme)
    view.ready()
    view.page.keyboard.press("j")
    view.page.keyboard.press("i")
    view.idle()
    assert violations(view) == []
    view.page.keyboard.press("i")
    for tool in TOOLS:
        view.run("(id) => { __pyramidion.tool(id); return __pyramidion.idle(); }", tool)
        assert violations(view) == [], tool
    view.page.keyboard.press("Escape")
    view.page.locator("canvas.trace").first.focus()
    view.page.keyboard.press("?")
    view.page.locator("dialog.help").wait_for()
    assert violations(view) == []
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("o")
    view.page.locator("dialog.elsewhere").wait_for()
    assert violations(view) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_on_the_image_page(theme: str, width: int, see: Any) -> None:
    view = see("/viewer/?data=/volume.ome.zarr", size=(width, 800), color_scheme=theme)
    view.ready()
    view.page.keyboard.press("j")
    view.idle()
    assert violations(view) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("path", "shown"),
    [("/", "[data-name]"), ("/viewer/", ".dataset"), ("/viewer/?data=/nothing.zarr", ".failure")],
)
def test_axe_finds_nothing_on_the_other_pages(path: str, shown: str, theme: str, see: Any) -> None:
    view = see(path, color_scheme=theme)
    view.page.locator(shown).first.wait_for()
    if path != "/":
        view.ready()
    assert violations(view) == []


def test_a_narrow_screen_does_not_scroll_sideways(see: Any) -> None:
    view = see("/viewer/?data=/scope.zarr", size=(360, 740))
    view.ready()
    for tool in ["", *TOOLS]:
        if tool:
            view.run("(id) => { __pyramidion.tool(id); return __pyramidion.idle(); }", tool)
        wide = view.run("[document.scrollingElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], tool
        plot = view.page.locator("canvas.trace").bounding_box()
        assert plot["height"] > 60, tool


def test_reduced_motion_moves_nothing(see: Any) -> None:
    view = see("/viewer/?data=/scope.zarr", reduced_motion="reduce")
    view.ready()
    view.page.keyboard.press("q")
    view.idle()
    moving = view.run(
        """() => [...document.querySelectorAll('*')].filter((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return animationName !== 'none' || parseFloat(transitionDuration) > 0.01;
        }).map((element) => element.className)"""
    )
    assert moving == []


def tab_to(view: Viewer, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(MOST_TABS):
        view.page.keyboard.press("Tab")
        held = view.run(
            """() => {
              const element = document.activeElement;
              const label = element.labels?.[0]?.textContent ?? '';
              return element.getAttribute('aria-label') || label || element.textContent;
            }"""
        )
        if name in held:
            visible = view.run(
                """() => {
                  const { outlineStyle, boxShadow, borderColor } = getComputedStyle(document.activeElement);
                  return outlineStyle !== 'none' || boxShadow !== 'none' || borderColor;
                }"""
            )
            assert visible, f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


def test_from_the_catalogue_to_an_exported_window_by_keyboard(see: Any, folder: Path) -> None:
    view = see("/")
    page = view.page
    page.locator("[data-name]").first.wait_for()  # made by the script, which keeps the focus
    tab_to(view, "scope.zarr")
    page.keyboard.press("Enter")
    page.wait_for_url("**/viewer/**")
    view.ready()
    # To a time, by typing it; then closer, sideways, and the two cursors.
    page.keyboard.press("g")
    view.idle()
    page.keyboard.type("#150000")
    page.keyboard.press("Enter")
    view.idle()
    page.keyboard.press("Escape")
    tab_to(view, "Waveform")
    for key in ("w", "w", "w", "w", "w", "d", "d", "a", "x", "d", "y"):
        page.keyboard.press(key)
    view.idle()
    cursors = view.view()["cursors"]
    assert cursors["x"] is not None
    assert cursors["y"] > cursors["x"]
    page.keyboard.press("q")
    view.idle()
    a, b = view.view()["samples"]
    first, end = int(np.ceil(a)), int(np.ceil(b))
    with open_source(folder / "scope.zarr") as source:
        codes = source.read(Box((0, 0, 0, 0), (1, 1, 1, SAMPLES))).reshape(-1)
        gain, offset = float(source.spec.gains[0][0]), float(source.spec.offsets[0][0])
    volts = codes[first:end] * gain - offset
    text = page.locator(".tools-open").inner_text().replace("\u202f", "").replace("\u2212", "-")
    for name, value in (("Minimum", volts.min()), ("Maximum", volts.max())):
        told = re.search(rf"{name}\s+(-?[0-9.]+) mV", text)
        assert told, text
        assert abs(float(told[1]) - value * 1e3) <= 0.5001 * 10.0 ** -len(told[1].partition(".")[2])
    page.keyboard.press("e")
    view.idle()
    tab_to(view, "CSV")
    tab_to(view, "Save")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    written = np.loadtxt(
        io.StringIO(Path(saved.value.path()).read_text("utf-8")), delimiter=",", comments="#",
        skiprows=0, ndmin=2, converters=lambda cell: float(cell) if _is_number(cell) else np.nan,
    )  # fmt: skip
    written = written[~np.isnan(written).any(axis=1)]
    np.testing.assert_array_equal(written[:, 1], volts)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
