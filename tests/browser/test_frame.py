"""What surrounds the panels: rail, drawer, several views in one page, links, the way into other programs."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import stores
from tests.browser.exact import check_columns

pytestmark = pytest.mark.browser

N = 200_000
CHANNELS = 3


@pytest.fixture(scope="module")
def data(server: Any, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Three channels; the clock of the second one is half a sample ahead, its gain another one."""
    folder = tmp_path_factory.mktemp("frame")
    server.mount("/frame", folder)
    codes = np.random.default_rng(1).integers(-900, 900, (CHANNELS, 1, 2, N), dtype=np.int16)
    codes[1, 0, 0, 77_777] = 8_000
    codes[2, 0, 0, 100_000:100_010] = 2_047
    stores.write_v3(
        folder / "w.zarr",
        codes,
        horiz_interval=1e-6,
        vertical_gains=[[0.001], [0.002], [0.001]],
        vertical_offsets=[[0.0], [0.5], [-1.0]],
        trigger_times=[[[0.0, 1.0]]] * 3,
        trigger_offsets=[[[0.0, 0.0]], [[5e-7, 5e-7]], [[0.0, 0.0]]],
        clip_codes=[[[-2048, 2047]]] * 3,
        channel_names=["Clock", "Data", "Third <b>"],
    )
    return codes


def shown(view: Any) -> list[int]:
    return view.view()["channels"]


