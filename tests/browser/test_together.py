"""A recording, the waveform taken with it and the live camera on one clock: in one page, and in two."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr
from tests.browser import stores
from tests.browser.conftest import Viewer
from tests.browser.drawn import grey, pixels
from tests.browser.live import camera
from tests.cli_runner import succeed

from pyramidion.server import LiveView, ServerSettings, build_app, serve_background

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEIGHT, WIDTH, FRAMES = 96, 128, 40
RATE = 1000  # samples of the waveform a second
BEFORE = 1.0  # seconds from the begin of the waveform to the first frame
RECORDING, WAVE, LIVE = 0, 1, 2


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A recording of the simulated camera by the real program, and a waveform whose clock begins before it."""
    folder = tmp_path_factory.mktemp("together")
    source = f"sim:width={WIDTH},height={HEIGHT},rate=20,content=counter"
    succeed("acquire", source, "-o", "r.zarr", "--frames", FRAMES, "--no-live", "--stats", "none", cwd=folder)  # fmt: skip
    recording = zarr.open_group(folder / "r.zarr", mode="r")
    stamps = recording["time_host"][:]
    # The clock of waveforms is told to a millisecond.
    start = np.floor(1000 * (stamps[0] - BEFORE)) / 1000
    clock = datetime.fromtimestamp(start, UTC).isoformat(timespec="milliseconds")
    data = stores.signal((1, 1, 1, 900 * RATE))  # long enough for what the camera sees now
    stores.write_v3(folder / "w.zarr", data, horiz_interval=1 / RATE, horiz_offset=0.0, start_time=clock)  # fmt: skip
    return SimpleNamespace(folder=folder, stamps=stamps, frames=recording["0"][:], start=start)


@pytest.fixture(scope="module")
def origin(taken: SimpleNamespace) -> Iterator[str]:
    settings = ServerSettings(port=0)
    with camera(height=48, width=64, rate=10) as one:
        app = build_app({"d": taken.folder}, settings, LiveView(one.ring.name))
        with serve_background(app, settings) as url:
            yield url


@pytest.fixture
def see(viewer: Callable[..., Viewer], origin: str) -> Callable[..., Viewer]:
    """Open recording and waveform, and the camera if asked for; the waveform shows the stretch of the recording."""

    def make(*, live: bool = True) -> Viewer:
        view = viewer(width=1280, height=1000)
        data = "?data=/d/r.zarr&data=/d/w.zarr" + ("&live=/" if live else "")
        view.go(f"{origin}/viewer/{data}#2.t=0.5,3.5")
        # Fitted as it is, pixels of the screen are no pixels of the frames.
        activate(view, RECORDING)
        view.page.keyboard.press("1")
        view.idle()
        return view

    return make


def activate(view: Viewer, which: int) -> None:
    """Make a view the one that keys and hooks belong to."""
    view.page.locator(f".data-tab[data-view='{which}']").click()
    own = {RECORDING: "layout", WAVE: "samples", LIVE: "mood"}[which]
    view.until("(own) => own in window.__pyramidion.view()", own)
    view.run("document.activeElement.blur()")  # the space bar is for the view, not for its tab


def check_frame(view: Viewer, taken: SimpleNamespace, t: int) -> None:
    """The recording is at a frame, and draws just that one."""
    activate(view, RECORDING)
    view.until("(t) => __pyramidion.view().t === t", t)
    view.idle()
    frame = view.run("__pyramidion.frame()")
    low, high = view.view()["channels"][0]["range"]
    top, left = frame["top"], frame["left"]
    expected = grey(taken.frames[t], low, high)
    drawn = pixels(view)[..., 0]
    rows = slice(max(0, -top), min(HEIGHT, drawn.shape[0] - top))
    columns = slice(max(0, -left), min(WIDTH, drawn.shape[1] - left))
    seen = drawn[max(0, top) :, max(0, left) :]
    expected = expected[rows, columns]
    assert expected.size > 0.5 * HEIGHT * WIDTH
    np.testing.assert_array_equal(seen[: expected.shape[0], : expected.shape[1]], expected)


