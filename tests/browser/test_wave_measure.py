"""Cursors and measurements: every number of the page against numpy, on made and on real recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from tests.browser import stores
from tests.browser.measured import assert_printed, numpy_says, tidy

from pyramidion.workflows import ConvertOptions, convert

pytestmark = pytest.mark.browser

TRC = Path(__file__).parent.parent / "data" / "trc"
SAMPLES = 6_000_011
INTERVAL = 2e-9
GAINS, OFFSETS = [1e-3, -2e-3], [0.0, 0.25]
STARTS = [-1e-4, -1e-4 + 30.4 * INTERVAL]
CLIP = 12_000
UNITS = {
    **dict.fromkeys(("min", "max", "peak-to-peak", "mean", "rms", "deviation", "base", "top"), "V"),
    "frequency": "Hz",
    "period": "s",
    "rise": "s",
    "fall": "s",
}


@pytest.fixture(scope="module")
def made() -> np.ndarray:
    rng = np.random.default_rng(4)
    t = np.arange(SAMPLES)
    pulses = np.interp(t % 4000, [0, 1000, 1040, 2200, 2300, 4000], [0, 0, 9000, 9000, 0, 0])
    sine = 13_000 * np.sin(2 * np.pi * t / 3717.31)
    both = np.stack([pulses, np.clip(sine, -CLIP, CLIP)]) + rng.normal(0, 90, (2, SAMPLES))
    codes = np.clip(np.rint(both), -CLIP, CLIP).astype(np.int16)
    codes[0, 4_444_444] = 11_111  # one sample that only the stored extremes can tell of from afar
    return codes


@pytest.fixture(scope="module")
def strain() -> np.ndarray:
    rng = np.random.default_rng(6)
    values = 1e-21 * np.sin(np.arange(50_000) / 31) + rng.normal(0, 1e-23, 50_000)
    values[rng.integers(0, 50_000, 40)] = np.nan
    return values


@pytest.fixture(scope="module", autouse=True)
def _stores(data_folder: Path, made: np.ndarray, strain: np.ndarray) -> None:
    stores.write_v3(
        data_folder / "made.zarr",
        made[:, None, None, :],
        vertical_gains=[[g] for g in GAINS],
        vertical_offsets=[[o] for o in OFFSETS],
        trigger_offsets=[[[s]] for s in STARTS],
        clip_codes=[[[-32768, 32767]], [[-CLIP, CLIP]]],
    )
    stores.write_v3(
        data_folder / "strain.zarr",
        np.stack([strain, strain])[:, None, None, :],
        vertical_gains=[[1.0], [1.0]],
        vertical_offsets=[[0.0], [0.0]],
        vertical_unit="",
        horiz_unit="m",
        horiz_interval=0.25,
        horiz_offset=0.0,
    )
    stores.write_v2(data_folder / "old.zarr", made[None, None, :1, :300_123])
    for name in ("pulse_sequence", "single_sweep"):
        convert(TRC / f"{name}.trc", data_folder / f"{name}.zarr", ConvertOptions())


def open_tool(view: Any) -> None:
    view.page.keyboard.press("q")
    view.page.locator(".measure").wait_for()


def measured(view: Any) -> list[dict[str, Any]]:
    view.idle()
    view.until("__pyramidion.stats().measuring === false")
    return list(view.stats()["measured"])


def cell(view: Any, name: str, column: int = 0) -> str:
    return str(
        view.page.locator(f".measure-values tr[data-id='{name}'] td").nth(column).text_content()
    )


def cursor_row(view: Any, label: str) -> str:
    rows = view.page.locator(".measure-cursors tr")
    return str(rows.filter(has=view.page.locator(f"th:text-is('{label}')")).locator("td").text_content())  # fmt: skip


def assert_equal(found: dict[str, Any], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        if np.isnan(value):
            assert found[name] is None, name
        else:
            scale = abs(expected["peak-to-peak"]) if name == "mean" else abs(value)
            assert abs(found[name] - value) <= 1e-9 * scale, (name, found[name], value)


@pytest.mark.parametrize("span", [(10_000, 90_000), (1_234_567, 2_345_678), (5_999_000, SAMPLES)])
def test_measurements_are_those_of_numpy(
    viewer: Any, made: np.ndarray, span: tuple[int, int]
) -> None:
    view = viewer().open("/data/made.zarr")
    view.set_view(channels=[0, 1], samples=[span[0] - 0.5, span[1] - 0.5])
    open_tool(view)
    shift = round((STARTS[0] - STARTS[1]) / INTERVAL + 0.4)  # of the second channel's clock
    for column, found in enumerate(measured(view)):
        first, end = (span[0], span[1]) if column == 0 else (span[0] + shift, span[1] + shift)
        assert (found["from"], found["to"]) == (first, min(end, SAMPLES))
        codes = made[column, found["from"] : found["to"]]
        expected = numpy_says(codes, INTERVAL, GAINS[column], OFFSETS[column])
        assert_equal(found, expected)
        for name, unit in UNITS.items():
            assert_printed(cell(view, name, column), expected[name], unit)
        if expected["cycles"]:
            assert tidy(cell(view, "duty", column)) == f"{expected['duty'] * 100:.3f} %"
        values = codes * GAINS[column] - OFFSETS[column]
        for name, at in (("min-at", values.argmin()), ("max-at", values.argmax())):
            assert found[name] == pytest.approx(
                STARTS[column] + (found["from"] + at) * INTERVAL, abs=1e-18
            )
        clipped = int(np.count_nonzero(np.abs(codes) >= CLIP)) if column else 0
        assert found.get("clipped") == (clipped or None)
    assert view.complaints == []


def test_extremes_are_exact_at_any_width_and_the_rest_is_not_guessed(
    viewer: Any, made: np.ndarray
) -> None:
    view = viewer().open("/data/made.zarr", "#ch=1")
    view.set_view(channels=[0], samples=[17.5, SAMPLES - 1 - 0.5])
    open_tool(view)
    (found,) = measured(view)
    codes = made[0, 18 : SAMPLES - 1]
    assert found["max"] == codes.max() * GAINS[0] == 11_111 * GAINS[0]
    assert found["max-at"] == pytest.approx(STARTS[0] + 4_444_444 * INTERVAL, abs=1e-18)
    assert found["min"] == codes.min() * GAINS[0]
    assert "mean" not in found
    assert view.page.locator(".measure tr[data-id='mean']").count() == 0
    note = tidy(view.page.locator(".measure-note").text_content())
    assert note.startswith("Zoom in to 4194304 samples or fewer")
    assert "need all samples" in note
    assert view.stats()["bytes"] < 1_000_000


@pytest.mark.parametrize("name", ["single_sweep", "pulse_sequence"])
def test_real_recordings(viewer: Any, data_folder: Path, name: str) -> None:
    root = zarr.open_group(data_folder / f"{name}.zarr", mode="r")
    raw = root["raw"]
    interval = float(root.attrs["horiz_interval"])
    gain = float(root.attrs["vertical_gains"][0][0])
    offset = float(root.attrs["vertical_offsets"][0][0])
    view = viewer().open(f"/data/{name}.zarr")
    open_tool(view)
    for segment in sorted({0, raw.shape[2] - 1}):
        view.set_view(seg=segment)
        (found,) = measured(view)
        expected = numpy_says(raw[0, 0, segment], interval, gain, offset)
        assert_equal(found, expected)
        for measurement, unit in UNITS.items():
            assert_printed(cell(view, measurement), expected[measurement], unit)
    assert view.complaints == []


def test_an_old_store_whose_last_samples_are_in_no_overview(viewer: Any, made: np.ndarray) -> None:
    view = viewer().open("/data/old.zarr")
    open_tool(view)
    (found,) = measured(view)
    expected = numpy_says(made[0, :300_123], INTERVAL, 1e-3)
    assert_equal(found, expected)
    assert_printed(cell(view, "max"), expected["max"], "V")


def test_nan_are_left_out_and_counted_and_units_are_those_of_the_store(
    viewer: Any, strain: np.ndarray
) -> None:
    view = viewer().open("/data/strain.zarr")
    open_tool(view)
    (found,) = measured(view)
    assert_equal(found, numpy_says(strain, 0.25))
    assert found["nans"] == np.count_nonzero(np.isnan(strain))
    assert tidy(cell(view, "nans")) == str(found["nans"])
    assert_printed(cell(view, "rms"), np.sqrt(np.nanmean(strain**2)), "")
    assert cell(view, "frequency").endswith(" 1/m")
    assert_printed(cell(view, "frequency"), found["frequency"], "")
    assert_printed(cell(view, "period"), found["period"], "m")


def test_cursors_tell_exact_samples(viewer: Any, made: np.ndarray) -> None:
    view = viewer().open("/data/made.zarr")
    view.set_view(channels=[0, 1], samples=[0, 5_000_000], cursors={"x": 1_000_017, "y": 3_000_500})
    open_tool(view)
    view.until("!document.querySelector('.measure-cursors').textContent.includes('…')")
    shift = round((STARTS[0] - STARTS[1]) / INTERVAL)
    values = [[made[c, at + c * shift] * GAINS[c] - OFFSETS[c] for at in (1_000_017, 3_000_500)] for c in (0, 1)]  # fmt: skip
    for i, name in enumerate("XY"):
        assert_printed(cursor_row(view, name), STARTS[0] + (1_000_017, 3_000_500)[i] * INTERVAL, "s")  # fmt: skip
        for c in (0, 1):
            assert_printed(cursor_row(view, f"Channel {c} at {name}"), values[c][i], "V")
    distance = 2_000_483 * INTERVAL
    assert_printed(cursor_row(view, "Δt, Y \u2212 X"), distance, "s")
    assert_printed(cursor_row(view, "1/|Δt|"), 1 / distance, "Hz")
    for c in (0, 1):
        assert_printed(cursor_row(view, f"ΔV, Channel {c}"), values[c][1] - values[c][0], "V")


def test_between_the_cursors_only(viewer: Any, made: np.ndarray) -> None:
    view = viewer().open("/data/made.zarr")
    view.set_view(channels=[0], samples=[0, 500_000], cursors={"x": 300_100, "y": 200_017})
    open_tool(view)
    gate = view.page.get_by_label("Measure between the cursors only")
    gate.check()
    view.until("__pyramidion.stats().measured[0]?.samples === 100084")
    (found,) = measured(view)
    assert (found["from"], found["to"]) == (200_017, 300_101)
    assert_equal(found, numpy_says(made[0, 200_017:300_101], INTERVAL, GAINS[0]))
    view.set_view(cursors={"x": None, "y": 200_017})
    assert gate.is_disabled()
    (found,) = measured(view)
    assert found["samples"] == 500_000


def cursors(view: Any) -> dict[str, Any]:
    return dict(view.view()["cursors"])


def test_keys_place_move_and_remove_cursors(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/made.zarr")
    view.set_view(channels=[0], samples=[0, 100_000])
    canvas = view.page.locator("canvas.trace")
    box = canvas.bounding_box()
    view.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 100)
    view.page.keyboard.press("x")
    view.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 100)
    view.page.keyboard.press("y")
    view.idle()
    at = cursors(view)
    assert at["x"] == pytest.approx(25_000, abs=200)
    assert at["y"] == pytest.approx(75_000, abs=200)
    handle = view.page.get_by_role("slider", name="Cursor X")
    handle.focus()
    pixel = round(100_000 / box["width"])
    for key, step in (
        ("ArrowRight", pixel),
        ("Shift+ArrowLeft", -10 * pixel),
        ("Alt+ArrowRight", 1),
    ):
        before = cursors(view)["x"]
        view.page.keyboard.press(key)
        assert abs(cursors(view)["x"] - before - step) <= abs(step // pixel if step != 1 else 0)
    assert view.view()["samples"] == [0, 100_000]  # the plot did not move with the arrow keys
    assert handle.get_attribute("aria-valuenow") is not None
    view.page.keyboard.press("Delete")
    view.idle()
    assert cursors(view)["x"] is None
    assert cursors(view)["y"] == at["y"]
    assert not handle.is_visible()


def test_a_cursor_moved_out_of_view_takes_the_view_along(viewer: Any) -> None:
    view = viewer().open("/data/made.zarr")
    view.set_view(samples=[1000, 1100], cursors={"x": 1098, "y": None})
    view.page.get_by_role("slider", name="Cursor X").focus()
    for _ in range(4):
        view.page.keyboard.press("Alt+ArrowRight")
    view.idle()
    assert cursors(view)["x"] == 1102
    first, last = view.view()["samples"]
    assert first < 1102 < last
    assert last - first == pytest.approx(100)
    assert view.run("document.activeElement.getAttribute('aria-label')") == "Cursor X"


def test_cursors_are_dragged_to_samples(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/made.zarr")
    view.set_view(samples=[0, 40], cursors={"x": 10, "y": 30})
    view.page.get_by_role("slider", name="Cursor X").wait_for()
    box = view.page.locator("canvas.trace").bounding_box()
    at = lambda sample: box["x"] + box["width"] * sample / 40  # noqa: E731
    view.page.mouse.move(at(10), box["y"] + 10)
    view.page.mouse.down()
    view.page.mouse.move(at(15), box["y"] + 60, steps=3)
    view.page.mouse.move(at(20.3), box["y"] + 90, steps=3)
    view.page.mouse.up()
    assert cursors(view) == {"x": 20, "y": 30}
    view.page.mouse.move(at(35), box["y"] + 90)
    assert cursors(view) == {"x": 20, "y": 30}
    assert view.view()["samples"] == [0, 40]
    view.address("x=", "y=")


def test_touch_places_a_cursor_by_pressing(viewer: Any) -> None:
    view = viewer(width=420, height=900, has_touch=True).open("/data/made.zarr")
    view.set_view(samples=[0, 1000])
    view.page.locator("#tool-measure").tap()
    view.page.get_by_role("button", name="Place X").tap()
    view.idle()
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.touchscreen.tap(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.7)
    view.idle()
    assert cursors(view)["x"] == pytest.approx(500, abs=5)


def test_moving_on_gives_up_what_is_being_measured(viewer: Any, made: np.ndarray) -> None:
    view = viewer().open("/data/made.zarr")
    view.set_view(channels=[0, 1], samples=[0, 4_000_000])
    open_tool(view)
    for k in range(6):
        view.run(f"__pyramidion.setView({{samples: [{k * 1000}, {4_000_000 + k * 1000}]}})")
        view.page.wait_for_timeout(260)
    found = measured(view)
    assert found[0]["from"] == 5000
    assert found[0]["mean"] == pytest.approx((made[0, 5000:4_005_000] * GAINS[0]).mean(), rel=1e-9)


def test_copied_numbers_are_complete(viewer: Any) -> None:
    view = viewer(permissions=["clipboard-read", "clipboard-write"]).open("/data/made.zarr")
    view.set_view(channels=[0, 1], samples=[9.5, 20_009.5])
    open_tool(view)
    found = measured(view)
    view.page.get_by_role("button", name="Copy as text").click()
    while not (copied := view.run("navigator.clipboard.readText()")).startswith("measurement"):
        view.frames()
    lines = [line.split("\t") for line in copied.splitlines()]
    assert lines[0] == ["measurement", "unit", "Channel 0", "Channel 1"]
    table = {line[0]: line[1:] for line in lines[1:]}
    assert table["Mean"] == ["V", *(repr(one["mean"]) for one in found)]
    assert float(table["Maximum at"][1]) == found[0]["max-at"]
    assert len(table) == len(lines) - 1


def test_what_cannot_be_read_is_told_and_tried_again(viewer: Any, server: Any) -> None:
    server.faults.status["raw/c/0/0/0/0"] = 403
    view = viewer().open("/data/made.zarr", "#s=1000,5000&sx=1500&tool=measure")
    view.idle()
    panel = view.page.locator(".measure")
    assert "Not measured" in panel.locator(".measure-note").text_content()
    assert "not read" in panel.locator(".measure-cursors").text_content()
    assert "403" in view.page.locator(".bar").text_content()
    server.faults.status.clear()
    view.page.get_by_role("button", name="Try again").click()
    view.idle()
    assert not view.page.locator(".bar").is_visible()
    assert panel.locator(".measure-note").text_content() == ""
    assert "not read" not in panel.locator(".measure-cursors").text_content()
    (found,) = view.stats()["measured"]
    assert found["samples"] == 4000
    assert found["mean"] is not None
