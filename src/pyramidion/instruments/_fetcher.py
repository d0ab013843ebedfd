"""A thread that fetches frames from a library that waits for each without end."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pyramidion.core import CameraError, Lost
from pyramidion.instruments._camera import Grabbed

_END_S = 5.0
_LOOK_S = 0.1


class _Fetched(NamedTuple):
    number: int
    seconds: float
    pixels: np.ndarray


class Fetcher:
    """Numbers frames, stamps them with the host's monotonic clock and holds the newest.

    Parameters
    ----------
    where : str
        Address of the camera, named in errors.
    fetch : callable
        ``fetch() -> ndarray or None``: the next frame; None at the end.
    n_buffers : int
        Frames that are held.
    waits : bool
        What happens when so many are held: True waits for the reader, False loses the oldest.
    """

    def __init__(
        self, where: str, fetch: Callable[[], np.ndarray | None], n_buffers: int, *, waits: bool
    ) -> None:
        self._where, self._fetch, self._most, self._waits = where, fetch, n_buffers, waits
        self._held: deque[_Fetched] = deque(maxlen=n_buffers)
        self._changed = threading.Condition()
        self._is_wanted, self._is_over, self.next = True, False, 0
        self._thread = threading.Thread(target=self._run, name=where, daemon=True)
        self._thread.start()

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them.

        Raises
        ------
        EOFError
            If there will be no more.
        CameraError
            If a frame has another size.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._is_over, timeout_s)
            taken = [self._held.popleft() for _ in range(min(len(out), len(self._held)))]
            self._changed.notify()
            if not taken and self._is_over:
                raise EOFError(f"{self._where} ends after {self.next} frames")
        lost = []
        for frame, (number, _, pixels) in zip(out, taken, strict=False):
            if pixels.shape != frame.shape:
                sizes = [" x ".join(map(str, shape)) for shape in (pixels.shape, frame.shape)]
                raise CameraError(
                    self._where,
                    f"frame {number} is {sizes[0]}, expected {sizes[1]}",
                    id="PYR-ACQ-08",
                )
            frame[:] = pixels
            if number > self.next:
                lost.append(Lost(self.next, number - self.next, "driver"))
            self.next = number + 1
        numbers = np.array([fetched.number for fetched in taken], np.int64)
        times = np.array([fetched.seconds for fetched in taken], np.float64)
        return Grabbed(numbers, times, tuple(lost))

    def stop(self) -> bool:
        """Stop fetching; False if the library has not come back."""
        with self._changed:
            self._is_wanted = False
            self._changed.notify()
        self._thread.join(_END_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        start, number = time.monotonic(), 0
        while self._is_wanted:
            pixels = self._fetch()
            seconds = time.monotonic() - start
            with self._changed:
                if pixels is None:
                    self._is_over = True
                    self._changed.notify()
                    return
                while self._waits and len(self._held) >= self._most and self._is_wanted:
                    self._changed.wait(_LOOK_S)
                self._held.append(_Fetched(number, seconds, pixels))
                self._changed.notify()
            number += 1
