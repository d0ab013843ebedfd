"""Webcams: videos stand for them, as there is no device on most machines."""

import contextlib
import threading
import time

import numpy as np
import pytest

from pyramidion.core import CameraError, UsageError
from pyramidion.instruments import camera_kinds, open_camera
from pyramidion.instruments._fetcher import Fetcher

KIND = {kind.name: kind for kind in camera_kinds()}["webcam"]
pytestmark = pytest.mark.skipif(bool(KIND.why_not()), reason=KIND.why_not() or "there")


def test_a_video_is_grey_frames_in_order(tmp_path):
    camera = open_camera(f"webcam:{KIND.example(tmp_path)}")
    spec = camera.spec()
    assert spec.shape == (48, 64)
    assert spec.dtype == np.dtype("u1")
    assert spec.rate_hz == pytest.approx(50)
    for _ in range(2):
        camera.start(4)
        time.sleep(0.05)
        out = np.empty((3, 48, 64), "u1")
        numbers, means = [], []
        with contextlib.suppress(EOFError):
            while True:
                grabbed = camera.grab(out, 2)
                assert grabbed.lost == ()
                numbers += grabbed.number.tolist()
                means += out[: len(grabbed.number)].mean(axis=(1, 2)).tolist()
        assert numbers == list(range(25))
        np.testing.assert_allclose(means, np.arange(0, 250, 10), atol=4)  # a lossy codec
    camera.close()


def test_what_is_refused(tmp_path):
    camera = open_camera(f"webcam:{KIND.example(tmp_path)}")
    with pytest.raises(UsageError, match="did you mean width"):
        camera.set("widht", "3")
    with pytest.raises(UsageError, match="rate: 1 to 10000 Hz"):
        camera.set("rate", "0")
    with pytest.raises(UsageError, match="not taken"):
        camera.set("rate", "5")
    camera.close()
    with pytest.raises(UsageError):
        open_camera("webcam:abc")
    with pytest.raises(CameraError, match="camera 97 not there") as caught:
        open_camera("webcam:97")
    assert caught.value.id == "PYR-CAM-02"


def frames(n, interval_s=0.001):
    """A library that gives `n` frames, each of its own number."""

    def fetch():
        time.sleep(interval_s)
        number = next(numbers, None)
        return None if number is None else np.full((2, 3), number, np.uint8)

    numbers = iter(range(n))
    return fetch


def test_late_frames_are_lost_from_a_ring_that_waits_for_nobody():
    fetch, at_the_end = frames(60), threading.Event()

    def told():
        frame = fetch()
        if frame is None:
            at_the_end.set()
        return frame

    fetcher = Fetcher("webcam:0", told, 8, waits=False)
    assert at_the_end.wait(60)
    out = np.empty((20, 2, 3), "u1")
    grabbed = fetcher.grab(out, 1)
    assert grabbed.number.tolist() == list(range(52, 60))
    assert grabbed.lost == ((0, 52, "driver"),)
    assert out[:8, 0, 0].tolist() == list(range(52, 60))
    assert (np.diff(grabbed.time_camera) > 0).all()
    with pytest.raises(EOFError, match="after 60 frames"):
        fetcher.grab(out, 1)
    assert fetcher.stop()


def test_a_frame_of_another_size_is_told():
    fetcher = Fetcher("webcam:0", frames(3), 8, waits=True)
    with pytest.raises(CameraError, match="frame 0 is 2 x 3, expected 4 x 4") as caught:
        fetcher.grab(np.empty((1, 4, 4), "u1"), 1)
    assert caught.value.id == "PYR-ACQ-08"
    assert fetcher.stop()


def test_stops_while_it_waits_for_its_reader():
    fetcher = Fetcher("webcam:0", frames(100), 2, waits=True)
    time.sleep(0.05)
    assert fetcher.stop()
