"""The process that owns a camera: it fetches frames into the ring, and never waits for the disk.

A full ring does not stop it: frames then go into a scratch place and are counted as lost. So the
camera's own memory never overflows because of us, and what is missing is known by number.
"""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from pyramidion.core import CameraError, FrameSpec, Lost, PyramidionError, Stamps
from pyramidion.instruments import Camera, Grabbed, open_camera, set_properties
from pyramidion.storage import ENDED, FAILED, FrameRing, end_with_parent
from pyramidion.workflows._host_clock import HostClock

_AFTER_PARENT_S = 2.0
_GRAB_S = 0.1  # also how soon it sees that it shall stop
_BATCH_BYTES = 8 * 2**20
_MOST_IN_BATCH = 1024


@dataclass(frozen=True)
class CaptureJob:
    """What a capture process is asked to do.

    Parameters
    ----------
    address : str
        The camera.
    settings : tuple of (str, str)
        Properties to set.
    timeout_s : float
        Longest time without a frame, beyond the exposure; 0 waits for ever.
    duration_s : float or None
        How long to capture, from the first frame on.
    clock : HostClock
        Gives frames their host time.
    """

    address: str
    settings: tuple[tuple[str, str], ...]
    timeout_s: float
    duration_s: float | None
    clock: HostClock


@dataclass(frozen=True)
class CaptureStart:
    """What the supervisor answers when it knows what the frames are."""

    ring: str
    n_buffers: int


@dataclass(frozen=True)
class CaptureEnd:
    """The last word of a capture process.

    Parameters
    ----------
    fault : PyramidionError or None
        What ended it, if that was a fault.
    untold : tuple of Lost
        Losses for which there was no room in the ring any more.
    """

    fault: PyramidionError | None
    untold: tuple[Lost, ...] = ()


