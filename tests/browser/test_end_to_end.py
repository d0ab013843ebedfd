"""Real recordings through the real converter and the real server into the real page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import Viewer
from tests.browser.exact import check_columns

from pyramidion.core import Box
from pyramidion.formats import open_source
from pyramidion.instruments import SimulatedScope
from pyramidion.workflows import ConvertOptions, convert, generate

pytestmark = pytest.mark.browser

DATA = Path(__file__).parent.parent / "data"
SAMPLES = 3_000_017
GLITCH = 32_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stores")
    for name in ("pulse_sequence", "single_sweep"):
        convert(DATA / f"trc/{name}.trc", place / f"{name}.zarr", ConvertOptions())
    scope = SimulatedScope(channels=2, segments=2, samples=SAMPLES, seed=1)
    generate(place / "made.zarr", scope, ConvertOptions())
    codes = np.random.default_rng(2).integers(-50, 50, (1, 1, 1, SAMPLES), np.int16)
    codes[..., -1] = GLITCH  # the last sample of all, alone in the last bin of every level
    np.save(place / "last.npy", codes)
    for zarr_format in (2, 3):
        options = ConvertOptions(zarr_format=zarr_format)
        convert(place / "last.npy", place / f"last{zarr_format}.zarr", options)
    return place


@pytest.fixture
def see(fresh: Callable[..., Viewer], origin: str) -> Callable[..., Viewer]:
    """Open a store in a new page."""

    def make(store: str, fragment: str = "") -> Viewer:
        # Version 2 has no file that is always there: a reader has to ask, and browsers log each no.
        view = fresh(origin, (1280, 720), may_say="404" if "last2" in store else "")
        return view.open(f"/{store}", fragment)

    return make


def test_columns_are_the_extremes_of_the_samples(see: Any, folder: Path) -> None:
    view = see("made.zarr")
    with open_source(folder / "made.zarr") as source:
        for channel, segment, first, last in ((0, 0, 0, SAMPLES), (1, 1, 10_000, 900_000), (1, 0, 2_999_000, SAMPLES), (0, 1, 5, 25)):  # fmt: skip
            view.set_view(ch=channel, seg=segment, samples=[first, last])
            columns = view.columns()
            codes = source.read(
                Box((channel, 0, segment, 0), (channel + 1, 1, segment + 1, SAMPLES))
            )
            codes = codes.reshape(-1)
            assert check_columns(columns, codes, every=7) > 0


@pytest.mark.parametrize("store", ["last2.zarr", "last3.zarr"])
def test_the_last_sample_is_a_pixel_at_every_zoom(see: Any, store: str) -> None:
    view = see(store)
    for span in (SAMPLES, 500_000, 90_000, 20_000, 3_000, 400, 50, 4):
        view.set_view(samples=[SAMPLES - span, SAMPLES])
        columns = view.columns()
        assert max(c for c in columns["hi"] if c is not None) == GLITCH, span
        x = columns["hi"].index(GLITCH)
        y = view.run("(code) => __pyramidion.y(code)", GLITCH)
        assert view.run("([x, y]) => __test.near(x, y, 2, 3)", [x, y]), span


def test_volts_seconds_and_triggers_of_the_sequence(see: Any) -> None:
    with open_source(DATA / "trc/pulse_sequence.trc") as source:
        spec = source.spec
        codes = source.read(Box.whole(spec.shape))
    assert spec.trigger_times is not None
    assert spec.trigger_offsets is not None
    view = see("pulse_sequence.zarr")
    for segment in (0, 7, 19):
        view.set_view(seg=segment, samples=[-0.5, 501.5])
        columns = view.columns()
        row = codes[0, 0, segment]
        assert max(c for c in columns["hi"] if c is not None) == row.max()
        assert min(c for c in columns["lo"] if c is not None) == row.min()
        text = view.page.inner_text("body").replace("\u202f", " ").replace("\u2009", " ")
        assert "ns" in text
        assert "V" in text
    first, last = view.view()["t"]
    offset = spec.trigger_offsets[0, 0, 19]
    assert first == pytest.approx(offset - 0.5 * spec.interval, rel=1e-9)
    assert last == pytest.approx(offset + 501.5 * spec.interval, rel=1e-9)


def test_a_link_shows_the_same_again(see: Any) -> None:
    view = see("made.zarr")
    view.set_view(ch=1, seg=1, samples=[123_456, 123_556])
    again = see("made.zarr", "#" + view.address("seg=1", "t=").partition("#")[2])
    assert again.view() == view.view()
    assert again.columns() == view.columns()


def test_the_catalogue_leads_to_the_page(fresh: Any, origin: str) -> None:
    assert fresh(origin).enter("made").columns() is not None


def test_a_cold_step_costs_two_requests(see: Any) -> None:
    view = see("made.zarr")
    for span in (1_000_000, 300_000, 60_000, 9_000, 300, 5):
        view.set_view(samples=[1_400_000 - span, 1_400_000 + span])
        step = view.stats()["step"]
        assert step["requests"] <= 2
        assert step["bytes"] <= 300_000
