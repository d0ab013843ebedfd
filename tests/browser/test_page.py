"""The page around the picture: links, keys, pointer, selectors, numbers, themes, names that are markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import stores

pytestmark = pytest.mark.browser

SAMPLES = 500_000
INTERVAL = 2e-9
TRIGGERS = [[[0.0, 1.5e-3, 4.25e-3]]] * 2
OFFSETS = [[[-1e-4, -2e-4, -3e-4]]] * 2


@pytest.fixture(scope="module", autouse=True)
def data(data_folder: Path) -> np.ndarray:
    values = stores.signal((2, 1, 3, SAMPLES), np.int16)
    stores.write_v3(data_folder / "w.zarr", values, trigger_times=TRIGGERS, trigger_offsets=OFFSETS)
    stores.write_v3(data_folder / "plain.zarr", values[:, :, :1])
    return values


def window(view: Any) -> tuple[float, float]:
    first, last = view.view()["samples"]
    return first, last


def span(view: Any) -> float:
    first, last = window(view)
    return last - first


def test_volts_and_seconds(viewer: Any, data: np.ndarray) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(ch=1, seg=2, samples=[1000, 1400])
    codes = data[1, 0, 2, 999:1402]
    gain, offset = 2e-3, 0.25
    low, high = codes.min() * gain - offset, codes.max() * gain - offset
    assert volts(view.value("Smallest value in view")) == pytest.approx(low, rel=1e-5)
    assert volts(view.value("Largest value in view")) == pytest.approx(high, rel=1e-5)
    assert seconds(view.value("View from")) == pytest.approx(-3e-4 + 1000 * INTERVAL, abs=1e-13)
    assert seconds(view.value("View to")) == pytest.approx(-3e-4 + 1400 * INTERVAL, abs=1e-13)
    assert seconds(view.value("Time of sample 0")) == pytest.approx(-3e-4)
    assert seconds(view.value("Trigger time")) == pytest.approx(4.25e-3)
    assert seconds(view.value("Sample interval")) == pytest.approx(INTERVAL)
    assert "trigger at 4.25 ms" in view.page.locator(".caption").text_content()


def parse(text: str, unit: str) -> float:
    match = re.fullmatch(r"([\u2212\d.]+) ([yzafpnµmkMGTPEZY]?)" + unit, text)
    assert match, text
    powers = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
    return float(match[1].replace("\u2212", "-")) * 10.0 ** powers[match[2]]


def volts(text: str) -> float:
    return parse(text, "V")


def seconds(text: str) -> float:
    return parse(text, "s")


def test_axis_labels_are_where_they_say(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(ch=0, seg=0, samples=[100_000, 200_000])
    axes = view.run(
        """() => {
          const read = (name, side) => {
            const axis = document.querySelector(name);
            const unit = axis.querySelector('.unit').textContent;
            return { unit, ticks: [...axis.querySelectorAll('.tick')].map((t) => [parseFloat(t.style[side]), t.textContent]) };
          };
          const canvas = document.querySelector('canvas.trace');
          return { x: read('.x-axis', 'left'), y: read('.y-axis', 'top'), width: canvas.clientWidth, height: canvas.clientHeight };
        }"""
    )
    assert (axes["x"]["unit"], axes["y"]["unit"]) == ("µs", "V")
    assert len(axes["x"]["ticks"]) >= 4
    for at, label in axes["x"]["ticks"]:
        time = float(label.replace("\u2212", "-").replace("\u202f", "")) * 1e-6
        sample = (time - OFFSETS[0][0][0]) / INTERVAL
        assert at == pytest.approx((sample - 100_000) / 100_000 * axes["width"], abs=0.2)
    for at, label in axes["y"]["ticks"]:
        code = float(label.replace("\u2212", "-").replace("\u202f", "")) / 1e-3
        assert at == pytest.approx(view.run("(c) => __pyramidion.y(c)", code), abs=0.2)


def test_a_link_restores_data_and_window(viewer: Any) -> None:
    first = viewer(width=1000).open("/data/w.zarr", "#note=kept")
    first.set_view(ch=1, seg=2, samples=[123_456.25, 123_466.75])
    second = viewer(width=1000)
    second.go(first.address("#note=kept&v=1&p=wave&ch=1&trc=0&seg=2&t="))
    before, after = first.view(), second.view()
    assert (after["ch"], after["seg"]) == (1, 2)
    assert after["samples"] == pytest.approx(before["samples"], abs=1e-6)
    assert second.columns()["lo"] == first.columns()["lo"]
    second.page.evaluate("location.hash = '#ch=0&seg=1&t=-1e-4,0'")
    second.until("__pyramidion.view().seg === 1")
    second.idle()
    assert second.view()["t"] == pytest.approx([-1e-4, 0], abs=1e-12)
    assert second.view()["seg"] == 1


def test_a_link_restores_one_sample(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(samples=[SAMPLES - 1.5, SAMPLES - 0.5])
    other = viewer(width=1000).go(view.address("t="))
    assert other.view()["samples"] == pytest.approx([SAMPLES - 1.5, SAMPLES - 0.5], abs=1e-6)


def test_a_clock_that_starts_far_away_keeps_links_exact(
    viewer: Any, server: Any, tmp_path: Path
) -> None:
    stores.write_v3(
        tmp_path / "w.zarr",
        stores.signal((1, 1, 1, 10_000)),
        horiz_offset=1.7e9,
        horiz_interval=1e-9,
    )
    server.mount("/far", tmp_path)
    view = viewer(width=1000).open("/far/w.zarr")
    view.set_view(samples=[5_000, 5_010])
    other = viewer(width=1000).go(view.address("s=5000,5010"))
    assert other.view()["samples"] == [5_000, 5_010]


def test_keys_alone(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    press = view.page.keyboard.press
    whole = window(view)
    for key in ("w", "ArrowUp", "+"):
        before = span(view)
        press(key)
        assert span(view) == pytest.approx(before / 2)
    for key in ("s", "ArrowDown", "-"):
        before = span(view)
        press(key)
        assert span(view) == pytest.approx(before * 2)
    press("Shift+W")
    assert span(view) == pytest.approx(SAMPLES / 10)
    start = window(view)[0]
    press("d")
    assert window(view)[0] == pytest.approx(start + SAMPLES / 100)
    press("a")
    press("Shift+D")
    assert window(view)[0] == pytest.approx(start + SAMPLES / 10)
    press("Home")
    assert window(view)[0] == -0.5
    press("End")
    assert window(view)[1] == SAMPLES - 0.5
    press("1")
    assert span(view) < 200
    press("]")
    press("]")
    press("]")
    assert view.view()["seg"] == 2
    press("[")
    assert view.view()["seg"] == 1
    press("f")
    assert window(view) == whole
    for _ in range(30):
        press("w")
    view.idle()
    assert span(view) == 1
    press("?")
    view.page.wait_for_selector("dialog.help", state="visible")
    press("Escape")
    assert view.page.locator("dialog.help").is_hidden()
    assert view.complaints == []


def test_every_key_has_a_named_button_and_they_can_be_reached(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    names = {
        button.get_attribute("aria-label") or button.text_content()
        for button in view.page.locator("button").all()
    }
    assert {
        "Earlier", "Later", "Zoom in", "Zoom out", "Whole record", "Single samples", "Start of the record",
        "End of the record", "Previous segment", "Next segment", "Copy a link to this view", "Light or dark", "Keys and gestures",
    } <= names  # fmt: skip
    assert "" not in names
    reached = set()
    for _ in range(40):
        view.page.keyboard.press("Tab")
        reached.add(view.run("document.activeElement.getAttribute('aria-label')"))
    assert {"Zoom in", "Channel", "Segment", "Next segment"} <= reached
    view.page.get_by_role("button", name="Zoom in").click()
    assert span(view) == pytest.approx(SAMPLES / 2)


def test_pointer(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    box = view.page.locator("canvas.trace").bounding_box()
    mouse = view.page.mouse
    middle = box["y"] + box["height"] / 2
    pointer = round(box["x"] + box["width"] / 4)
    share = (pointer - box["x"]) / box["width"]
    mouse.move(pointer, middle)
    fixed = -0.5 + SAMPLES * share
    for _ in range(4):
        mouse.wheel(0, -300)
        view.idle()
        first, last = window(view)
        assert first + (last - first) * share == pytest.approx(fixed, abs=0.01)
    first, last = window(view)
    mouse.down()
    mouse.move(pointer + 100, middle, steps=4)
    mouse.up()
    assert window(view)[0] == pytest.approx(first - (last - first) * 100 / box["width"], rel=1e-6)
    first, last = window(view)
    view.page.keyboard.down("Shift")
    mouse.move(box["x"] + 100, middle)
    mouse.down()
    mouse.move(box["x"] + 200, middle, steps=3)
    mouse.up()
    view.page.keyboard.up("Shift")
    assert span(view) == pytest.approx((last - first) * 100 / box["width"], rel=1e-3)


def test_the_strip_moves_the_window(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(samples=[0, 50_000])
    box = view.page.locator(".strip").bounding_box()
    view.page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + 10)
    first, last = window(view)
    assert (first + last) / 2 == pytest.approx(SAMPLES * 0.7, rel=0.01)
    assert last - first == pytest.approx(50_000)


def test_readout_of_one_sample(viewer: Any, data: np.ndarray) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(seg=1, samples=[999.5, 1010.5])
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.move(
        box["x"] + box["width"] * 5 / 11, box["y"] + 50
    )  # near sample 1004 or 1005
    view.frames()
    text = view.page.locator(".status-pointer").text_content().replace("\u202f", "")
    time, value, sample = re.split(r" {3}", text)
    number = int(sample.removeprefix("sample "))
    assert number in (1004, 1005)
    assert volts(value) == pytest.approx(data[0, 0, 1, number] * 1e-3, rel=1e-4)
    assert seconds(time) == pytest.approx(-2e-4 + number * INTERVAL, abs=1e-12)


def test_selectors(viewer: Any, data: np.ndarray) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.page.get_by_role("combobox", name="Channel").select_option("1")
    view.page.get_by_role("combobox", name="Segment").select_option("2")
    view.idle()
    assert (view.view()["ch"], view.view()["seg"]) == (1, 2)
    assert max(view.columns()["hi"]) == data[1, 0, 2].max()
    assert view.page.get_by_role("combobox", name="Trace").count() == 0, "one trace is no choice"


def test_without_triggers_nothing_is_said_of_them(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/plain.zarr")
    assert "trigger" not in view.page.locator(".caption").text_content()
    assert view.value("Trigger time") == "not recorded"
    assert seconds(view.value("Time of sample 0")) == pytest.approx(-1e-3)


def test_names_that_are_markup_stay_text(viewer: Any, server: Any, tmp_path: Path) -> None:
    evil = "<img src=x onerror='window.hacked=1'>"
    stores.write_v3(
        tmp_path / "w.zarr", stores.signal((1, 1, 1, 5_000)), vertical_unit=evil, horiz_unit=evil,
        instrument={evil: evil}, comment=evil,
    )  # fmt: skip
    server.mount("/evil", tmp_path)
    server.documents["/api/datasets"] = {
        "datasets": [{"name": evil, "kind": evil, "url": "/evil/w.zarr", "shape": [evil]}]
    }
    view = viewer(width=1000).open("/evil/w.zarr")
    view.page.keyboard.press("i")
    view.page.mouse.move(400, 300)
    view.idle()
    assert evil in view.page.locator(".values").text_content()
    assert view.run("[window.hacked, document.querySelectorAll('#app img, #app b').length]") == [
        None,
        0,
    ]
    assert view.complaints == []
    view.open("/evil/none<img src=x onerror='window.hacked=1'>.zarr")
    assert view.run("[window.hacked, document.querySelectorAll('#app img').length]") == [None, 0]
    view.page.goto(f"{server.origin}/viewer/")
    view.page.wait_for_selector(".dataset")
    assert view.page.locator(".dataset-name").text_content() == evil
    assert view.run("[window.hacked, document.querySelectorAll('#app img').length]") == [None, 0]
    del server.documents["/api/datasets"]


def test_first_page(viewer: Any, server: Any) -> None:
    server.documents["/api/datasets"] = {
        "datasets": [
            {"name": "w", "kind": "waveform", "url": "/data/w.zarr", "shape": [2, 1, 3, SAMPLES]}
        ]
    }
    view = viewer(width=1000)
    view.page.goto(f"{server.origin}/viewer/")
    view.page.get_by_role("link", name="w waveform").click()
    view.until("window.__pyramidion?.stats().complete")
    assert view.page.title() == "w.zarr · pyramidion"
    del server.documents["/api/datasets"]
    view.page.goto(f"{server.origin}/viewer/")
    view.page.get_by_label("Address of a Zarr store").fill("/data/w.zarr")
    view.page.keyboard.press("Enter")
    view.until("window.__pyramidion?.stats().complete")
    assert view.page.locator(".datasets").count() == 0


def test_first_page_of_a_server_with_many(viewer: Any, server: Any) -> None:
    server.documents["/api/datasets"] = {
        "datasets": [{"name": f"w{k}", "url": f"/data/w{k}.zarr"} for k in range(1234)]
    }
    view = viewer(width=1000)
    view.page.goto(f"{server.origin}/viewer/")
    view.page.wait_for_selector(".dataset")
    del server.documents["/api/datasets"]
    assert view.page.locator(".dataset-name").count() == 100
    rest = view.page.locator("a.dataset[href='../']")
    assert re.sub(r"\s", "", rest.text_content()) == "All1234datasets"


def test_themes(viewer: Any) -> None:
    view = viewer(width=1000, color_scheme="dark").open("/data/w.zarr")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = view.run(background)
    view.page.keyboard.press("t")
    light = view.run(background)
    assert dark != light
    view.page.reload()
    view.ready()
    assert view.run(background) == light
    assert view.run(
        "__test.near(...((c) => [Math.floor(c.width / 2), __pyramidion.y(c.hi[Math.floor(c.width / 2)])])(__pyramidion.columns()), 1, 3)"
    )


@pytest.mark.parametrize(("size", "datasets"), [((390, 780), 1), ((1280, 720), 2), ((390, 780), 2)])
def test_no_words_lie_over_a_small_trace(
    size: tuple[int, int], datasets: int, viewer: Any, server: Any
) -> None:
    """They would hide what must be seen: the extremes of the trace."""
    view = viewer(width=size[0], height=size[1])
    view.go(f"{server.origin}/viewer/?" + "&".join(["data=/data/w.zarr"] * datasets))
    gaps = view.run("""[...document.querySelectorAll('.plot')].flatMap((plot) => {
      const top = plot.querySelector('canvas.trace').getBoundingClientRect().top;
      const words = [...plot.querySelectorAll('.caption, .summary')].filter((one) => one.textContent);
      return words.map((one) => top - one.getBoundingClientRect().bottom);
    })""")
    assert len(gaps) == 2 * datasets
    assert min(gaps) >= 0


def test_narrow_screen(viewer: Any) -> None:
    view = viewer(width=360, height=640, has_touch=True).open("/data/w.zarr")
    assert view.run("document.documentElement.scrollWidth") <= 360
    assert view.run("document.documentElement.scrollHeight") <= 640
    assert view.page.locator("canvas.trace").bounding_box()["height"] > 200
    for button in view.page.locator(".buttons button").all():
        assert button.bounding_box()["height"] >= 32
    assert view.complaints == []


def test_two_fingers_zoom(viewer: Any) -> None:
    view = viewer(width=600, height=600, has_touch=True).open("/data/w.zarr")
    view.pinch("canvas.trace")
    assert span(view) == pytest.approx(SAMPLES / 2, rel=0.01)
