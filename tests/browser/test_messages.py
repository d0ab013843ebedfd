"""What the page says when something is wrong: what failed, where, and what to do."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import stores
from tests.browser.servers import Server, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def waveform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("messages")
    stores.write_v3(folder / "w.zarr", stores.signal((1, 1, 1, 400_000), np.int16))
    return folder


@pytest.fixture
def far(waveform: Path) -> Any:
    with running() as one:
        one.mount("/data", waveform)
        yield one


def says(view: Any, *words: str) -> None:
    text = view.error() or ""
    shown = " ".join(view.page.locator("[role=alert]:visible").all_text_contents())
    for word in words:
        assert word.lower() in text.lower(), text
        assert word.lower() in shown.lower(), shown


def open_far(viewer: Callable[..., Any], far: Server, path: str = "/data/w.zarr") -> Any:
    return viewer().open(f"{far.origin}{path}")


def test_nothing_there(viewer: Any, far: Server) -> None:
    says(open_far(viewer, far, "/data/none.zarr"), "no Zarr store here", "Check the address")


def test_no_ranges_same_origin(viewer: Any, server: Server, waveform: Path) -> None:
    server.mount("/data", waveform)
    server.faults.ranges = False
    says(viewer().open("/data/w.zarr"), "does not support byte ranges", "pyramidion serve")


def test_no_ranges_other_origin(viewer: Any, far: Server) -> None:
    far.faults.ranges = False
    says(open_far(viewer, far), "does not support byte ranges")


def test_no_cors(viewer: Any, far: Server) -> None:
    far.faults.cors = False
    says(open_far(viewer, far), "CORS", "--cors", far.origin)


def test_server_gone(viewer: Any) -> None:
    with socket.socket() as kept:  # a port at which nobody listens, and nobody else can
        kept.bind(("127.0.0.1", 0))
        view = viewer().open(f"http://127.0.0.1:{kept.getsockname()[1]}/data/w.zarr")
        says(view, "gave this page no answer", "cannot be reached")


@pytest.mark.parametrize(
    ("status", "words"), [(403, ["refused", "403"]), (500, ["fault", "500", "log"])]
)
def test_status_on_opening(status: int, words: list[str], viewer: Any, far: Server) -> None:
    far.faults.status = {"": status}
    says(open_far(viewer, far), *words)


def test_forbidden_data_keep_the_page_and_can_be_tried_again(viewer: Any, far: Server) -> None:
    view = open_far(viewer, far)
    far.faults.status = {"raw/c/0/0/0/0": 403}
    view.set_view(samples=[1000, 2000])
    says(view, "403", "permission")
    assert view.stats()["samplesPerBin"] == 1
    assert any(code is not None for code in view.columns()["lo"]), "the overview is still drawn"
    assert "coarser" in view.page.locator(".status-level").text_content()
    far.faults.status = {}
    view.page.get_by_role("button", name="Try again").click()
    view.idle()
    assert view.error() is None
    assert view.stats()["complete"]
    assert view.page.locator(".bar").is_hidden()


def test_broken_off_answer(viewer: Any, far: Server) -> None:
    view = open_far(viewer, far)
    far.faults.truncate = {"raw/c/0/0/0/0": 500}
    view.set_view(samples=[1000, 2000])
    says(view, "broke off", "try again")


def test_damaged_chunk(viewer: Any, far: Server, waveform: Path) -> None:
    source = waveform / "w.zarr" / "raw" / "c" / "0" / "0" / "0" / "1"
    sound = source.read_bytes()
    broken = bytearray(sound)
    broken[1000] ^= 1
    source.write_bytes(broken)
    try:
        view = open_far(viewer, far)
        view.set_view(samples=[262_200, 262_800])
        says(view, "raw chunk 0.0.0.4", "crc32c", "verify")
        view.set_view(samples=[1000, 2000])
        assert view.stats()["complete"], "other chunks are not touched"
    finally:
        source.write_bytes(sound)


def test_damaged_index(viewer: Any, far: Server, waveform: Path) -> None:
    source = waveform / "w.zarr" / "raw" / "c" / "0" / "0" / "0" / "1"
    sound = source.read_bytes()
    broken = bytearray(sound)
    broken[-20] ^= 1
    source.write_bytes(broken)
    try:
        view = open_far(viewer, far)
        view.set_view(samples=[262_200, 262_800])
        says(view, "index of this shard is damaged", "raw/c/0/0/0/1")
    finally:
        source.write_bytes(sound)


def edited(waveform: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A copy of the metadata with one thing changed; the data are not needed to refuse them."""
    root = json.loads((waveform / "w.zarr" / "zarr.json").read_text())
    change(root)
    (tmp_path / "e.zarr").mkdir()
    (tmp_path / "e.zarr" / "zarr.json").write_text(json.dumps(root))


