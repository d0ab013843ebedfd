"""A camera in a thread behind the real server: frames whose every pixel follows from their number."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pyramidion.core import FrameSpec, Stamps
from pyramidion.server import LiveView, ServerSettings, build_app, serve_background
from pyramidion.storage import FrameRing

HEIGHT, WIDTH = 240, 320
PAUSE_S = 0.4
"""What stands still for so long was held up by the machine."""


def frame_of(number: int, shape: tuple[int, int], dtype: Any = "uint16") -> np.ndarray:
    """A ramp along both axes that moves on with the number; it fills small types completely."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    values = 7 * x + 13 * y + 101 * number
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (values % 4001 / 8 - 100).astype(kind)
    low = 0 if kind.kind == "u" else -100
    return (values % min(4001, 200 if kind.itemsize == 1 else 4001) + low).astype(kind)


class LiveCamera:
    """Pushes frames into a ring at a rate, and tells a status; both may be changed at any time."""

    def __init__(
        self,
        height: int = HEIGHT,
        width: int = WIDTH,
        dtype: Any = "uint16",
        rate: float = 30.0,
        *,
        runs: bool = True,
    ) -> None:
        self.shape, self.dtype, self.rate = (height, width), np.dtype(dtype), rate
        self.ring = FrameRing.create(FrameSpec(height, width, self.dtype), 8)
        self.number = -1
        self.started = time.time()
        self.status: dict[str, Any] = {
            "state": "looking", "error": None, "camera": "Test camera 7", "store": None, "pixel_um": [0.5, 0.5],
            "frames_lost": 0, "lost_by_reason": {}, "frames_stored": 0, "free_bytes": 1_340_000_000_000,
            "seconds_left": None, "ring_used": 0.0, "started": self.started,
        }  # fmt: skip
        self.running = threading.Event()
        self.pauses = 0  # times that this thread stood still
        self._over = threading.Event()
        if runs:
            self.running.set()
        self._step()  # there before anybody can ask
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def frame(self, number: int) -> np.ndarray:
        return frame_of(number, self.shape, self.dtype)

    def push(self) -> None:
        self.number += 1
        slots = self.ring.writable(1)
        slots[0] = self.frame(self.number)
        stamps = Stamps(np.array([self.number]), np.array([np.nan]), np.array([time.time()]))
        self.ring.push(stamps)
        self.ring.release(self.ring.pushed)

    def _step(self) -> None:
        if self.running.is_set():
            self.push()
        self.ring.beat(self.number + 1)
        self.ring.tell_status(self.status | {"fps": self.rate if self.running.is_set() else 0.0})

    def _run(self) -> None:
        before = time.monotonic()
        while not self._over.wait(1 / self.rate):
            self._step()
            now = time.monotonic()
            self.pauses += now - before > PAUSE_S + 1 / self.rate
            before = now

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.ring.close()


@contextmanager
def live(camera: LiveCamera, port: int = 0) -> Iterator[str]:
    """Serve a camera; yields the address of the server."""
    settings = ServerSettings(port=port)
    with serve_background(build_app({}, settings, LiveView(camera.ring.name)), settings) as url:
        yield url


@contextmanager
def camera(**options: Any) -> Iterator[LiveCamera]:
    """A camera that runs, or waits for `running`."""
    one = LiveCamera(**options)
    try:
        yield one
    finally:
        one.close()
