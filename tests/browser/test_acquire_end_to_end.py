"""The real program records, the real page watches: live, back in time, and when it is over."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from tests.browser.conftest import Viewer
from tests.browser.drawn import decoded, grey, pixels
from tests.cli_runner import CLI, succeed
from tests.dcam import build_stub, stub_environment, why_no_stub

from pyramidion.instruments.sim import numbers_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEIGHT, WIDTH = 288, 512
CAMERA = f"sim:width={WIDTH},height={HEIGHT},rate=20,content=counter"
SPACES = "\u202f\u00a0"

# What is drawn, what it is drawn from and what is said of it, all at one moment.
LIVE = """() => ({
  said: document.querySelector('.strip-cell dd').textContent, picture: __pyramidion.picture(), frame: __pyramidion.frame(),
  range: __pyramidion.view().range, canvas: __test.picture('canvas.picture'),
})"""


class Program:
    """The real program, and every line that it has said so far."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.process = subprocess.Popen(
            [*CLI, *arguments], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait for a line; return what the pattern found."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            time.sleep(0.05)
        raise AssertionError(f"{pattern} was not said: {self.lines}")

    def end(self, seconds: float = 60) -> int:
        """Press Ctrl-C; return the status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(seconds)
        self._reader.join()
        return status

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def program(*arguments: str, cwd: Path) -> Iterator[Program]:
    """Run the program for the length of a with block."""
    one = Program(*arguments, cwd=cwd)
    try:
        yield one
    finally:
        one.close()


@contextlib.contextmanager
def served(store: str, cwd: Path) -> Iterator[str]:
    """Serve a store by the program; yields the address of its page."""
    with program("serve", store, "--port", "0", cwd=cwd) as server:
        yield server.said(r"View it at (\S+)")[1]


@pytest.fixture
def see(fresh: Callable[..., Viewer]) -> Callable[..., Viewer]:
    """Go to an address in a new page; a server that has ended is complained of."""
    return lambda address: fresh(size=(1280, 760), may_say="ERR_CONNECTION").go(address)


def wait_for_frames(store: Path, seconds: float = 60) -> None:
    """Wait until a recording tells of frames: a page that comes before is told that there is none."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(FileNotFoundError, KeyError):
            if zarr.open_group(store, mode="r")["0"].shape[0] > 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{store} has no frame")


def show(view: Viewer, name: str) -> None:
    """Keep a picture of the page where a person wants to look at it."""
    if folder := os.environ.get("PYRAMIDION_TEST_SCREENSHOTS"):
        view.page.screenshot(path=Path(folder) / f"{name}.png")


def plain(text: str | None) -> str:
    return re.sub(f"[{SPACES}]", "", text or "")


def live_number(view: Viewer) -> int:
    """Return the frame that Live shows, after comparing what is said, fetched and drawn."""
    told = view.run(LIVE)
    picture = told["picture"]
    assert (picture["height"], picture["width"], picture["scale"]) == (HEIGHT, WIDTH, 1)
    values = np.array(picture["data"], np.uint16).reshape(HEIGHT, WIDTH)
    number = int(picture["number"])
    assert (numbers_in(values) == number).all()
    assert int(plain(told["said"])) == number
    top, left = told["frame"]["top"], told["frame"]["left"]
    drawn = decoded(told["canvas"])[top : top + HEIGHT, left : left + WIDTH, 0]
    np.testing.assert_array_equal(drawn, grey(values, *told["range"]))
    return number


def shown(view: Viewer, path: Path, array: str = "0") -> int:
    """Return the time that the store is shown at, after comparing the canvas with the store."""
    t = int(view.view()["t"])
    values = zarr.open_group(path, mode="r")[array][t]
    frame = view.run("__pyramidion.frame()")
    drawn = pixels(view)[frame["top"] :, frame["left"] :][: len(values), : values.shape[1], 0]
    low, high = view.view()["channels"][0]["range"]
    np.testing.assert_array_equal(drawn, grey(values, low, high))
    return t


def one_to_one(view: Viewer) -> None:
    view.page.keyboard.press("1")
    view.idle()


def length(view: Viewer) -> int:
    """Return how many frames the page says there are, in its header and on its slider."""
    header, last = view.run(
        """async () => {
          await __pyramidion.idle(); // new frames are in the header at once, on the slider with the next picture
          return [document.querySelector('.image-size').textContent, document.querySelector('.slider input').max];
        }"""
    )
    said = re.match(r"(\d+)t\W\d+y\W\d+x\Wuint16", plain(header).replace(" ", ""))
    assert said, header
    assert int(said[1]) == int(last) + 1
    return int(said[1])


def follows(view: Viewer) -> bool:
    button = view.page.get_by_role("button", name="Follow newest")
    return button.get_attribute("aria-pressed") == "true"