def test_channels_over_and_under_each_other(data: np.ndarray, viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr")
    view.page.keyboard.press("m")
    view.idle()
    assert shown(view) == [0, 1, 2]
    for channel in range(CHANNELS):
        drawn = view.run("(ch) => __pyramidion.columns(ch)", channel)
        assert check_columns(drawn, data[channel, 0, 0], every=13) > 50
    assert len(view.run("__pyramidion.rows()")) == 1
    view.page.keyboard.press("c")
    view.idle()
    rows = view.run("__pyramidion.rows()")
    assert [row["ch"] for row in rows] == [0, 1, 2]
    assert all(a["top"] + a["height"] <= b["top"] for a, b in pairwise(rows))
    # Each axis holds the values of its own channel: gain 0.002 and offset 0.5.
    volts = data[1, 0, 0] * 0.002 - 0.5
    assert rows[1]["min"] <= volts.min()
    assert rows[1]["max"] >= volts.max()
    top = view.run("(code) => __pyramidion.y(code, 1)", 8_000)
    assert rows[1]["top"] <= top < rows[1]["top"] + rows[1]["height"]
    again = viewer().open("/frame/w.zarr", view.run("__pyramidion.link()"))
    assert shown(again) == [0, 1, 2]
    assert again.view()["layout"] == "stacked"
    assert view.complaints == again.complaints == []


@pytest.mark.usefixtures("data")
def test_a_spike_under_another_trace_is_seen(viewer: Any) -> None:
    """The active channel covers the others; their extremes stay on top of it."""
    view = viewer().open("/frame/w.zarr", "#ch=0,1&s=70000,86000")
    x, y, colour = view.run(
        """() => {
          const { hi, width } = __pyramidion.columns(1);
          const low = __pyramidion.columns(1).lo;
          const x = low.indexOf(Math.min(...low));
          const css = getComputedStyle(document.querySelector('.wave')).getPropertyValue('--trace-1').trim();
          const probe = document.createElement('canvas').getContext('2d');
          probe.fillStyle = css; probe.fillRect(0, 0, 1, 1);
          return [x, __pyramidion.y(low[x], 1), [...probe.getImageData(0, 0, 1, 1).data]];
        }"""
    )
    pixel = view.run(
        "([x, y]) => [...document.querySelector('canvas.trace').getContext('2d').getImageData(x, Math.round(y) - 1, 1, 2).data]",
        [x, y],
    )
    near = [sum(abs(a - b) for a, b in zip(pixel[i : i + 3], colour[:3], strict=True)) for i in (0, 4)]  # fmt: skip
    assert min(near) < 40, (pixel, colour)


@pytest.mark.usefixtures("data")
def test_clipped_samples_are_marked_at_every_zoom(viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr", "#ch=2")
    for first, last in ((0, N), (90_000, 110_000), (99_990, 100_020)):
        view.set_view(samples=[first - 0.5, last - 0.5])
        assert view.page.locator(".clipped").text_content() == "Clipped"
        red = view.run(
            """() => {
              const css = getComputedStyle(document.querySelector('.wave')).getPropertyValue('--clip').trim();
              const probe = document.createElement('canvas').getContext('2d');
              probe.fillStyle = css; probe.fillRect(0, 0, 1, 1);
              const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
              const canvas = document.querySelector('canvas.trace');
              const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
              const xs = new Set();
              for (let i = 0; i < data.length; i += 4) {
                if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12) xs.add((i / 4) % width);
              }
              return [Math.min(...xs), Math.max(...xs), xs.size, width];
            }"""
        )
        left, right, count, width = red
        assert count >= 1
        per_pixel = (last - first) / width
        assert left >= (100_000 - first - 0.5) / per_pixel - 3
        assert right <= (100_009 - first + 0.5) / per_pixel + 3
    view.set_view(samples=[0, 50_000])
    assert not view.page.locator(".clipped").is_visible()


@pytest.mark.usefixtures("data")
def test_the_rail_shows_what_there_is(viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr")
    assert not view.page.locator(".rail").is_visible()
    view.page.keyboard.press("j")
    view.idle()
    rail = view.page.get_by_role("navigation", name="Arrays and channels")
    names = [name for name in rail.locator(".branch-name").all_text_contents() if name]
    assert names[:5] == ["w.zarr", "Channels", "Clock", "Data", "Third <b>"]
    assert "overview/0" in names
    rail.get_by_role("button", name="Show Data").click()
    view.idle()
    assert shown(view) == [0, 1]
    rail.get_by_role("button", name="Data", exact=True).click()
    view.idle()
    assert shown(view) == [1, 0]
    rail.get_by_role("button", name="Hide Data").click()
    view.idle()
    assert shown(view) == [0]
    rail.get_by_role("button", name="Hide Clock").click()
    view.idle()
    assert shown(view) == [0], "the last channel stays"
    fresh = viewer().open("/frame/w.zarr")
    assert fresh.page.locator(".rail").is_visible(), "as it was left"
    fresh.page.keyboard.press("j")
    fresh.idle()
    assert view.complaints == fresh.complaints == []


@pytest.mark.usefixtures("data")
def test_drawer_by_mouse_keys_and_link(viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr")
    tabs = view.page.get_by_role("tab")
    labels = [tab.get_attribute("aria-label") for tab in tabs.all()]
    assert labels == [
        "Cursors and measurements", "Find", "Segments", "Spectrum", "Lenses", "Notes, go to",
        "Export",
    ]  # fmt: skip
    assert not view.page.locator(".tools-open").is_visible()
    for key, title in (("q", 0), ("/", 1), ("v", 2), ("p", 3), ("k", 4), ("n", 5), ("e", 6)):
        view.page.locator("canvas.trace").focus()
        view.page.keyboard.press(key)
        view.idle()
        assert view.page.locator("#drawer-title").text_content() == labels[title]
        assert tabs.nth(title).get_attribute("aria-selected") == "true"
    tabs.nth(1).click()
    view.idle()
    again = viewer().open("/frame/w.zarr", view.run("__pyramidion.link()"))
    assert again.page.locator("#drawer-title").text_content() == "Find"
    view.page.get_by_role("button", name="Close the tool").click()
    view.idle()
    assert not view.page.locator(".tools-open").is_visible()
    tabs.nth(0).focus()
    view.page.keyboard.press("ArrowDown")
    assert view.run("document.activeElement.id") == "tool-find"
    assert view.complaints == again.complaints == []


@pytest.mark.usefixtures("data")
def test_two_views_in_one_page(viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr", "&data=/frame/w.zarr#ch=0&2.ch=1&2.s=1000,2000")
    page = view.page
    assert page.locator(".wave").count() == 2
    assert shown(view) == [0]
    page.keyboard.press("F6")
    view.idle()
    assert shown(view) == [1]
    assert view.view()["samples"] == [1000, 2000]
    assert page.locator(".data-tab[aria-current=true]").get_attribute("data-view") == "1"
    page.keyboard.press("]")
    view.idle()
    link = view.run("__pyramidion.link()")
    keys = dict(pair.split("=", 1) for pair in link[1:].split("&"))
    assert (keys["ch"], keys["2.ch"], keys["seg"], keys["2.seg"]) == ("0", "1", "0", "1")
    page.locator(".wave").first.locator("canvas.trace").click(position={"x": 60, "y": 60})
    view.idle()
    assert shown(view) == [0]
    assert view.complaints == []


@pytest.mark.usefixtures("data")
def test_lenses_are_linked_windows(viewer: Any) -> None:
    view = viewer(height=900).open("/frame/w.zarr")
    view.page.keyboard.press("k")
    view.idle()
    view.page.get_by_role("button", name="Add a lens").click()
    view.idle()
    first, second = view.view()["lenses"]
    assert second["b"] - second["a"] == pytest.approx((first["b"] - first["a"]) / 10)
    assert (first["a"] + first["b"]) / 2 == pytest.approx((second["a"] + second["b"]) / 2)
    states = view.stats()["lenses"]
    assert [state["complete"] for state in states] == [True, True]
    assert [state["window"] for state in states] == [first, second]
    lens = view.page.locator("canvas.lens-trace").nth(1)
    box = lens.bounding_box()
    view.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    view.page.mouse.wheel(0, -300)
    view.idle()
    zoomed = view.view()["lenses"][1]
    assert zoomed["b"] - zoomed["a"] < (second["b"] - second["a"]) / 1.5
    lens.focus()
    view.page.keyboard.press("ArrowRight")
    view.idle()
    moved = view.view()["lenses"][1]
    assert moved["a"] - zoomed["a"] == pytest.approx(0.1 * (zoomed["b"] - zoomed["a"]))
    assert view.view()["samples"] == [-0.5, N - 0.5], "the view itself stays"
    grip = view.page.locator(".lens-grip.lens-0").bounding_box()
    view.page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + 5)
    view.page.mouse.down()
    view.page.mouse.move(grip["x"] + grip["width"] / 2 + 100, grip["y"] + 5, steps=4)
    view.page.mouse.up()
    view.idle()
    plot = view.page.locator("canvas.trace").first.bounding_box()
    dragged = view.view()["lenses"][0]
    assert dragged["a"] - first["a"] == pytest.approx(100 / plot["width"] * N, rel=0.02)
    again = viewer(height=900).open("/frame/w.zarr", view.run("__pyramidion.link()"))
    kept = again.view()["lenses"]
    assert [lens["a"] for lens in kept] == pytest.approx([dragged["a"], moved["a"]], abs=1e-3)
    assert again.page.locator("canvas.lens-trace").count() == 2
    again.page.get_by_role("button", name="Remove lens 1").click()
    again.idle()
    assert len(again.view()["lenses"]) == 1
    assert again.page.locator("canvas.lens-trace").count() == 1
    assert view.complaints == again.complaints == []


def snippets(view: Any) -> dict[str, str]:
    view.page.keyboard.press("o")
    view.page.locator("dialog.elsewhere").wait_for()
    found = {
        block.locator("h3").text_content(): block.locator("pre").text_content()
        for block in view.page.locator("dialog.elsewhere .command").all()
    }
    view.page.keyboard.press("Escape")
    return found


def test_snippets_read_exactly_what_is_in_view(data: np.ndarray, viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr", "#ch=1,0&seg=1&s=1000.4,2999.6")
    found = snippets(view)
    name = next(name for name in found if name.startswith("Python: the 1"))
    assert name.replace("\u202f", "") == "Python: the 1999 samples in view"
    names: dict[str, Any] = {}
    exec(found[name], names)  # what people run
    np.testing.assert_array_equal(names["values_1"], data[1, 0, 1, 1001:3000] * 0.002 - 0.5)
    # The clock of channel 0 is half a sample behind: other samples of it are in view, at other times.
    np.testing.assert_array_equal(names["values_0"], data[0, 0, 1, 1001:3001] * 0.001 - 0.0)
    np.testing.assert_allclose(names["times_1"], 5e-7 + np.arange(1001, 3000) * 1e-6, rtol=1e-12)
    np.testing.assert_allclose(names["times_0"], np.arange(1001, 3001) * 1e-6, rtol=1e-12)
    exec(found["xarray: the same with its axis"], names)
    assert names["window"].attrs["units"] == "V"
    assert names["window"].sizes == {"time": 1999}
    view.set_view(samples=[-0.5, N - 0.5])
    found = snippets(view)
    envelope = next(text for name, text in found.items() if "envelope" in name)
    factor = int(re.sub(r"\D", "", next(name for name in found if "envelope" in name)))
    exec(envelope, names)
    whole = data[1, 0, 1, : N // factor * factor].reshape(-1, factor) * 0.002 - 0.5
    np.testing.assert_allclose(names["low_1"][: len(whole)], whole.min(axis=1))
    np.testing.assert_allclose(names["high_1"][: len(whole)], whole.max(axis=1))


def test_pressing_sets_the_time_cursor(server: Any, viewer: Any, tmp_path: Path) -> None:
    codes = np.arange(20_000, dtype=np.int16).reshape(1, 1, 2, 10_000)
    server.mount("/clock", tmp_path)
    stores.write_v3(
        tmp_path / "w.zarr",
        codes,
        horiz_interval=1e-3,
        start_time="2026-03-01T12:00:00+00:00",
        trigger_times=[[[0.0, 100.0]]],
    )
    view = viewer().open("/clock/w.zarr", "#seg=1")
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.locator("canvas.trace").click(position={"x": box["width"] / 4, "y": 50})
    view.idle()
    expected = 1_772_366_400 + 100 + 2.5
    assert view.run("__pyramidion.clock()") == pytest.approx(expected, abs=0.02)
    now = view.page.locator(".now").bounding_box()
    assert now["x"] - box["x"] == pytest.approx(box["width"] / 4, abs=2)
    other = viewer().open("/clock/w.zarr", "#seg=1&s=0,1000")
    view.page.locator("canvas.trace").click(position={"x": box["width"] / 2, "y": 50})
    other.idle()
    # The other window of the same browser follows.
    other.page.wait_for_function("__pyramidion.view().samples[0] > 4000")
    a, b = other.view()["samples"]
    assert a < 5_000 < b
    assert view.complaints == other.complaints == []


def held(view: Any) -> str:
    """What has the focus: its id, else its name."""
    found: str = view.run(
        "document.activeElement.id || document.activeElement.getAttribute('aria-label') || document.activeElement.tagName"
    )
    return found


@pytest.mark.usefixtures("data")
def test_the_focus_is_never_lost(viewer: Any) -> None:
    view = viewer(height=900).open("/frame/w.zarr", "#tool=notes")
    view.page.get_by_role("button", name="Close the tool").focus()
    view.page.keyboard.press("Enter")
    view.idle()
    assert held(view) == "tool-notes"
    # Esc leaves a field without taking anything away; the keys then work.
    view.set_view(cursors={"x": 50, "y": 70})
    view.page.keyboard.press("/")
    view.page.locator("#find-level").fill("1")
    view.page.keyboard.press("Escape")
    assert held(view) == "tool-find"
    assert view.view()["cursors"] == {"x": 50, "y": 70}
    view.page.keyboard.press("k")
    view.idle()
    view.page.get_by_role("button", name="Add a lens").click()
    for left in ("Remove lens 1", "BUTTON"):
        view.idle()
        view.page.get_by_role("button", name="Remove lens").last.focus()
        view.page.keyboard.press("Enter")
        assert held(view) == left
    # Arrow keys scroll what has the focus and can be scrolled, instead of moving the view.
    view.page.keyboard.press("j")
    view.idle()
    view.page.set_viewport_size({"width": 1280, "height": 260})
    view.until(
        """(name) => {
          const { scrollHeight, clientHeight } = document.querySelector(name);
          return scrollHeight > clientHeight;
        }""",
        ".rail-trees",
    )
    view.page.locator(".rail-trees").focus()
    before = view.view()["samples"]
    view.page.keyboard.press("ArrowDown")
    view.page.wait_for_function("document.querySelector('.rail-trees').scrollTop > 0")
    assert view.view()["samples"] == before
    view.page.keyboard.press("j")
    view.idle()
    assert view.complaints == []


@pytest.mark.usefixtures("data")
def test_the_focus_stays_while_another_view_opens(server: Any, viewer: Any) -> None:
    view = viewer(height=900)
    page = view.page
    held_back: list[Any] = []
    page.route("**/again/w.zarr/zarr.json", lambda route: held_back.append(route))  # noqa: PLW0108 - it must be a function
    server.mounts["/again"] = server.mounts["/frame"]
    waiting = "/viewer/?data=/again/w.zarr&data=/frame/w.zarr&data=/frame/w.zarr#2.ch=1"
    page.goto(f"{server.origin}{waiting}")
    canvas = page.locator(".view").nth(1).locator("canvas.trace")
    canvas.wait_for()
    page.locator(".view").nth(2).locator("canvas.trace").wait_for()
    tab = page.locator(".data-tab").first
    assert tab.text_content() == "w.zarr"
    assert page.locator(".view .opening").count() == 1
    canvas.focus()
    page.keyboard.press("]")  # the view with the focus is the active one
    view.run("window.__lost = 0; addEventListener('focusout', () => { window.__lost += 1; })")
    view.run("window.__parts = [...document.querySelectorAll('#app, #app > *, .stage > *')]")
    while not held_back:
        page.wait_for_timeout(20)
    held_back[0].continue_()
    page.locator(".view").first.locator("canvas.trace").wait_for()
    view.idle()
    assert view.run("window.__lost") == 0
    assert canvas.evaluate("(element) => element === document.activeElement")
    assert view.run("window.__parts.every((part) => part.isConnected)")
    assert (view.view()["ch"], view.view()["seg"]) == (1, 1)
    assert tab.get_attribute("title") == f"{server.origin}/again/w.zarr"
    assert view.complaints == []


@pytest.mark.usefixtures("data")
def test_choices_outlast_the_page_where_the_browser_keeps_them(viewer: Any) -> None:
    page = viewer(storage_state={"cookies": [], "origins": []})
    page.open("/frame/w.zarr")
    first = page.run("getComputedStyle(document.body).backgroundColor")
    page.page.keyboard.press("t")
    page.page.keyboard.press("j")
    page.idle()
    assert page.run("({ ...localStorage })") == {
        "pyramidion-theme": "dark",
        "pyramidion-rail": "open",
    }
    page.page.reload()
    page.page.wait_for_function("window.__pyramidion")
    page.idle()
    assert page.run("getComputedStyle(document.body).backgroundColor") != first
    assert page.page.locator(".rail").is_visible()
    without = viewer(storage_state={"cookies": [], "origins": []})
    without.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    without.open("/frame/w.zarr")
    assert without.run("getComputedStyle(document.body).backgroundColor") == first
    without.page.keyboard.press("t")
    without.page.keyboard.press("j")
    without.idle()
    assert without.run("getComputedStyle(document.body).backgroundColor") != first
    assert without.page.locator(".rail").is_visible()
    assert page.complaints == without.complaints == []


def test_nothing_open_has_done_nothing(server: Any, viewer: Any) -> None:
    view = viewer()
    view.page.goto(f"{server.origin}/viewer/")
    view.page.wait_for_function("window.__pyramidion")
    assert view.stats() == {}
    assert view.error() is None


@pytest.mark.usefixtures("data")
def test_a_link_changed_by_hand_is_followed(viewer: Any) -> None:
    view = viewer().open("/frame/w.zarr", "#tool=find")

    def go(fragment: str) -> None:
        view.run(
            """(hash) => new Promise((followed) => {
              addEventListener('hashchange', followed, { once: true });
              location.hash = hash;
            }).then(() => {})""",
            fragment,
        )
        view.idle()

    go("#ch=1&s=1000,2000&tool=export")
    assert view.page.locator("#drawer-title").text_content() == "Export"
    assert (view.view()["ch"], view.view()["samples"]) == (1, [1000, 2000])
    assert "tool=export" in view.run("__pyramidion.link()")
    go(
        "#ch=x&trc=-4&seg=99&s=nonsense&x=&lens=5|1e-3,|,&n=~|a~b&lay=sideways&segs=1&tool=drill&mine=%"
    )
    seen = view.view()
    assert (seen["ch"], seen["trc"], seen["seg"], seen["layout"]) == (0, 0, 1, "overlay")
    assert (seen["samples"], seen["lenses"], seen["notes"]) == ([1000, 2000], [], [])
    go("#ch=0")
    assert not view.page.locator(".tools-open").is_visible()
    assert view.complaints == []


def not_opened(server: Any, viewer: Any) -> tuple[Any, Any]:
    """Open what the store refuses, with a tool in the link; return the page and its "Try again"."""
    server.faults.status["zarr.json"] = 503
    view = viewer()
    view.page.goto(f"{server.origin}/viewer/?data=/frame/w.zarr#tool=notes")
    again = view.page.get_by_role("button", name="Try again")
    again.wait_for()
    view.page.locator(".tools").wait_for(
        state="attached"
    )  # rail and drawer are there: it has started
    return view, again


@pytest.mark.usefixtures("data")
def test_what_could_not_be_opened_has_its_tools_when_it_can(server: Any, viewer: Any) -> None:
    view, again = not_opened(server, viewer)
    server.faults.status.clear()
    again.click()
    view.page.locator("canvas.trace").wait_for()
    view.page.get_by_role("tab").first.wait_for()  # which the first panel brings after its picture
    view.idle()
    assert view.page.get_by_role("tab").count() == 7
    assert view.page.locator("#drawer-title").text_content() == "Notes, go to"


@pytest.mark.usefixtures("data")
def test_the_tools_of_what_opens_late_wait_for_no_hooks(server: Any, viewer: Any) -> None:
    view, again = not_opened(server, viewer)
    waiting: list[Any] = []

    def hold(route: Any) -> None:
        waiting.append(route)

    view.page.route("**/wave/hooks.js", hold)
    server.faults.status.clear()
    with view.page.expect_request("**/wave/hooks.js"):
        again.click()
    view.page.get_by_role("tab").nth(6).wait_for()
    view.page.locator("#drawer-title:text-is('Notes, go to')").wait_for()
    assert view.run("__pyramidion.view === undefined"), "the hooks are still to come"
    waiting[0].continue_()
    view.until("__pyramidion.view")
    view.idle()
    assert shown(view) == [0]


@pytest.mark.usefixtures("data")
def test_the_bar_and_the_status_line_are_those_of_the_active_view(server: Any, viewer: Any) -> None:
    server.faults.status["raw/c/0/0/0/0"] = 500
    view = viewer(height=900).open("/frame/w.zarr", "&data=/frame/w.zarr#ch=1&2.ch=0&2.s=100,200")
    bar = view.page.locator(".bar")
    assert not bar.is_visible()
    view.page.keyboard.press("F6")
    view.idle()
    assert "500" in bar.text_content()
    view.page.keyboard.press("F6")
    view.idle()
    assert not bar.is_visible()


@pytest.mark.usefixtures("data")
def test_a_removed_lens_is_forgotten(viewer: Any) -> None:
    view = viewer(height=900).open("/frame/w.zarr", "#tool=lenses")
    view.idle()
    counted = """(of) => {
      const seen = window.__drawn ??= (() => {
        const count = { now: 0, of: '' };
        const before = CanvasRenderingContext2D.prototype.clearRect;
        CanvasRenderingContext2D.prototype.clearRect = function (...box) {
          if (this.canvas.classList.contains(count.of)) count.now += 1;
          return before.apply(this, box);
        };
        return count;
      })();
      Object.assign(seen, { now: 0, of });
    }"""
    view.run("__pyramidion.setView({ lenses: [] })")
    view.idle()
    view.run(counted, "trace")
    view.run("__pyramidion.setView({ cursors: { x: 5, y: null } })")
    view.page.wait_for_timeout(300)
    assert view.run("__drawn.now") <= 2, "the tool with nothing in it draws nothing again"
    view.run("__pyramidion.setView({ lenses: [{ a: 5000, b: 6000 }] })")
    view.idle()
    view.run(counted, "lens-trace")
    view.page.keyboard.press("w")
    view.idle()
    assert 0 < view.run("__drawn.now") <= 8, "a frame for what arrives, not one for each chunk"


NARROW = [(360, 568), (360, 740), (390, 844)]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("size", NARROW)
def test_on_a_narrow_screen_nothing_lies_over_the_tool(size: tuple[int, int], viewer: Any) -> None:
    view = viewer(width=size[0], height=size[1]).open("/frame/w.zarr")
    boxes = """(selectors) => selectors.map((selector) => {
      const { top, bottom, height } = document.querySelector(selector).getBoundingClientRect();
      return [top, bottom, height];
    })"""
    for tool in ("measure", "find", "segments", "spectrum", "lenses", "notes", "export"):
        view.run("(id) => { __pyramidion.tool(id); return __pyramidion.idle(); }", tool)
        plot = ".spectrum-canvas" if tool == "spectrum" else "canvas.trace"
        drawn, axis, opened, tabs = view.run(
            boxes, [plot, ".wave .x-axis", ".tools-open", ".drawer-tabs"]
        )
        assert drawn[2] >= 80, tool
        assert drawn[1] <= opened[0] + 1, tool
        if tool != "spectrum":
            assert axis[1] <= opened[0] + 1, tool
        assert opened[1] <= tabs[0] + 1, tool
        assert opened[2] >= 130, tool
        assert not view.page.locator(".wave .strip").is_visible(), tool
    assert view.complaints == []
