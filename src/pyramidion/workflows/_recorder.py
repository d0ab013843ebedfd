"""From the ring to the disk: threads that encode and write, and two that make it count.

Whole runs of frames go to a writer, each as one call that leaves the interpreter free. Slots of the
ring are given back in order, as soon as everything before them is written. Meanwhile one thread
advances what readers see, another what a power cut cannot take.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from pyramidion.core import Lost, PyramidionError
from pyramidion.formats import FrameWriter
from pyramidion.storage import FrameRing

_BATCH_BYTES = 4 * 2**20
_MOST_IN_BATCH = 256
_POLL_S = 0.001
_PUBLISH_S = 0.1
_SYNC_S = 1.0
_TELL_S = 0.25
KEPT_RUNS = 4
"""Losses that are told one by one; all of them are in the store."""


class Recorder:
    """Writes what comes through a ring until it is told that no more will come.

    Parameters
    ----------
    ring : FrameRing
        Filled by the capture process.
    writer : FrameWriter
        The store; its methods are called from several threads.
    workers : int
        Threads that write.

    Attributes
    ----------
    n_stored : int
        Frames that readers see.
    n_acknowledged : int
        Of these, how many a power cut cannot take.
    lost : dict of str to int
        Frames lost so far, by reason.
    lost_runs : list of Lost
        The first of these losses.
    fault : PyramidionError or None
        What ended writing.
    ended_at : float
        When the last frame was written, on the monotonic clock.
    """

    def __init__(self, ring: FrameRing, writer: FrameWriter, workers: int) -> None:
        self._ring, self._writer = ring, writer
        frame_bytes = ring.shape[0] * ring.shape[1] * ring.dtype.itemsize
        self._batch = max(1, min(_MOST_IN_BATCH, _BATCH_BYTES // max(1, frame_bytes)))
        self._lock = threading.Lock()
        self._taken = 0
        self._written: dict[int, int] = {}  # runs that are written out of order: start -> stop
        self._ended = threading.Event()  # the camera pushes no more
        self._over = threading.Event()  # nothing more to publish
        self.n_stored = writer.first
        self.n_acknowledged = writer.first
        self.lost: dict[str, int] = {}
        self.lost_runs: list[Lost] = []
        self.fault: PyramidionError | None = None
        self.ended_at = time.monotonic()
        self._writers = [self._thread(self._write_all, f"write {n}") for n in range(workers)]
        self._keepers = [
            self._thread(self._publish_all, "publish"),
            self._thread(self._sync_all, "sync"),
        ]

    def _thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=target, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        for thread in (*self._writers, *self._keepers):
            thread.start()

    def finish(self, untold: Sequence[Lost], n_camera: int) -> None:
        """Write what is still in the ring; the camera has stopped.

        Frames that cannot be written any more are counted as lost.

        Parameters
        ----------
        untold : sequence of Lost
            Losses that are not in the ring.
        n_camera : int
            Frames that the camera took. What is then neither stored nor lost was lost with the
            camera's process, and is listed as ``unknown``.
        """
        self._ended.set()
        for thread in self._writers:
            thread.join()
        self.ended_at = time.monotonic()
        self._over.set()
        for thread in self._keepers:
            thread.join()
        self._publish()
        self._sync()
        self._note_lost(untold)
        self._count_unwritten()
        self._note_unknown(n_camera)

    # -- writing ---------------------------------------------------------------------------------

    def _write_all(self) -> None:
        while self.fault is None:
            ended = self._ended.is_set()  # asked before the ring, so that no frame is overlooked
            start, stop = self._claim()
            if stop > start:
                self._write(start, stop)
            elif ended:
                return
            else:
                time.sleep(_POLL_S)

    def _claim(self) -> tuple[int, int]:
        """Take the next run of frames that lie together."""
        with self._lock:
            start = self._taken
            n_slots = self._ring.n_slots
            stop = min(self._ring.pushed, start + self._batch, start - start % n_slots + n_slots)
            self._taken = max(start, stop)
            return start, self._taken

    def _write(self, start: int, stop: int) -> None:
        frames, stamps = self._ring.filled(start, stop - start)
        try:
            self._writer.write(self._writer.first + start, frames, stamps)
        except PyramidionError as error:
            with self._lock:
                self.fault = self.fault or error
            return
        with self._lock:
            self._written[start] = stop
            released = self._ring.released
            while released in self._written:
                released = self._written.pop(released)
            self._ring.release(released)

    # -- making it count -------------------------------------------------------------------------

    def _publish_all(self) -> None:
        while not self._over.wait(_PUBLISH_S):
            self._publish()

    def _publish(self) -> None:
        try:
            self._note_lost(self._ring.take_lost())
            self.n_stored = self._writer.publish()
        except PyramidionError as error:
            self.fault = self.fault or error

    def _sync_all(self) -> None:
        while not self._over.wait(_SYNC_S):
            self._sync()

    def _sync(self) -> None:
        try:
            self.n_acknowledged = self._writer.sync()
            self.n_stored = max(self.n_stored, self.n_acknowledged)
        except PyramidionError as error:
            self.fault = self.fault or error

    def _note_lost(self, lost: Sequence[Lost]) -> None:
        self._count(lost)
        try:
            self._writer.lose(lost)
        except PyramidionError as error:
            self.fault = self.fault or error

    def _note_unknown(self, n_camera: int) -> None:
        try:
            self._count(self._writer.account(n_camera))
        except PyramidionError as error:
            self.fault = self.fault or error

    def _count(self, lost: Sequence[Lost]) -> None:
        self.lost_runs += lost[: max(0, KEPT_RUNS - len(self.lost_runs))]
        for each in lost:
            self.lost[each.reason] = self.lost.get(each.reason, 0) + each.n_frames

    def _count_unwritten(self) -> None:
        """Count the frames behind the first one that could not be written."""
        position = self.n_stored - self._writer.first
        numbers = []
        while position < self._ring.pushed:
            _, stamps = self._ring.filled(position, self._ring.n_slots)
            numbers.append(stamps.number)
            position += len(stamps.number)
        if not numbers:
            return
        missing = np.concatenate(numbers)
        breaks = np.flatnonzero(np.diff(missing) != 1) + 1
        runs = np.split(missing, breaks)
        self._note_lost([Lost(int(run[0]), len(run), "disk") for run in runs])


@contextmanager
def emptied(ring: FrameRing, tell: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Give every frame back at once while the block runs: nobody stores them.

    Parameters
    ----------
    ring : FrameRing
        Filled by the capture process.
    tell : callable
        Called four times a second.
    """
    over = threading.Event()

    def empty() -> None:
        told = 0.0
        while not over.wait(0.002):
            ring.release(ring.pushed)
            ring.take_lost()
            if time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                tell()

    thread = threading.Thread(target=empty, name="release", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
