"""Export of the window: the files read back with numpy and Pillow, against what is in the store."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.browser import stores

pytestmark = pytest.mark.browser

SAMPLES = 5_300_000
INTERVAL = 2e-9
GAINS, OFFSETS = [1.1e-3, -2e-3], [0.0, 0.25]
STARTS = [-1e-4, -1e-4 + 0.4 * INTERVAL]
HOSTILE = 'x<b>&"a" \u00b5 b'


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    return stores.signal((2, 1, 1, SAMPLES), np.int16)


@pytest.fixture(scope="module")
def strain() -> np.ndarray:
    values = 1e-21 * np.random.default_rng(6).normal(size=4000)
    values[[7, 8, 3999]] = [np.nan, np.inf, -np.inf]
    return values


@pytest.fixture(scope="module", autouse=True)
def _stores(data_folder: Path, codes: np.ndarray, strain: np.ndarray) -> None:
    calibration: dict[str, Any] = {
        "vertical_gains": [[g] for g in GAINS],
        "vertical_offsets": [[o] for o in OFFSETS],
    }
    stores.write_v3(data_folder / "w.zarr", codes, **calibration)
    stores.write_v3(
        data_folder / "shifted.zarr",
        codes[..., :5000],
        trigger_offsets=[[[s]] for s in STARTS],
        trigger_times=[[[0.5]], [[0.5]]],
        **calibration,
    )
    stores.write_v3(
        data_folder / f"{HOSTILE}.zarr",
        strain[None, None, None, :],
        vertical_gains=[[1.0]],
        vertical_offsets=[[0.0]],
        vertical_unit="",
        horiz_unit="=m,\n",
        channel_names=["one\ntwo,three"],
    )


def open_tool(view: Any, kind: str) -> None:
    view.page.keyboard.press("e")
    view.page.locator(".export").wait_for()
    view.idle()  # the plot has become narrower
    view.page.locator(f".export input[value={kind}]").check()


def save(view: Any, folder: Path) -> Path:
    with view.page.expect_download() as waiting:
        view.page.get_by_role("button", name="Save", exact=True).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    view.page.locator(f".export :text('Saved {path.name}')").wait_for()
    return path


def read_csv(path: Path) -> tuple[list[str], list[str], list[list[str]]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(lines[len(comments) :]))
    return comments, rows[0], rows[1:]


def times(channel: int, first: int, end: int) -> np.ndarray:
    return STARTS[channel] + np.arange(first, end) * INTERVAL


def test_csv_reads_back_to_the_last_bit(viewer: Any, codes: np.ndarray, tmp_path: Path) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[0], samples=[299_999.5, 600_010.5])  # over the ends of blocks
    open_tool(view, "csv")
    path = save(view, tmp_path)
    comments, names, _ = read_csv(path)
    assert names == ["time_s", "value_V"]
    assert path.name == "w_ch0_-400us_to_200.02us.csv"
    assert "samples 300000 to 600010 of 5300000" in comments[1]
    assert "code * 0.0011 - 0" in comments[1]
    table = np.loadtxt(path, delimiter=",", skiprows=len(comments) + 1)
    assert np.array_equal(table[:, 0], -1e-3 + np.arange(300_000, 600_011) * INTERVAL)
    assert np.array_equal(table[:, 1], codes[0, 0, 0, 300_000:600_011] * GAINS[0] - OFFSETS[0])
    assert view.complaints == []


def test_csv_of_two_channels(viewer: Any, codes: np.ndarray, tmp_path: Path) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[1, 0], samples=[9.5, 2009.5])
    open_tool(view, "csv")
    path = save(view, tmp_path)
    comments, names, _ = read_csv(path)
    assert names == ["time_s", "ch1_V", "ch0_V"]
    table = np.loadtxt(path, delimiter=",", skiprows=len(comments) + 1)
    for column, channel in ((1, 1), (2, 0)):
        expected = codes[channel, 0, 0, 10:2010] * GAINS[channel] - OFFSETS[channel]
        assert np.array_equal(table[:, column], expected)


def test_channels_with_clocks_of_their_own_have_times_of_their_own(
    viewer: Any, codes: np.ndarray, tmp_path: Path
) -> None:
    view = viewer().open("/data/shifted.zarr")
    view.set_view(channels=[0, 1], samples=[9.5, 29.2])
    open_tool(view, "csv")
    comments, names, rows = read_csv(save(view, tmp_path))
    assert names == ["ch0_time_s", "ch0_V", "ch1_time_s", "ch1_V"]
    assert comments[1].endswith("trigger at 0.5 s")
    table = np.array([[float(field or "nan") for field in row] for row in rows])
    assert np.array_equal(table[:, 0], times(0, 10, 30))
    second = table[~np.isnan(table[:, 2])]
    assert len(second) == 19  # one sample less of it lies in the window
    assert np.array_equal(second[:, 2], times(1, 10, 29))
    assert np.array_equal(second[:, 3], codes[1, 0, 0, 10:29] * GAINS[1] - OFFSETS[1])


def test_npz_is_documented_and_complete(viewer: Any, codes: np.ndarray, tmp_path: Path) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[0, 1], samples=[299_999.5, 900_010.5])
    open_tool(view, "npz")
    path = save(view, tmp_path)
    with np.load(path, allow_pickle=False) as file:
        for ch in (0, 1):
            stored = file[f"codes_ch{ch}"]
            assert stored.dtype == np.int16
            assert np.array_equal(stored, codes[ch, 0, 0, 300_000:900_011])
            assert (file[f"gain_ch{ch}"], file[f"offset_ch{ch}"]) == (GAINS[ch], OFFSETS[ch])
            assert (file[f"sample_ch{ch}"], file[f"segment_ch{ch}"], file[f"trace_ch{ch}"]) == (300_000, 0, 0)  # fmt: skip
            assert np.array_equal(file[f"times_ch{ch}"], -1e-3 + np.arange(300_000, 900_011) * INTERVAL)  # fmt: skip
            assert file[f"start_ch{ch}"] == file[f"times_ch{ch}"][0]
            assert file[f"interval_ch{ch}"] == INTERVAL
        assert (str(file["time_unit"]), str(file["value_unit"]), str(file["dataset"])) == ("s", "V", "w.zarr")  # fmt: skip
        about = str(file["about"])
        for name in file.files:
            assert re.sub(r"\d+$", "N", name) in about or name in ("about", "dataset", "time_unit")
    assert view.complaints == []


def test_hostile_names_and_numbers_that_are_none(
    viewer: Any, strain: np.ndarray, tmp_path: Path
) -> None:
    view = viewer().open("/data/" + "x%3Cb%3E%26%22a%22%20%C2%B5%20b.zarr")
    open_tool(view, "csv")
    path = save(view, tmp_path)
    assert re.fullmatch(r"[\w.+-]+\.csv", path.name)
    assert path.name.startswith("x-b-a-u-b_ch0_")
    comments, names, rows = read_csv(path)
    assert names == ["time_=m,", "value"]
    assert "one two,three" in comments[1]
    assert np.array_equal([float(row[1]) for row in rows], strain, equal_nan=True)
    open_tool_again = view.page.locator(".export input[value=npz]")
    open_tool_again.check()
    with np.load(save(view, tmp_path)) as file:
        assert np.array_equal(file["codes_ch0"], strain, equal_nan=True)
        assert str(file["dataset"]) == f"{HOSTILE}.zarr"
    assert view.page.locator("b").count() == 0


def test_too_many_samples_are_refused_with_what_helps(
    viewer: Any, codes: np.ndarray, tmp_path: Path
) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[0], samples=[-0.5, SAMPLES - 0.5])
    open_tool(view, "csv")
    words = view.page.locator(".export-refusal").text_content().replace("\u202f", "")
    assert "5300000 samples are more than 5000000" in words
    assert all(help_ in words for help_ in ("zoom in", "envelope", "Python"))
    button = view.page.get_by_role("button", name="Save", exact=True)
    assert button.is_disabled()
    view.page.locator(".export input[value=envelope]").check()
    assert button.is_enabled()
    path = save(view, tmp_path)
    assert path.name.endswith("_envelope.csv")
    comments, names, rows = read_csv(path)
    assert names == ["from_s", "to_s", "min_V", "max_V"]
    assert "bins of" in comments[-1]
    columns = view.columns()
    assert len(rows) == columns["width"]
    for row in (rows[0], rows[317], rows[-1]):
        first, last = (round((float(text) + 1e-3) / INTERVAL) for text in row[:2])
        values = codes[0, 0, 0, first : last + 1] * GAINS[0] - OFFSETS[0]
        assert [float(text) for text in row[2:]] == [values.min(), values.max()]
    assert round((float(rows[-1][1]) + 1e-3) / INTERVAL) == SAMPLES - 1
    view.set_view(samples=[-0.5, 1000.5])
    view.page.locator(".export input[value=csv]").check()
    assert button.is_enabled()


def test_an_envelope_of_a_channel_with_negative_gain(
    viewer: Any, codes: np.ndarray, tmp_path: Path
) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[0, 1], samples=[999.5, 500_999.5])
    open_tool(view, "envelope")
    _, names, rows = read_csv(save(view, tmp_path))
    assert names == ["from_s", "to_s", "ch0_min_V", "ch0_max_V", "ch1_min_V", "ch1_max_V"]
    for row in rows[::200]:
        first, last = (round((float(text) + 1e-3) / INTERVAL) for text in row[:2])
        for ch in (0, 1):
            values = codes[ch, 0, 0, first : last + 1] * GAINS[ch] - OFFSETS[ch]
            assert [float(text) for text in row[2 + 2 * ch : 4 + 2 * ch]] == [values.min(), values.max()]  # fmt: skip


def pixels_near(picture: Image.Image, colour: tuple[int, int, int], box: tuple[int, ...]) -> int:
    part = np.asarray(picture.convert("RGB").crop(box), dtype=int)
    return int(np.count_nonzero(np.abs(part - colour).sum(axis=2) < 12))


@pytest.mark.parametrize("light", [True, False])
def test_the_picture_has_axes_and_the_chosen_background(
    viewer: Any, tmp_path: Path, light: bool
) -> None:
    view = viewer(width=1000, height=600, color_scheme="dark").open("/data/w.zarr")
    view.set_view(
        channels=[0, 1], samples=[0, 400_000], cursors={"x": 100_000, "y": None},
        notes=[{"at": 200_000, "text": "here"}], layout="stacked",
    )  # fmt: skip
    open_tool(view, "png")
    view.page.get_by_label("Light background").set_checked(light)
    path = save(view, tmp_path)
    plot = view.run(
        "(() => { const c = document.querySelector('canvas.trace'); return [c.clientWidth, c.clientHeight]; })()"
    )
    with Image.open(path) as picture:
        assert picture.size == (2 * (plot[0] + 100), 2 * (plot[1] + 94))
        ground = (255, 255, 255) if light else (18, 24, 31)
        assert picture.convert("RGB").getpixel((3, 3)) == ground
        left, top, right, bottom = 2 * 78, 2 * 52, 2 * (78 + plot[0]), 2 * (52 + plot[1])
        trace = (0x00, 0x72, 0xB2) if light else (0x56, 0xB4, 0xE9)
        assert pixels_near(picture, trace, (left, top, right, (top + bottom) // 2)) > 5000
        for box in (
            (0, top, left - 8, bottom),  # numbers at the left,
            (left, bottom + 8, right, picture.size[1]),  # below,
            (left, 0, right, top - 8),  # and the title
        ):
            assert pixels_near(picture, ground, box) < (box[2] - box[0]) * (box[3] - box[1]) - 300
    assert view.run("document.documentElement.dataset.theme ?? 'unset'") == "unset"
    assert view.complaints == []


def test_an_export_can_be_cancelled(viewer: Any, server: Any) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[0], samples=[-0.5, 4_900_000.5])
    open_tool(view, "csv")
    with server.held():  # it cannot be done before Cancel is pressed
        view.page.get_by_role("button", name="Save", exact=True).click()
        view.page.get_by_role("button", name="Cancel").click()
    assert "Export cancelled" in view.page.locator(".export").text_content()
    assert view.page.locator(".export progress").is_hidden()
    view.set_view(samples=[0, 100])
    assert view.page.get_by_role("button", name="Save", exact=True).is_enabled()


def test_with_the_keyboard_alone(viewer: Any, tmp_path: Path) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(channels=[0], samples=[0, 100])
    view.page.keyboard.press("e")
    view.page.locator(".export").wait_for()
    assert view.run("document.activeElement.value") == "csv"
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("ArrowDown")
    assert view.run("document.activeElement.value") == "npz"
    with view.page.expect_download() as waiting:
        view.page.keyboard.press("Enter")
    waiting.value.save_as(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as file:
        assert file["codes_ch0"].shape == (100,)


def test_the_picture_hides_no_extreme_of_a_channel_below(
    viewer: Any, server: Any, tmp_path: Path
) -> None:
    """As on the page: what lies under another trace keeps its outline."""
    codes = np.zeros((2, 1, 1, 400_000), np.int16)
    codes[:, 0, 0, ::2] = [[2000], [500]]  # channel 1 lies wholly within channel 0
    codes[:, 0, 0, 1::2] = [[-2000], [-500]]
    codes[1, 0, 0, 200_000] = 1500
    server.mount("/under", tmp_path)
    stores.write_v3(
        tmp_path / "w.zarr", codes, vertical_gains=[[1e-3]] * 2, vertical_offsets=[[0.0]] * 2
    )
    view = viewer(width=1000, height=600).open("/under/w.zarr", "#ch=0,1")
    open_tool(view, "png")
    levels = view.run("[500, 1500].map((code) => __pyramidion.y(code, 1))")
    with Image.open(save(view, tmp_path)) as picture:
        middle = (2 * 78 + picture.size[0] - 2 * 22) // 2
        for level in levels:
            row = int(2 * 52 + 2 * level)
            box = (middle - 20, row - 8, middle + 20, row + 8)
            assert pixels_near(picture, (0xD5, 0x5E, 0x00), box) > 0, level
