"""Rings of frames for the tests of the live server: every row of every frame names the frame."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time

import numpy as np

from pyramidion.core import FrameSpec, Stamps
from pyramidion.storage import ENDED, RUNNING, FrameRing

SPAWN = multiprocessing.get_context("spawn")
HEIGHT, WIDTH = 60, 100


def spec_of(height=HEIGHT, width=WIDTH, dtype="u2", camera="sim camera"):
    return FrameSpec(height, width, np.dtype(dtype).newbyteorder("<"), camera)


@contextlib.contextmanager
def ring_of(spec=None, n_slots=16, keep=4):
    ring = FrameRing.create(spec or spec_of(), n_slots, keep)
    try:
        yield ring
    finally:
        ring.close()


def frame_of(number, shape=(HEIGHT, WIDTH), dtype="u2"):
    """A frame whose pixels depend on its number, which its rows begin with."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(number)
    frame = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    frame.view(np.uint8)[:, :8] = np.array([number], "<u8").view(np.uint8)
    return frame


def push(ring, number, time_host=None, frame=None):
    """Push one frame, as the camera's process would, and empty the ring."""
    slots = ring.writable(1)
    slots[0] = frame_of(number, ring.shape, ring.dtype) if frame is None else frame
    at = time.time() if time_host is None else time_host
    ring.push(Stamps(np.array([number]), np.array([np.nan]), np.array([at])))
    ring.release(ring.pushed)
    ring.beat(number + 1)


def numbers_in(pixels):
    """The number in every row."""
    rows = np.ascontiguousarray(pixels).view(np.uint8)[:, :8]
    return np.ascontiguousarray(rows).view("<u8")[:, 0]


def push_on(ring_name, rate_hz, batch, n_frames=0):
    """Be a camera's process: push numbered frames, until told to stop."""
    ring = FrameRing.attach(ring_name)
    number = 0
    period, next_at = (batch / rate_hz if rate_hz else 0.0), time.monotonic()
    while not ring.is_stopped and (not n_frames or number < n_frames):
        slots = ring.writable(batch)
        numbers = np.arange(number, number + len(slots))
        slots[:] = (numbers % 60_000)[:, None, None]  # a torn frame shows in every pixel
        slots.view(np.uint8)[..., :8] = numbers.astype("<u8").view(np.uint8).reshape(-1, 1, 8)
        ring.push(Stamps(numbers, numbers / 100.0, np.full(len(slots), time.time())))
        ring.release(ring.pushed)
        number += len(slots)
        ring.beat(number, RUNNING)
        next_at += period
        if rate_hz:
            time.sleep(max(0.0, next_at - time.monotonic()))
    ring.beat(number, ENDED)
    ring.close()


@contextlib.contextmanager
def camera_of(ring, rate_hz=100.0, batch=1, n_frames=0):
    process = SPAWN.Process(target=push_on, args=(ring.name, rate_hz, batch, n_frames), daemon=True)
    process.start()
    try:
        until = time.monotonic() + 20
        while not ring.pushed:
            assert time.monotonic() < until
            time.sleep(0.01)
        yield process
    finally:
        ring.ask_stop()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


def killed(process):
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