def watch_live(view: Viewer) -> None:
    """Look at several frames of Live, and at what is said of the camera."""
    one_to_one(view)
    for _ in range(6):
        view.until("(number) => __pyramidion.stats().number > number", live_number(view))
    view.until("__pyramidion.view().mood === 'recording'")
    camera = view.page.locator(".live-camera")
    assert camera.text_content() == "Simulated camera"
    assert camera.get_attribute("title") == CAMERA
    spot = view.page.locator("canvas.picture").bounding_box()
    view.page.mouse.move(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
    view.until("document.querySelector('.status-pointer').textContent.includes('mm')")


def look_back(view: Viewer, store: Path) -> None:
    """From the newest frame to earlier ones, while more come, and to the newest again."""
    one_to_one(view)
    assert follows(view)
    first = length(view)
    view.until(f"__pyramidion.view().t > {first + 10}")
    view.page.keyboard.press("<")  # ten
    view.page.keyboard.press(",")
    view.page.keyboard.press(".")
    view.page.keyboard.press(",")
    view.idle()
    assert not follows(view)
    t = shown(view, store)
    numbers = zarr.open_group(store, mode="r")["frame_number"]
    assert view.run("([t]) => __pyramidion.valueAt(0, 100, 0, t)", [t]) == numbers[t]
    now = length(view)
    view.until(f"document.querySelector('.slider input').max > {now + 10}")
    view.idle()
    assert length(view) > now + 10
    assert shown(view, store) == t, "looking back is not disturbed"
    assert not follows(view)
    view.page.get_by_role("button", name="Follow newest").click()
    view.until(f"__pyramidion.view().t > {now}")
    view.idle()
    assert follows(view)
    view.until(f"__pyramidion.view().t > {now + 40}")


def test_live_back_in_time_and_over(see: Any, tmp_path: Path) -> None:
    store = tmp_path / "r.zarr"
    with program("acquire", CAMERA, "-o", "r.zarr", "--port", "0", "--stats", "none", cwd=tmp_path) as acquire:  # fmt: skip
        url = acquire.said(r"Live at (http://\S+)/viewer")[1]
        wait_for_frames(store)
        view = see(f"{url}/viewer")
        watch_live(view)
        show(view, "live")
        view.page.get_by_role("link", name="Recording").click()
        view.page.wait_for_url("**/viewer/?data=*r.zarr*")
        view.ready()
        assert view.page.locator(".growing .badge").text_content() == "Recording"
        look_back(view, store)
        show(view, "growing")
        view.page.get_by_role("link", name="Live").click()
        view.page.wait_for_url("**/viewer/?live=*")
        view.ready()
        number = live_number(view)
        view.until(f"__pyramidion.stats().number > {number}")
        assert acquire.end() == 130
        view.until("['finished', 'gone'].includes(__pyramidion.view().mood)")
        # Until then it may say that the recording is being finished, or that no frame comes.
        over = "The recording is complete: |The server does not answer: the program may have ended"
        view.until(f"/^({over})/.test(document.querySelector('.live-note').textContent)")
        view.until("!document.querySelector('.strip .badge').hasAttribute('href')")
        show(view, "over")
    check_finished(see, store)


def check_finished(see: Any, store: Path) -> None:
    """The finished recording is a store as any other: all of its frames, nothing that grows."""
    numbers = zarr.open_group(store, mode="r")["frame_number"][:]
    with served(store.name, store.parent) as address:
        view = see(address)
        assert view.error() is None
        assert not view.page.locator(".growing .badge").is_visible()
        assert length(view) == len(numbers)
        show(view, "finished")
        one_to_one(view)
        for t in {0, len(numbers) // 2, len(numbers) - 1}:
            view.set_view(t=t)
            assert shown(view, store) == t
            assert view.run("([t]) => __pyramidion.valueAt(0, 7, 0, t)", [t]) == numbers[t]
        assert view.complaints == []


def test_a_growing_recording_is_bright_enough_without_a_link_from_live(see: Any, tmp_path: Path) -> None:  # fmt: skip
    with program("acquire", "sim:width=512,height=288,rate=20", "-o", "r.zarr", "--port", "0", cwd=tmp_path) as acquire:  # fmt: skip
        url = acquire.said(r"Live at (http://\S+)/viewer")[1]
        wait_for_frames(tmp_path / "r.zarr")
        view = see(f"{url}/viewer/?data=/zarr/r.zarr/")
        low, high = view.view()["channels"][0]["range"]
        assert 0 <= low < high < 4096, "12 bits, whatever the type could hold"


@pytest.mark.parametrize("multiscale", [False, True])
def test_what_dcam2zarr_writes_plays(multiscale: bool, see: Any, tmp_path: Path) -> None:
    if reason := why_no_stub():
        pytest.skip(reason)
    # Smaller pictures have no coarser levels.
    environment = stub_environment(build_stub(tmp_path), width=640, height=512, fps=200)
    (tmp_path / "config.json").write_text(
        f'{{"multiscale": {{"enabled": {str(multiscale).lower()}}}}}'
    )
    succeed(
        "dcam2zarr", "0", "--config", "config.json", "--output", "test.zarr", "--frames", "60", "--chunk-t", "16", "--chunk-x", "32",
        cwd=tmp_path, env=environment,
    )  # fmt: skip
    with served("test.zarr", tmp_path) as address:
        view = see(address)
        assert view.error() is None
        assert length(view) == 60
        one_to_one(view)
        view.page.keyboard.press("Space")
        view.until("__pyramidion.view().t > 20")
        view.page.keyboard.press("Space")
        view.idle()
        show(view, f"dcam2zarr-{multiscale}")
        t = shown(view, tmp_path / "test.zarr", "frames/0" if multiscale else "frames")
        assert view.run("([t]) => __pyramidion.valueAt(0, 100, 0, t)", [t]) == t
        if multiscale:
            view.set_view(zoom=1 / 3)
            assert view.stats()["levelNumber"] == 1
        assert view.complaints == []