def raw_of(root: dict[str, Any]) -> dict[str, Any]:
    return root["consolidated_metadata"]["metadata"]["raw"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda root: raw_of(root)["codecs"][0]["configuration"]["codecs"].append(
                {"name": "numcodecs.pcodec"}
            ),
            ["numcodecs.pcodec", "not known", "convert"],
        ),
        (
            lambda root: raw_of(root).update(data_type="complex64"),
            ["element type complex64", "cannot be drawn"],
        ),
        (lambda root: root["consolidated_metadata"]["metadata"].pop("raw"), ["no array `raw`"]),
        (lambda root: root.update(zarr_format=4), ["Zarr format 4"]),
        (lambda root: raw_of(root).update(shape=[-1, 1, 1, 1]), ["shape"]),
    ],
    ids=["codec", "dtype", "no raw", "format", "shape"],
)
def test_metadata_that_cannot_be_used(
    change: Any, words: list[str], viewer: Any, server: Server, waveform: Path, tmp_path: Path
) -> None:
    edited(waveform, tmp_path, change)
    server.mount("/edited", tmp_path)
    says(viewer().open("/edited/e.zarr"), *words)


def test_unknown_inner_codec(viewer: Any, server: Server, tmp_path: Path) -> None:
    import numcodecs

    steps = (np.arange(50_000) // 500).astype(np.int16).reshape(1, 1, 1, -1)
    stores.write_v2(tmp_path / "w.zarr", steps, compressor=numcodecs.Blosc(cname="blosclz"))
    server.mount("/lz", tmp_path)
    says(viewer().open("/lz/w.zarr"), "blosc with blosclz", "not known")


def test_web_page_instead_of_a_store(viewer: Any, server: Server, tmp_path: Path) -> None:
    (tmp_path / "p.zarr").mkdir()
    (tmp_path / "p.zarr" / "zarr.json").write_text("<!doctype html><p>Hello</p>")
    server.mount("/page", tmp_path)
    says(viewer().open("/page/p.zarr"), "not valid JSON", "check the address")


def test_image_store_is_named(viewer: Any, server: Server, tmp_path: Path) -> None:
    (tmp_path / "i.zarr").mkdir()
    (tmp_path / "i.zarr" / "zarr.json").write_text(
        json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"ome": {}}})
    )
    server.mount("/image", tmp_path)
    says(viewer().open("/image/i.zarr"), "image or volume")


def test_addresses_that_are_none(viewer: Any) -> None:
    says(viewer().open("javascript:alert(1)"), "no address")


def test_slow_servers_only_take_longer(viewer: Any, far: Server) -> None:
    far.faults.delay = 0.15
    view = open_far(viewer, far)
    with far.held():
        view.run("__pyramidion.setView({samples: [1000, 2000]})")
        view.frames()
        drawn = view.columns()
    assert not drawn["complete"]
    assert all(code is not None for code in drawn["lo"]), "coarse first, never blank"
    view.idle()
    assert view.columns()["complete"]
