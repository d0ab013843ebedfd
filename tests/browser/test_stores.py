"""Which stores the page reads: versions, codecs, layouts, lengths and origins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
from tests.browser import stores
from tests.browser.servers import running

pytestmark = pytest.mark.browser

SHAPE = (2, 1, 2, 300_007)


@pytest.fixture
def folder(server: Any, tmp_path: Path) -> Path:
    server.mount("/data", tmp_path)
    return tmp_path


def check_whole_and_detail(view: Any, data: np.ndarray) -> None:
    """Extremes of the whole record, and every one of a few hundred samples, in the last row."""
    row = data[-1, -1, -1]
    view.set_view(
        ch=data.shape[0] - 1,
        trc=data.shape[1] - 1,
        seg=data.shape[2] - 1,
        samples=[-0.5, len(row) - 0.5],
    )
    drawn = view.columns()
    assert min(drawn["lo"]) == np.nanmin(row)
    assert max(drawn["hi"]) == np.nanmax(row)
    span = min(len(row), 300)
    for first in (0, len(row) // 2, len(row) - span):
        view.set_view(samples=[first - 0.5, first + span - 0.5])
        drawn = view.columns()
        assert drawn["samplesPerBin"] == 1
        assert [code for code in drawn["lo"] if code is not None] == row[
            first : first + span
        ].tolist()
    assert view.error() is None
    assert view.complaints == []


@pytest.mark.parametrize("codec", sorted(stores.CODECS))
def test_v3_codecs(codec: str, viewer: Any, folder: Path) -> None:
    data = stores.signal(SHAPE, np.int16)
    stores.write_v3(folder / "w.zarr", data, codec=codec)
    check_whole_and_detail(viewer(width=1100).open("/data/w.zarr"), data)


@pytest.mark.parametrize(
    "layout",
    [
        {"index_location": "start"},
        {"sharded": False},
        {"consolidated": False},
        {"inner": (1, 1, 2, 1000)},
    ],
    ids=["index at the start", "no shards", "not consolidated", "chunks over segments"],
)
def test_v3_layouts(layout: dict[str, Any], viewer: Any, folder: Path) -> None:
    data = stores.signal((2, 1, 2, 20_003), np.int32)
    stores.write_v3(folder / "w.zarr", data, **layout)
    view = viewer(width=1100).open("/data/w.zarr")
    if layout.get("consolidated") is False:
        view.complaints = [
            text for text in view.complaints if "404" not in text
        ]  # looking for one level more
    check_whole_and_detail(view, data)


@pytest.mark.parametrize(
    "old", [True, False], ids=["as ZoomingOnline wrote it", "with its last bin"]
)
@pytest.mark.parametrize("separator", [".", "/"])
def test_v2(old: bool, separator: str, viewer: Any, folder: Path) -> None:
    data = stores.signal(SHAPE, np.int16)
    data[-1, -1, -1, -1] = 32_000  # behind the last whole bin, which old stores leave out
    stores.write_v2(folder / "w.zarr", data, old=old, separator=separator)
    view = viewer(width=1100).open("/data/w.zarr")
    view.complaints = [
        text for text in view.complaints if "404" not in text
    ]  # looking for zarr.json
    check_whole_and_detail(view, data)


@pytest.mark.parametrize(
    "compressor", [numcodecs.Zstd(), numcodecs.GZip(), numcodecs.Zlib(), "none"], ids=str
)
def test_v2_compressors(compressor: Any, viewer: Any, folder: Path) -> None:
    data = stores.signal((1, 1, 1, 50_001), ">i2" if compressor == "none" else np.int16)
    stores.write_v2(folder / "w.zarr", data, compressor=compressor, chunk=7_000)
    view = viewer(width=1100).open("/data/w.zarr")
    view.complaints = [text for text in view.complaints if "404" not in text]
    check_whole_and_detail(view, data)


def test_v2_missing_chunks_are_the_fill_value_and_said_so(viewer: Any, folder: Path) -> None:
    data = stores.signal((1, 1, 1, 50_001), np.int16)
    stores.write_v2(folder / "w.zarr", data, chunk=10_000)
    (folder / "w.zarr" / "raw" / "0.0.0.2").unlink()
    view = viewer(width=1100).open("/data/w.zarr")
    view.set_view(samples=[24_999.5, 25_299.5])
    drawn = view.columns()
    assert {code for code in drawn["lo"] if code is not None} == {0}
    assert "missing" in view.page.locator(".status-traffic").text_content()


@pytest.mark.parametrize("samples", [1, 2, 63, 64, 65, 1003])
def test_short_records(samples: int, viewer: Any, folder: Path) -> None:
    data = stores.signal((1, 2, 5, samples), np.int16, seed=samples)
    stores.write_v3(
        folder / "w.zarr", data, inner=(1, 1, 5, max(samples, 64)), chunks_per_shard=1, bin_chunk=64
    )
    view = viewer(width=1300).open("/data/w.zarr", "#trc=1&seg=4")
    row = data[0, 1, 4]
    drawn = view.columns()
    if samples <= drawn["width"]:
        assert [code for code in drawn["lo"] if code is not None] == row.tolist()
    view.page.keyboard.press("1")
    view.idle()
    assert view.complaints == []


def test_all_nan_is_a_gap_and_infinite_values_do_not_hide_the_rest(
    viewer: Any, folder: Path
) -> None:
    data = stores.signal((1, 1, 1, 10_000), np.float64)
    data[..., 2_000:4_000] = np.nan
    data[..., 7_000] = np.inf
    stores.write_v3(folder / "w.zarr", data)
    view = viewer(width=1000).open("/data/w.zarr")
    drawn = view.columns()
    spp = 10_000 / drawn["width"]
    assert drawn["lo"][int(3_000 / spp)] is None
    assert drawn["lo"][int(6_990 / spp)] is not None
    assert float(view.run("__pyramidion.y(0)")) > 0
    assert view.complaints == []


def test_another_origin(viewer: Any, tmp_path: Path) -> None:
    data = stores.signal(SHAPE, np.int16)
    stores.write_v3(tmp_path / "w.zarr", data)
    with running() as far:
        far.mount("/data", tmp_path)
        view = viewer(width=1100).open(f"{far.origin}/data/w.zarr")
        check_whole_and_detail(view, data)
        stats = view.stats()
        hits = far.data_hits()
        assert (stats["requests"], stats["bytes"]) == (len(hits), sum(hit.sent for hit in hits))


@pytest.mark.parametrize("fault", ["no preflight", "no suffix ranges", "no exposed headers"])
def test_modest_servers_are_enough(fault: str, viewer: Any, tmp_path: Path) -> None:
    data = stores.signal((1, 1, 1, 300_007), np.int16)
    stores.write_v3(tmp_path / "w.zarr", data)
    with running() as far:
        far.mount("/data", tmp_path)
        far.faults.preflight = fault != "no preflight"
        far.faults.suffix = fault != "no suffix ranges"
        far.faults.expose = fault != "no exposed headers"
        view = viewer(width=1100).open(f"{far.origin}/data/w.zarr")
        view.complaints = [
            text for text in view.complaints if "CORS" not in text and "ERR_FAILED" not in text
        ]
        check_whole_and_detail(view, data)


def test_a_single_array_is_a_waveform_too(viewer: Any, folder: Path) -> None:
    import zarr

    row = stores.signal((5_000,), np.float32)
    zarr.create_array(folder / "a.zarr", data=row, chunks=(1_000,))
    view = viewer(width=1100).open("/data/a.zarr")
    drawn = view.columns()
    assert max(drawn["hi"]) == float(row.max())
    assert view.value("Sample interval") == "1", "nobody said that these are seconds"
    assert "V" not in view.value("Largest value in view")


def test_strict_content_policy_and_a_deep_path(viewer: Any, server: Any, folder: Path) -> None:
    data = stores.signal(SHAPE, np.int16)
    stores.write_v3(folder / "w.zarr", data)
    server.faults.policy = "default-src 'self'"
    view = viewer(width=1100).open("/data/w.zarr")
    check_whole_and_detail(view, data)


def test_without_workers_the_page_decodes_itself(viewer: Any, folder: Path) -> None:
    data = stores.signal(SHAPE, np.int16)
    stores.write_v3(folder / "w.zarr", data)
    view = viewer(width=1100)
    view.page.add_init_script("delete window.Worker")
    check_whole_and_detail(view.open("/data/w.zarr"), data)


def test_the_viewer_works_from_any_static_path(viewer: Any, server: Any, folder: Path) -> None:
    data = stores.signal((1, 1, 1, 10_000), np.int16)
    stores.write_v3(folder / "w.zarr", data)
    from tests.browser.servers import VIEWER

    server.mount("/some/where/else", VIEWER)
    view = viewer(width=1100)
    view.go(f"{server.origin}/some/where/else/index.html?data=../../../data/w.zarr")
    assert view.error() is None
    assert json.dumps(view.columns())
