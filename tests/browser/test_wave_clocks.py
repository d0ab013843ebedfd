"""Clocks that make trouble: channels far apart in time, and a record that starts at Unix time."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from tests.browser import stores

pytestmark = pytest.mark.browser

N = 100_000
INTERVAL = 1e-6
GAINS = [-1e-3, 2e-3]
LATER = 75_000  # samples by which channel 1 starts later; channel 2 starts long after all others have ended


@pytest.fixture(scope="module", autouse=True)
def codes(server: Any, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("clocks")
    server.mount("/clocks", folder)
    codes = np.random.default_rng(2).integers(-900, 900, (3, 1, 1, N), dtype=np.int16)
    stores.write_v3(
        folder / "apart.zarr",
        codes,
        horiz_interval=INTERVAL,
        vertical_gains=[[GAINS[0]], [GAINS[1]], [1.0]],
        vertical_offsets=[[0.0], [0.5], [0.0]],
        trigger_offsets=[[[0.0]], [[LATER * INTERVAL]], [[1.0]]],
        channel_names=["up\u202eside", "x\ny", ""],
    )
    stores.write_v3(
        folder / "far.zarr", codes[:1], horiz_offset=1.7e9, horiz_interval=1e-9,
        vertical_unit="V\nimport os",
    )  # fmt: skip
    return codes


def plain(text: str) -> str:
    return text.replace("\u202f", "").replace("\u2212", "-")


def measured(view: Any) -> list[dict[str, Any]]:
    view.idle()
    found: list[dict[str, Any]] = view.stats()["measured"]
    return found


def test_each_channel_is_measured_where_it_was_recorded(viewer: Any, codes: np.ndarray) -> None:
    view = viewer().open("/clocks/apart.zarr", "#ch=0,1,2&s=70000,80000&tool=measure")
    first, second, third = measured(view)
    volts = codes[0, 0, 0, 70_000:80_000] * GAINS[0]
    assert (first["from"], first["to"]) == (70_000, 80_000)
    assert (first["min"], first["max"]) == pytest.approx((volts.min(), volts.max()))
    volts = codes[1, 0, 0, :5_000] * GAINS[1] - 0.5
    assert (second["from"], second["to"]) == (0, 5_000)
    assert second["mean"] == pytest.approx(volts.mean())
    assert (third["samples"], third.get("min")) == (0, None)
    assert "Not measured" not in view.page.locator(".measure-note").text_content()
    view.page.keyboard.press("p")
    view.idle()
    assert "not inside" not in view.page.locator(".spectrum-tool").text_content()
    assert "10000" in plain(view.page.locator(".spectrum-facts").text_content())
    assert view.complaints == []


def test_another_active_channel_leaves_the_view_where_it_is_in_time(viewer: Any) -> None:
    view = viewer().open("/clocks/apart.zarr", "#ch=0,1&s=76000,80000&sx=77000")
    before = view.view()
    view.page.keyboard.press(";")
    view.idle()
    after = view.view()
    assert after["channels"] == [1, 0]
    assert after["samples"] == [1_000, 5_000]
    assert after["t"] == pytest.approx(before["t"], abs=1e-12)
    assert after["cursors"]["x"] == 77_000 - LATER
    view.page.get_by_label("Channel", exact=True).select_option("0")
    view.idle()
    again = view.view()
    assert (again["channels"], again["samples"], again["cursors"]["x"]) == (
        [0],
        [76_000, 80_000],
        77_000,
    )


def test_a_clock_too_far_away_counts_from_the_first_sample(viewer: Any) -> None:
    view = viewer().open("/clocks/far.zarr", "#s=1000,1040")
    labels = [plain(text) for text in view.page.locator(".wave .x-axis .tick").all_text_contents()]
    assert len(labels) >= 4
    assert labels == sorted(labels, key=float)
    assert all(1.0 <= float(text) <= 1.04 for text in labels)
    assert plain(view.page.locator(".wave .x-axis .unit").text_content()) == "µs from sample 0"
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    said = [plain(view.page.locator(".status-pointer").text_content())]
    view.page.mouse.move(box["x"] + box["width"] / 2 + box["width"] / 40, box["y"] + 100)
    said.append(plain(view.page.locator(".status-pointer").text_content()))
    assert [text.split(" from")[0] for text in said] == ["1.0200 µs", "1.0210 µs"]
    view.page.keyboard.press("g")
    view.idle()
    view.page.keyboard.type("50 us")
    view.page.keyboard.press("Enter")
    view.idle()
    a, b = view.view()["samples"]
    assert (a + b) / 2 == pytest.approx(50_000)
    again = viewer().open("/clocks/far.zarr", view.run("__pyramidion.link()"))
    assert again.view()["samples"] == view.view()["samples"]
    assert view.complaints == again.complaints == []


def test_names_and_units_cannot_break_out(viewer: Any) -> None:
    view = viewer().open("/clocks/far.zarr", "#s=1000,1040")
    view.page.keyboard.press("o")
    text = view.page.locator("dialog.elsewhere pre").first.text_content()
    assert not re.search(r"^import os", text, re.MULTILINE), "a unit is no line of its own"
    other = viewer().open("/clocks/apart.zarr", "#ch=0,1,2")
    assert other.page.locator(".caption").text_content() == "upside, x y, Channel 2"