def plot(view: Viewer) -> Any:
    return view.page.locator("canvas.trace").bounding_box()


def press_wave(view: Viewer, share: float, taken: SimpleNamespace) -> float:
    """Press in the waveform; return the time there, in Unix seconds."""
    activate(view, WAVE)
    view.idle()
    a, b = view.view()["samples"]
    box = plot(view)
    x = round(box["x"] + share * box["width"])
    view.page.mouse.click(x, box["y"] + box["height"] / 2)
    return float(taken.start + (a + (b - a) * (x - box["x"]) / box["width"]) / RATE)


def check_cursor(view: Viewer, taken: SimpleNamespace, time: float) -> None:
    """The waveform's time cursor lies at a time, to a pixel."""
    activate(view, WAVE)
    view.idle()
    a, b = view.view()["samples"]
    box = plot(view)
    wanted = box["x"] + ((time - taken.start) * RATE - a) / (b - a) * box["width"]
    now = view.page.locator(".now").bounding_box()
    assert now["x"] + now["width"] / 2 == pytest.approx(wanted, abs=2)


def at(view: Viewer) -> int:
    activate(view, RECORDING)
    return int(view.view()["t"])


def newest_by(taken: SimpleNamespace, time: float) -> int:
    return int(np.searchsorted(taken.stamps, time, "right")) - 1


@pytest.mark.parametrize("share", [0.3, 0.4371, 0.6])
def test_a_press_in_the_waveform_shows_the_frame_of_that_moment(
    share: float, see: Any, taken: SimpleNamespace
) -> None:
    view = see()
    time = press_wave(view, share, taken)
    assert view.run("__pyramidion.clock()") == pytest.approx(time, abs=1e-6)
    t = newest_by(taken, time)
    assert 0 < t < FRAMES - 1
    check_frame(view, taken, t)
    # The cursor stays where it was pressed: the frame does not draw it to its own time.
    assert view.run("__pyramidion.clock()") == pytest.approx(time, abs=1e-6)
    check_cursor(view, taken, time)
    assert view.complaints == []


def test_stepping_the_recording_moves_the_cursor_of_the_waveform(
    see: Any, taken: SimpleNamespace
) -> None:
    view = see()
    activate(view, RECORDING)
    for key in (".", ".", "Shift+Period", ","):
        view.page.keyboard.press(key)
    t = at(view)
    assert t == 11
    view.until("(time) => __pyramidion.clock() === time", taken.stamps[t])
    check_cursor(view, taken, taken.stamps[t])
    activate(view, RECORDING)
    stamp = view.page.locator(".stamp").text_content()
    moment = datetime.fromtimestamp(round(taken.stamps[t], 3)).strftime("%H:%M:%S.%f")[:-3]
    assert stamp == moment
    view.page.get_by_label("Time").fill("30")
    view.until("(time) => __pyramidion.clock() === time", taken.stamps[30])
    check_frame(view, taken, 30)
    assert view.complaints == []


def test_outside_the_recording_its_first_or_last_frame_is_shown_and_that_is_said(
    see: Any, taken: SimpleNamespace
) -> None:
    view = see()
    time = press_wave(view, 0.05, taken)
    assert time < taken.stamps[0]
    check_frame(view, taken, 0)
    assert view.page.locator(".stamp").text_content() == f"cursor {round(1000 * (taken.stamps[0] - time))} ms before the first frame"  # fmt: skip
    time = press_wave(view, 0.99, taken)
    assert time > taken.stamps[-1]
    check_frame(view, taken, FRAMES - 1)
    assert re.fullmatch(r"cursor \d+ ms after the last frame", view.page.locator(".stamp").text_content())  # fmt: skip
    view.page.keyboard.press(",")
    view.until("(time) => __pyramidion.clock() === time", taken.stamps[FRAMES - 2])
    view.idle()  # the clock is set before the picture is drawn
    assert "cursor" not in view.page.locator(".stamp").text_content()
    far_away_moves_nothing(view, taken)


