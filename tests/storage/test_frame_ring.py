"""The ring of frames: order, room, losses, and no torn frame under load."""

import multiprocessing
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyramidion.core import FrameSpec, Lost, Stamps
from pyramidion.storage import FrameRing

SPEC = FrameSpec(3, 5, np.dtype("<u2"))


def stamps(first, n_frames):
    numbers = np.arange(first, first + n_frames)
    return Stamps(numbers, numbers * 0.25, numbers * 0.5)


def push(ring, at_most):
    """Push frames that hold their number; return how many went in."""
    slots = ring.writable(at_most)
    first = ring.pushed
    for place in range(len(slots)):
        slots[place] = first + place
    n_frames = len(slots)
    ring.push(stamps(first, n_frames))
    return n_frames


@pytest.fixture
def ring():
    made = FrameRing.create(SPEC, 8, keep=3)
    yield made
    made.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_what_is_pushed_comes_out_once_and_in_order(steps):
    ring = FrameRing.create(SPEC, 8, keep=3)
    try:
        position = 0
        for n_in, n_out in steps:
            push(ring, n_in)
            wanted = min(position + n_out, ring.pushed)
            while position < wanted:
                frames, told = ring.filled(position, wanted - position)
                expected = np.arange(position, position + len(frames))
                assert (frames == expected[:, None, None]).all()
                assert told.number.tolist() == expected.tolist()
                assert told.time_host.tolist() == (expected * 0.5).tolist()
                position += len(frames)
                ring.release(position)
            assert ring.pushed - ring.released <= 8
            if ring.pushed:
                assert ring.latest().number == ring.pushed - 1
    finally:
        ring.close()


def test_the_newest_frames_stay_until_newer_ones_come(ring):
    push(ring, 8)
    ring.release(ring.pushed)
    slots = ring.writable(100)
    assert len(slots) == 5  # eight, of which three are kept
    slots[:] = 999
    assert [ring.latest().number, ring.latest().pixels[0, 0]] == [7, 7]


def test_a_full_ring_has_no_room(ring):
    assert push(ring, 100) == 8
    assert push(ring, 100) == 0


def test_losses_are_told_once(ring):
    ring.lose(Lost(3, 2, "camera"))
    ring.lose(Lost(9, 1, "ring"))
    assert ring.take_lost() == [Lost(3, 2, "camera"), Lost(9, 1, "ring")]
    assert ring.take_lost() == []


def test_a_flood_of_losses_is_held_back(ring):
    """What was told is never changed: somebody may be reading it."""
    told = [number for number in range(0, 40_000, 2) if ring.lose(Lost(number, 1, "camera"))]
    assert ring.take_lost() == [Lost(number, 1, "camera") for number in told]
    assert 10_000 < len(told) < 20_000
    assert ring.lose(Lost(1, 1, "ring"))


def test_the_live_server_tells_that_it_is_well(ring):
    assert ring.live_silent_s == float("inf")
    ring.live_beat()
    assert ring.live_silent_s < 1


def test_a_part_of_the_newest_frame(ring):
    slots = ring.writable(1)
    slots[0] = np.arange(15).reshape(3, 5)
    ring.push(stamps(0, 1))
    part = ring.latest((slice(1, 3), slice(2, 5)))
    assert part.pixels.tolist() == [[7, 8, 9], [12, 13, 14]]


def test_nothing_before_the_first_frame(ring):
    assert ring.latest() is None
    assert ring.status() == {}


def test_status(ring):
    for number in range(5):
        ring.tell_status({"frames": number, "text": "x" * (100 * number)})
    assert ring.status()["frames"] == 4
    with pytest.raises(ValueError, match="a status of"):
        ring.tell_status({"text": "x" * 20_000})


def test_not_a_ring_and_gone():
    with pytest.raises(FileNotFoundError):
        FrameRing.attach("pyramidion-no-such-ring")
    with pytest.raises(ValueError, match="cannot keep"):
        FrameRing.create(SPEC, 3, keep=3)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<f4", "<f8"])
def test_every_type(dtype):
    ring = FrameRing.create(FrameSpec(2, 3, np.dtype(dtype)), 4)
    other = FrameRing.attach(ring.name)
    try:
        ring.writable(1)[0] = [[0, 1, 2], [3, 4, 100]]
        ring.push(stamps(0, 1))
        assert other.dtype == np.dtype(dtype)
        assert other.latest().pixels.tolist() == [[0, 1, 2], [3, 4, 100]]
    finally:
        other.close()
        ring.close()


def _look(name, results):
    """Read as fast as possible; tell how many frames were seen, and how many were torn."""
    ring = FrameRing.attach(name)
    torn, seen = 0, set()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        frame = ring.latest()
        if frame is not None:
            torn += not (frame.pixels == frame.number % 60_000).all()
            seen.add(frame.number)
    ring.close()
    results.put((torn, len(seen)))


@pytest.mark.slow
def test_no_frame_is_torn():
    """A writer and a reader, both as fast as they can."""
    ring = FrameRing.create(FrameSpec(288, 512, np.dtype("<u2")), 4)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    reader = context.Process(target=_look, args=(ring.name, results))
    reader.start()
    try:
        pushed = 0
        while reader.is_alive() and results.empty():
            slots = ring.writable(1)
            slots[:] = pushed % 60_000
            ring.push(stamps(pushed, len(slots)))
            pushed += len(slots)
            ring.release(pushed)
        torn, n_seen = results.get(timeout=5)
        reader.join()
    finally:
        ring.close()
    assert torn == 0
    assert n_seen > 20