def run_capture(job: CaptureJob, pipe: Connection) -> None:
    """Be the capture process.

    Sends the :class:`FrameSpec`, waits for :class:`CaptureStart`, captures until it is told to stop
    or the camera ends, and sends :class:`CaptureEnd`, which is also the answer when the camera
    cannot be opened.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # the supervisor decides
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    end_with_parent(_AFTER_PARENT_S)
    camera: Camera | None = None
    end = CaptureEnd(None)
    try:
        camera = open_camera(job.address)
        set_properties(camera, job.settings)
        spec = camera.spec()
        pipe.send(spec)
        start = pipe.recv()
        if isinstance(start, CaptureStart):
            end = _capture(camera, spec, start, job)
    except PyramidionError as error:
        end = CaptureEnd(error)
    except EOFError:  # the supervisor is gone
        return
    finally:
        if camera is not None:
            with contextlib.suppress(PyramidionError):
                camera.close()
    with contextlib.suppress(OSError):  # the supervisor is gone
        pipe.send(end)


def _capture(camera: Camera, spec: FrameSpec, start: CaptureStart, job: CaptureJob) -> CaptureEnd:
    ring = FrameRing.attach(start.ring)
    capture = Capture(camera, spec, ring, job)
    fault: PyramidionError | None = None
    try:
        ring.warm()
        camera.start(start.n_buffers)
        capture.run()
    except PyramidionError as error:
        fault = error
    finally:
        with contextlib.suppress(PyramidionError):
            camera.stop()
    untold = capture.end(FAILED if fault else ENDED)
    ring.close()
    return CaptureEnd(fault, untold)


class Capture:
    """From an open camera to the ring.

    Parameters
    ----------
    camera : Camera
        Started.
    spec : FrameSpec
        Its frames.
    ring : FrameRing
        Where they go.
    job : CaptureJob
        Time-outs and the clock.
    """

    def __init__(self, camera: Camera, spec: FrameSpec, ring: FrameRing, job: CaptureJob) -> None:
        self._camera, self._ring, self._clock = camera, ring, job.clock
        self._batch = max(1, min(_MOST_IN_BATCH, _BATCH_BYTES // max(1, spec.frame_bytes)))
        self._batch = min(self._batch, max(1, ring.n_slots // 4))
        self._scratch = np.empty((min(self._batch, 64), *spec.shape), spec.dtype)
        self._patience_s = job.timeout_s and job.timeout_s + _seconds(spec, "exposure")
        self._duration_s = math.inf if job.duration_s is None else job.duration_s
        self._trigger = str(spec.properties.get("trigger", ""))
        self._next = 0  # number of the frame that should come next
        self._untold: deque[Lost] = deque()

    def run(self) -> None:
        """Capture until told to stop, the limit is reached, or the camera has no more.

        Raises
        ------
        CameraError
            If the camera is gone, or nothing comes.
        """
        ring = self._ring
        ring.beat(0)
        last = time.monotonic()
        until = math.inf
        with contextlib.suppress(EOFError):
            while not ring.is_stopped and last < until and (left := self._left()):
                n_frames = self._grab(min(self._batch, left))
                ring.beat(self._next)
                if len(self._untold) > 1:  # the last one may still grow
                    self._tell_lost()
                now = time.monotonic()
                if n_frames:
                    last = now
                    until = min(until, now + self._duration_s)
                elif now >= until:
                    return
                if self._patience_s and now - last > self._patience_s:
                    raise self._nothing_came()

    def end(self, state: int) -> tuple[Lost, ...]:
        """Tell the last losses and how it ended; return those that there was no room for."""
        self._tell_lost()
        self._ring.beat(self._next, state)
        return tuple(self._untold)

    def _left(self) -> int:
        limit = self._ring.limit
        return limit - self._ring.pushed if limit else self._batch

    def _grab(self, at_most: int) -> int:
        slots = self._ring.writable(at_most)
        into = slots if len(slots) else self._scratch
        grabbed = self._camera.grab(into, _GRAB_S)
        n_frames = len(grabbed.number)
        self._note_gaps(grabbed)
        if into is slots:
            if n_frames:
                self._tell_lost()
                arrived = np.full(n_frames, self._clock.unix_s())
                self._ring.push(Stamps(grabbed.number, grabbed.time_camera, arrived))
        else:
            for first, count in _runs(grabbed.number):
                self._lose(Lost(first, count, "ring"))
        return n_frames

    def _note_gaps(self, grabbed: Grabbed) -> None:
        numbers = grabbed.number
        n_frames = len(numbers)
        is_whole = n_frames == 0 or int(numbers[-1]) == self._next + n_frames - 1
        if not (is_whole and not grabbed.lost):
            for lost in missing_frames(numbers, self._next, grabbed.lost):
                self._lose(lost)
        if n_frames:
            self._next = int(numbers[-1]) + 1
        self._next = max([self._next, *(lost.first + lost.n_frames for lost in grabbed.lost)])

    def _lose(self, lost: Lost) -> None:
        """Note a loss; neighbours of the same kind become one."""
        last = self._untold[-1] if self._untold else None
        if last and (last.first + last.n_frames, last.reason) == (lost.first, lost.reason):
            self._untold[-1] = last._replace(n_frames=last.n_frames + lost.n_frames)
        else:
            self._untold.append(lost)

    def _tell_lost(self) -> None:
        """Tell what has been noted, as far as there is room for it."""
        while self._untold and self._ring.lose(self._untold[0]):
            self._untold.popleft()

    def _nothing_came(self) -> CameraError:
        what = f"no frame for {self._patience_s:.1f} s"
        told = f"trigger: {self._trigger}" if self._trigger else None
        return CameraError(
            "camera", what, told, "check the trigger, or use --timeout 0", id="PYR-ACQ-05"
        )


def missing_frames(numbers: np.ndarray, expected: int, explained: Iterable[Lost]) -> list[Lost]:
    """Return the losses around a run of frames, in order.

    Parameters
    ----------
    numbers : ndarray of int64, shape (k,)
        Numbers of the frames that came, rising.
    expected : int
        Number that should have come first.
    explained : iterable of Lost
        Losses whose reason is known; those behind the last frame are kept too.

    Examples
    --------
    >>> missing_frames(np.array([3, 4, 7]), 2, [Lost(5, 1, "driver")])
    [Lost(first=2, n_frames=1, reason='camera'), Lost(first=5, n_frames=1, reason='driver'), Lost(first=6, n_frames=1, reason='camera')]
    """
    known = sorted(lost for lost in explained if lost.n_frames > 0)
    stops = [(int(first), int(first) + count) for first, count in _runs(numbers)]
    taken = sorted([*stops, *((k.first, k.first + k.n_frames) for k in known)])
    found = list(known)
    at = expected
    for start, stop in taken:
        if start > at:
            found.append(Lost(at, start - at, "camera"))
        at = max(at, stop)
    return sorted(found)


def _runs(numbers: np.ndarray) -> list[tuple[int, int]]:
    """Return first number and length of each run of consecutive numbers."""
    if not len(numbers):
        return []
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [(int(run[0]), len(run)) for run in np.split(numbers, breaks)]


def _seconds(spec: FrameSpec, name: str) -> float:
    try:
        return float(spec.properties.get(name, 0.0))
    except (TypeError, ValueError):
        return 0.0
