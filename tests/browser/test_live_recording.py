"""A recording that is being made, in the image panel: it grows, one follows it or looks back, and returns to live."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import Viewer
from tests.browser.drawn import cut, grey
from tests.browser.servers import Blob, Server

pytestmark = pytest.mark.browser

SHAPE = (60, 80)
RANGE = "ch=0:FFFFFF:0-4000"


def frame_of(number: int) -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((7 * x + 13 * y + 101 * number) % 4001).astype(np.uint16)


class Growing:
    """A store of which the server makes up every key, as long as the recording is at the moment."""

    def __init__(self, server: Server, name: str, frames: int, deep: int = 1) -> None:
        self.server, self.name, self.frames, self.deep = server, name, frames, deep
        self.state = "recording"
        server.mounts[f"/{name}"] = self.answer

    def answer(self, key: str) -> Blob | None:
        chunk = re.fullmatch(r"0/c/(\d+)/0/0", key)
        if key == "zarr.json":
            content = self.document()
        elif chunk and int(chunk[1]) * self.deep < self.frames:
            first = int(chunk[1]) * self.deep
            there = [frame_of(t) if t < self.frames else np.zeros(SHAPE, np.uint16) for t in range(first, first + self.deep)]  # fmt: skip
            content = np.stack(there).tobytes()
        else:
            return None
        return Blob(len(content), lambda start, length: content[start : start + length])

    def document(self) -> bytes:
        import json

        state = self.state  # first: a recording that has ended has all of its frames
        array = {
            "zarr_format": 3, "node_type": "array", "shape": [self.frames, *SHAPE], "data_type": "uint16", "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [self.deep, *SHAPE]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}], "attributes": {}, "dimension_names": ["t", "y", "x"],
        }  # fmt: skip
        scale = {"type": "scale", "scale": [0.01, 0.5, 0.5]}
        axes = [{"name": "t", "type": "time", "unit": "second"}] + [{"name": n, "type": "space", "unit": "micrometer"} for n in "yx"]  # fmt: skip
        image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}
        attributes = {
            "ome": {"version": "0.5", "multiscales": [image]},
            "pyramidion": {"kind": "recording", "state": state},
        }
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        inline = {"kind": "inline", "must_understand": False, "metadata": {"0": array}}
        return json.dumps(group | {"consolidated_metadata": inline}).encode()


@pytest.fixture
def see(viewer: Callable[..., Viewer]) -> Callable[..., Viewer]:
    def open_recording(name: str, fragment: str = "", live: str = "/camera") -> Viewer:
        return viewer().open(f"/{name}&live={live}" if live else f"/{name}", fragment)

    return open_recording


def shown(view: Viewer) -> np.ndarray:
    view.page.keyboard.press("1")
    view.idle()
    return cut(view, *SHAPE)[..., 0]


def header(view: Viewer) -> str:
    """The beginning of what is said of the size."""
    return str(view.page.locator(".image-size").text_content()).rpartition(
        " \N{MULTIPLICATION SIGN} "
    )[0]


def follows(view: Viewer) -> bool:
    return view.page.get_by_role("button", name="Follow newest").get_attribute("aria-pressed") == "true"  # fmt: skip


@pytest.mark.parametrize("deep", [1, 4])
def test_the_newest_frame_is_followed_until_one_looks_back(
    deep: int, see: Any, server: Server
) -> None:
    name = f"grow{deep}"
    store = Growing(server, name, 6, deep)
    view = see(name, f"#v=1&p=img&{RANGE}&cm=grey&t=newest")
    assert view.view()["t"] == 5
    assert follows(view)
    np.testing.assert_array_equal(shown(view), grey(frame_of(5), 0, 4000))
    store.frames = 11
    view.until("__pyramidion.view().t === 10")
    np.testing.assert_array_equal(shown(view), grey(frame_of(10), 0, 4000))
    slider = view.page.get_by_label("Time")
    assert slider.get_attribute("max") == "10"
    assert header(view) == "11 t \N{MULTIPLICATION SIGN} 60 y"
    view.page.keyboard.press(",")
    view.idle()
    assert view.view()["t"] == 9
    assert not follows(view)
    store.frames = 15
    view.until("document.querySelector('.slider input').max === '14'")
    assert view.view()["t"] == 9, "looking back is not disturbed"
    np.testing.assert_array_equal(shown(view), grey(frame_of(9), 0, 4000))
    view.page.keyboard.press("n")
    view.idle()
    assert view.view()["t"] == 14
    assert follows(view)
    assert header(view) == "15 t \N{MULTIPLICATION SIGN} 60 y"
    view.until("location.hash.includes('t=newest')")
    np.testing.assert_array_equal(shown(view), grey(frame_of(14), 0, 4000))
    assert [c for c in view.complaints if "404" not in c] == []


def test_a_recording_that_ends_is_asked_for_no_more(see: Any, server: Server) -> None:
    store = Growing(server, "ends", 3)
    view = see("ends", f"#{RANGE}&t=newest", live="")
    assert view.page.locator(".growing .badge").text_content() == "Recording"
    assert view.page.get_by_role("link", name="Live").count() == 0
    store.frames, store.state = 8, "finished"
    said = "The recording is complete: 8 frames"  # for a moment only
    view.until("(said) => document.querySelector('.toast')?.textContent === said", said)
    view.idle()
    assert view.view()["t"] == 7
    np.testing.assert_array_equal(shown(view), grey(frame_of(7), 0, 4000))
    assert not view.page.locator(".growing .badge").is_visible()
    before = len(server.data_hits())
    view.page.wait_for_timeout(1600)
    assert len(server.data_hits()) == before


def test_a_recording_of_one_frame_has_its_slider_already(see: Any, server: Server) -> None:
    store = Growing(server, "first", 1)
    view = see("first", f"#{RANGE}")
    assert follows(view)
    store.frames = 2
    view.until("__pyramidion.view().t === 1")
    np.testing.assert_array_equal(shown(view), grey(frame_of(1), 0, 4000))


def test_nothing_recorded_yet(viewer: Any, server: Server) -> None:
    Growing(server, "empty", 0)
    view = viewer()
    view.page.goto(f"{server.origin}/viewer/?data=/empty")
    view.page.wait_for_selector(".failure")
    assert "No frame has been recorded yet" in view.page.locator(".failure-what").text_content()


def test_the_way_back_to_live_keeps_the_view(see: Any, server: Server) -> None:
    Growing(server, "back", 4)
    view = see("back", f"#v=1&p=img&c=30,20&s=5&{RANGE}&cm=cividis&r=1,2,30,40&auto&t=newest")
    view.page.get_by_role("link", name="Live").focus()
    href = view.page.get_by_role("link", name="Live").get_attribute("href")
    assert href.startswith("?live=%2Fcamera#v=1&p=live&")
    pairs = dict(pair.split("=") for pair in href.partition("#")[2].split("&"))
    assert pairs == {"v": "1", "p": "live", "c": "30,20", "s": "5", "r": "1,2,30,40", "ch": "0:FFFFFF", "cm": "cividis"}  # fmt: skip


def test_a_server_that_is_gone_is_said_and_asked_again(see: Any, server: Server) -> None:
    store = Growing(server, "gone", 4)
    view = see("gone", f"#{RANGE}&t=newest")
    server.faults.status = {"zarr.json": 500}
    view.until("document.querySelector('.growing .badge').textContent === 'Recording, no answer'")
    server.faults.status = {}
    store.frames = 5
    view.until("__pyramidion.view().t === 4")
    assert view.page.locator(".growing .badge").text_content() == "Recording"
