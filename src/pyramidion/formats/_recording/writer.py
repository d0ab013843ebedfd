"""A recording under way: pixels, entries, stamps, and what the store says of itself, in that order.

A frame goes through these steps, and a kill between any two of them leaves a store that is right:

1. pixels of the coarser levels and of level 0;
2. number and times;
3. entries of the coarser levels, then of level 0: from here on the frame can be found, and is whole;
4. :meth:`RecordingWriter.publish`: shapes; from here on readers see it;
5. :meth:`RecordingWriter.sync`: it survives a power cut.

``write`` never waits for 4 and 5, which are for other threads to do.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    DataError,
    Lost,
    PyramidionError,
    Stamps,
    StorageError,
    format_bytes,
)
from pyramidion.formats._recording.build_levels import build_levels
from pyramidion.formats._recording.closing import close_level, write_root
from pyramidion.formats._recording.coarser import Coarser
from pyramidion.formats._recording.deep_level import DeepLevel
from pyramidion.formats._recording.encoder import Encoder
from pyramidion.formats._recording.frame_level import FrameLevel
from pyramidion.formats._recording.kept import Kept
from pyramidion.formats._recording.level import Level
from pyramidion.formats._recording.losses import LossTable
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.progress import Progress
from pyramidion.formats._recording.reserve import release_reserve
from pyramidion.formats._recording.shapes import Shapes
from pyramidion.formats._recording.side_array import SideArray
from pyramidion.formats._recording.window import WindowSample
from pyramidion.formats._recording.write_back import WriteBack
from pyramidion.storage import WriterLock, free_bytes, told_as

PUBLISH_S = 0.1
_MOST_OFTEN = 2
"""At least so many times as long as publishing takes lies between two publications."""

_PART_BYTES = 2**24
_RAW_PART_BYTES = 2**26


class RecordingWriter:
    """See :class:`FrameWriter`; made by :func:`open_frame_writer`.

    The camera counts from 0 again when a recording goes on; what is stored counts on.

    Parameters
    ----------
    store : Path
        The root; its documents are there.
    plan : RecordingPlan
        How it is cut.
    kept : Kept
        What is there already.
    lock : WriterLock
        Held; given back at the end.
    """

    def __init__(
        self,
        store: Path,
        plan: RecordingPlan,
        kept: Kept,
        lock: WriterLock,
    ) -> None:
        own, first, n_lost, self._first_number = kept
        self.first = first
        self._store, self._plan, self._own, self._lock_file = store, plan, own, lock
        self._where = str(store)
        self._lock = threading.Condition()
        self._publishing = threading.RLock()
        self._syncing = threading.Lock()
        self._progress = Progress(first)
        self._n_inside = 0
        self._error: StorageError | None = None
        self._published = self._synced = self._acknowledged = first
        self._published_lost = n_lost
        self._is_doubtful = False
        self._next_time = 0.0
        self._window, self._has_window = WindowSample(), False
        n = plan.n_recorded
        layouts = plan.levels[:n]
        self._shapes = Shapes(store, plan.paths[:n], layouts)
        self._coarser = Coarser(plan) if n > 1 else None
        self._sides = {name: SideArray(store / name, name) for name in (*SIDE_DTYPES, LOST)}
        self._losses = LossTable(store, self._sides[LOST], kept)
        self._write_back = WriteBack()
        self._encoder = Encoder(self._count) if plan.is_deep else None
        self._levels: list[Level] = []
        self._n_encoded = 0
        try:
            for path, layout in zip(plan.paths, layouts, strict=False):
                self._levels.append(self._level(store / path, layout, first))
        except BaseException:
            self.abandon()
            raise
        part = _RAW_PART_BYTES if n == 1 and not plan.is_deep and layouts[0].codec.name == "none" else _PART_BYTES  # fmt: skip
        self._part = max(1, part // plan.spec.frame_bytes)

    @property
    def n_bytes(self) -> int:
        """Bytes written to the disk so far; what was there already is not counted."""
        sides = 24 * (self._progress.contiguous - self.first)
        return sum(level.n_bytes for level in self._levels) + self._n_encoded + sides

    def write(self, t: int, frames: np.ndarray, stamps: Stamps) -> None:
        """Write a run of frames; see :class:`FrameWriter`."""
        self._check(t, frames, stamps)
        frames = np.ascontiguousarray(frames, self._plan.levels[0].dtype)
        with self._inside():
            for a in range(0, len(frames), self._part):
                b = min(a + self._part, len(frames))
                self._write(t + a, frames[a:b], stamps.part(a, b))

    def lose(self, lost: Sequence[Lost]) -> None:
        """Note frames that were taken and are not stored."""
        if not lost:
            return
        with self._publishing:
            self._store_with_reserve(lambda: self._losses.add(lost))

    def account(self, n_camera: int) -> list[Lost]:
        """Note what is neither stored nor lost; see :class:`FrameWriter`."""
        with self._publishing:
            lost = self._losses.unaccounted(self._progress.contiguous, n_camera)
            self.lose(lost)
        return lost

    def publish(self) -> int:
        """Let readers see what is there; see :class:`FrameWriter`."""
        with self._publishing:
            if time.monotonic() >= self._next_time:
                self._store_with_reserve(self._publish)
            return self._published

    def sync(self) -> int:
        """Have everything reach the disk; see :class:`FrameWriter`."""
        with self._syncing:
            self._store_with_reserve(self._sync)
            return self._acknowledged

    def finish(self, summary: Mapping[str, Any]) -> None:
        """End the recording; see :class:`FrameWriter`."""
        if not self._lock_file.held:
            return
        release_reserve(self._store)
        self._write_back.stop()
        try:
            with told_as(self._store):
                self.sync()
                self._close_files()
                if self._encoder is not None:
                    self._encoder.drain()
                self._close_levels(summary)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go and leave everything as it is; see :class:`FrameWriter`."""
        if not self._lock_file.held:
            return
        try:
            self._write_back.stop()
            if self._encoder is not None:
                self._encoder.stop()
            self._close_files()
            release_reserve(self._store)
        finally:
            self._lock_file.release()

    # -- frames ----------------------------------------------------------------------------------

    def _check(self, t: int, frames: np.ndarray, stamps: Stamps) -> None:
        spec = self._plan.spec
        if frames.ndim != 3 or frames.shape[1:] != spec.shape or frames.dtype != spec.dtype:
            found = f"{' x '.join(map(str, frames.shape[-2:]))} {frames.dtype}"
            wanted = f"{spec.height} x {spec.width} {spec.dtype}"
            raise DataError(f"frame {t}", f"is {found}, expected {wanted}", id="PYR-ACQ-08")
        if any(len(values) != len(frames) for values in stamps):
            raise ValueError(f"{len(frames)} frames with {[len(v) for v in stamps]} stamps")

    def _write(self, t: int, frames: np.ndarray, stamps: Stamps) -> None:
        levels = [frames]
        if self._coarser is not None:
            levels += self._coarser.levels(frames)
        pairs = list(zip(self._levels, levels, strict=True))[::-1]
        puts = [(level, level.put(t, values)) for level, values in pairs]
        stamps = stamps._replace(number=stamps.number + self._first_number)
        for name, values in zip(SIDE_DTYPES, stamps, strict=True):
            self._sides[name].put(t, values)
        for level, put in puts:
            level.enter(put)
        self._window.take(t, frames)
        with self._lock:
            self._progress.add(t, len(frames))

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """Count who writes; keep the first error, for all who come later."""
        with self._lock:
            if self._error is not None:
                raise self._again(self._error)
            self._n_inside += 1
        try:
            yield
        except OSError as error:
            told = self._told(error)
            with self._lock:
                self._error = self._error or told
            raise told from error
        finally:
            with self._lock:
                self._n_inside -= 1
                if self._error is not None and not self._n_inside:
                    # Only now: what others still write would take it.
                    release_reserve(self._store)
                self._lock.notify_all()

    def _told(self, error: OSError) -> StorageError:
        """Return what to tell the user."""
        told = StorageError(self._where, "")
        try:
            with told_as(self._store):
                raise error
        except StorageError as found:
            told = found
        if told.id == "PYR-ALL-12":
            n = self._progress.contiguous
            free = f"{format_bytes(free_bytes(self._store))} free"
            mend = "free space, then run again with --resume"
            return StorageError(self._where, f"disk full after {n} frames", free, mend, id=told.id)
        return told

    def _again(self, error: StorageError) -> StorageError:
        return StorageError(*error_parts(error), id=error.id)

    # -- what readers see ------------------------------------------------------------------------

    def _store_with_reserve(self, store: Callable[[], None]) -> None:
        """Do something small that must succeed even on a full disk."""
        try:
            store()
        except OSError as error:
            told = self._told(error)
            with self._lock:
                self._error = self._error or told
                if told.id != "PYR-ALL-12":
                    raise told from error
                self._lock.wait_for(lambda: not self._n_inside)
            release_reserve(self._store)
            with told_as(self._store):
                store()

    def _publish(self) -> None:
        began = time.monotonic()
        with self._lock:
            n_frames = self._progress.contiguous
        n_lost = self._losses.n_rows
        if (n_frames, n_lost) != (self._published, self._published_lost):
            with self._doubting():
                for level in self._levels:
                    level.settle()
            self._shapes.advance(n_frames, n_lost, self._synced)
            self._published, self._published_lost = n_frames, n_lost
            self._tell_window()
        took = time.monotonic() - began
        self._next_time = began + max(PUBLISH_S, _MOST_OFTEN * took)

    def _tell_window(self) -> None:
        """Have the first frames shown as what they are, not as a few counts of a wide range."""
        window = None if self._has_window else self._window.window()
        if window is not None:
            write_root(self._store, self._own, self._plan.n_recorded, window)
            self._has_window = True

    def _sync(self) -> None:
        with self._lock:
            n_frames = self._progress.contiguous
        with self._doubting():
            for level in self._levels:
                level.sync()
            for side in self._sides.values():
                side.sync()
        with self._publishing:
            if not self._is_doubtful:
                self._synced = n_frames
            self._publish()
            self._shapes.sync()
            self._acknowledged = self._synced

    @contextlib.contextmanager
    def _doubting(self) -> Iterator[None]:
        """Never acknowledge anything again once the disk has failed to take what was written.

        The system tells that once; the next attempt succeeds, and says nothing of what was lost.
        """
        try:
            yield
        except OSError:
            self._is_doubtful = True
            raise

    # -- the end ---------------------------------------------------------------------------------

    def _close_files(self) -> None:
        for level in self._levels:
            level.close()
        for side in self._sides.values():
            side.close()

    def _close_levels(self, summary: Mapping[str, Any]) -> None:
        n_frames, plan, n = self._published, self._plan, self._plan.n_recorded
        for path, layout in list(zip(plan.paths, plan.levels, strict=True))[:n][::-1]:
            self._count(close_level(self._store / path, layout, n_frames))
        totals = self._losses.totals(summary, n_frames)
        own = {**self._own, **summary, **totals, "state": "finished"}
        window = self._window.window()
        write_root(self._store, own, n, window)
        if n < len(plan.levels):
            self._count(build_levels(self._store, plan, n_frames))
            write_root(self._store, own, len(plan.levels), window)

    def _level(self, folder: Path, layout: Any, first: int) -> Level:
        if self._encoder is None:
            return FrameLevel(folder, layout, first, self._write_back)
        encoder = self._encoder
        return DeepLevel(folder, layout, first, lambda path: encoder.submit(path, layout))

    def _count(self, n_bytes: int) -> None:
        with self._lock:
            self._n_encoded += n_bytes


def error_parts(error: PyramidionError) -> tuple[str, str, object, str | None]:
    """Return what a like error is made of."""
    return error.where, error.what, error.value, error.mend