def far_away_moves_nothing(view: Viewer, taken: SimpleNamespace) -> None:
    """Another window looks at data of another day."""
    view.run("(time) => new BroadcastChannel('pyramidion-clock').postMessage(time)", taken.stamps[0] - 7200)  # fmt: skip
    view.until("() => document.querySelector('.stamp').textContent === 'cursor 2 h 0 min before the first frame'")  # fmt: skip
    assert at(view) == FRAMES - 2


def test_the_live_picture_tells_how_far_it_is_and_leads_only_if_asked(
    see: Any, taken: SimpleNamespace
) -> None:
    view = see()
    cursor = view.page.locator(".strip-cell", has=view.page.locator("dt:text-is('Cursor')"))
    assert not cursor.is_visible()
    time = press_wave(view, 0.4, taken)
    activate(view, LIVE)
    cursor.wait_for(state="visible")
    told, shown = view.run(
        "[document.evaluate(`//dt[.='Cursor']/../dd`, document).iterateNext().textContent, __pyramidion.stats().time]"
    )
    assert said_seconds(told.removesuffix(" ago")) == pytest.approx(shown - time, abs=2)
    number = view.stats()["number"]
    view.until("(number) => __pyramidion.stats().number > number + 3", number)
    assert view.run("__pyramidion.clock()") == pytest.approx(time, abs=1e-6), "nobody was moved"
    freeze_moves_the_others(view, taken)
    follow_and_let_go(view, taken)
    assert view.complaints == []


def said_seconds(text: str) -> float:
    units = {"ms": 1e-3, "s": 1.0, "min": 60.0}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+) (ms|s|min)", text))


def freeze_moves_the_others(view: Viewer, taken: SimpleNamespace) -> None:
    view.page.keyboard.press("Space")
    view.idle()
    frozen = view.stats()["time"]
    assert view.run("__pyramidion.clock()") == frozen
    check_frame(view, taken, FRAMES - 1)
    assert "after the last frame" in view.page.locator(".stamp").text_content()
    check_cursor(view, taken, frozen)
    activate(view, LIVE)
    view.page.keyboard.press("Space")


def follow_and_let_go(view: Viewer, taken: SimpleNamespace) -> None:
    lead = view.page.locator("#do-lead")
    view.page.keyboard.press("y")
    view.until("() => document.querySelector('#do-lead').getAttribute('aria-pressed') === 'true'")
    first = view.run("__pyramidion.clock()")
    view.until("(first) => __pyramidion.clock() > first + 1", first)
    assert view.run("__pyramidion.stats().time - __pyramidion.clock()") < 2
    press_wave(view, 0.5, taken)
    view.until("() => document.querySelector('#do-lead').getAttribute('aria-pressed') === 'false'")
    held = view.run("__pyramidion.clock()")
    view.page.wait_for_timeout(500)
    assert view.run("__pyramidion.clock()") == held, "whoever presses is not dragged along"
    assert lead.is_visible()


def test_two_windows_stay_in_step(see: Any, taken: SimpleNamespace) -> None:
    one, other = see(live=False), see(live=False)
    time = press_wave(one, 0.5, taken)
    check_frame(other, taken, newest_by(taken, time))
    check_cursor(other, taken, time)
    activate(other, RECORDING)
    other.page.keyboard.press(".")
    t = at(other)
    check_frame(one, taken, t)
    check_cursor(one, taken, taken.stamps[t])
    for view in (one, other):
        assert view.run("__pyramidion.clock()") == taken.stamps[t]
        assert view.complaints == []


def test_playing_takes_the_others_along_and_a_press_stops_it(
    see: Any, taken: SimpleNamespace
) -> None:
    view = see(live=False)
    activate(view, RECORDING)
    view.page.keyboard.press("Space")
    view.until("() => __pyramidion.view().t > 5")
    view.until("(time) => __pyramidion.clock() >= time", taken.stamps[4])
    time = press_wave(view, 0.3, taken)
    t = newest_by(taken, time)
    check_frame(view, taken, t)
    view.page.wait_for_timeout(400)
    assert at(view) == t
