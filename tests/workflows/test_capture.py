"""The capture loop: every frame that a camera took is pushed or told as lost, whatever happens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyramidion.core import CameraError, FrameSpec, Lost
from pyramidion.instruments import Grabbed
from pyramidion.storage import ENDED, FrameRing
from pyramidion.workflows._capture import Capture, CaptureJob, missing_frames
from pyramidion.workflows._host_clock import HostClock

SPEC = FrameSpec(2, 4, np.dtype("<u2"))
JOB = CaptureJob("script:", (), 5.0, None, HostClock(0, 0))


class ScriptedCamera:
    """A camera that plays a list of calls: each a list of frame numbers, and losses it knows of."""

    def __init__(self, calls, ring=None, release_every=1):
        self.calls, self.ring, self.release_every = list(calls), ring, release_every
        self.n_calls = 0

    def grab(self, out, _timeout_s):
        self.n_calls += 1
        if self.ring is not None and self.n_calls % self.release_every == 0:
            self.ring.release(self.ring.pushed)
        if not self.calls:
            raise EOFError
        numbers, lost = self.calls.pop(0)
        now, later = numbers[: len(out)], numbers[len(out) :]
        if later:
            self.calls.insert(0, (later, lost))
            lost = ()
        for place, number in enumerate(now):
            out[place] = number
        return Grabbed(np.array(now, np.int64), np.full(len(now), np.nan), tuple(lost))


def numbers_of(losses):
    return [n for lost in losses for n in range(lost.first, lost.first + lost.n_frames)]


@st.composite
def camera_runs(draw):
    """Return calls of a camera, and every number that it took."""
    calls, number, taken = [], 0, 0
    for step in draw(st.lists(st.lists(st.integers(1, 4), max_size=6), max_size=20)):
        numbers = []
        for jump in step:
            number += jump
            numbers.append(number - 1)
        taken = number
        calls.append((numbers, ()))
    return calls, taken


@settings(max_examples=100, deadline=None)
@given(camera_runs(), st.integers(1, 5))
def test_frames_pushed_and_lost_are_all_frames(run, release_every):
    """Whatever the camera skips and however slow the reader is: each number exactly once."""
    calls, n_taken = run
    ring = FrameRing.create(SPEC, 8, keep=3)
    try:
        capture = Capture(ScriptedCamera(calls, ring, release_every), SPEC, ring, JOB)
        pushed = []
        original = ring.push
        ring.push = lambda stamps: (pushed.extend(stamps.number.tolist()), original(stamps))
        capture.run()
        lost = numbers_of([*capture.end(ENDED), *ring.take_lost()])
        assert sorted(pushed + lost) == list(range(n_taken))
        assert ring.n_camera == n_taken
    finally:
        ring.close()


def test_reasons_are_kept():
    ring = FrameRing.create(SPEC, 8)
    try:
        calls = [([0, 1, 4], (Lost(2, 1, "driver"),)), ([5], (Lost(6, 3, "driver"),))]
        capture = Capture(ScriptedCamera(calls, ring), SPEC, ring, JOB)
        capture.run()
        capture.end(ENDED)
        assert ring.take_lost() == [
            Lost(2, 1, "driver"),
            Lost(3, 1, "camera"),
            Lost(6, 3, "driver"),
        ]
        assert ring.n_camera == 9
    finally:
        ring.close()


def test_a_full_ring_is_a_counted_loss():
    ring = FrameRing.create(SPEC, 4)
    try:
        calls = [([n], ()) for n in range(10)]
        capture = Capture(ScriptedCamera(calls), SPEC, ring, JOB)
        capture.run()
        capture.end(ENDED)
        assert ring.pushed == 4
        assert ring.take_lost() == [Lost(4, 6, "ring")]
    finally:
        ring.close()


def test_more_losses_than_the_ring_has_room_for():
    """Nobody fetches the notes: the rest is kept, and told at the end."""
    ring = FrameRing.create(SPEC, 8)
    try:
        calls = [([3 * n], ()) for n in range(20_000)]
        capture = Capture(ScriptedCamera(calls, ring), SPEC, ring, JOB)
        capture.run()
        untold = capture.end(ENDED)
        lost = [*ring.take_lost(), *untold]
        assert len(untold) > 1000
        expected = [Lost(3 * n + 1, 2, "camera") for n in range(19_999)]
        assert lost == expected
    finally:
        ring.close()


def test_the_limit_is_exact():
    ring = FrameRing.create(SPEC, 16)
    try:
        ring.ask_limit(5)
        calls = [(list(range(3)), ()), (list(range(3, 9)), ())]
        Capture(ScriptedCamera(calls, ring), SPEC, ring, JOB).run()
        assert ring.pushed == 5
    finally:
        ring.close()


def test_a_camera_that_sends_nothing():
    ring = FrameRing.create(SPEC, 8)
    spec = FrameSpec(2, 4, np.dtype("<u2"), properties={"trigger": "external"})
    job = CaptureJob("script:", (), 0.05, None, HostClock(0, 0))
    try:
        camera = ScriptedCamera([([], ())] * 10**6)
        with pytest.raises(CameraError, match=r"no frame for 0.1 s \(trigger: external\)"):
            Capture(camera, spec, ring, job).run()
    finally:
        ring.close()


@given(
    st.lists(st.integers(0, 40), unique=True).map(sorted),
    st.lists(st.integers(0, 60), unique=True).map(sorted),
)
def test_missing_frames_is_the_set_difference(numbers, known):
    known = [n for n in known if n not in numbers]
    explained = [Lost(n, 1, "driver") for n in known]
    found = missing_frames(np.array(numbers, np.int64), 0, explained)
    last = max([-1, *numbers, *known])
    assert numbers_of(found) == sorted(set(range(last + 1)) - set(numbers))
    assert {n for lost in found if lost.reason == "driver" for n in numbers_of([lost])} == set(
        known
    )
