"""Starting, watching and ending the capture process."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from pyramidion.core import CameraError, FrameSpec, PyramidionError, UsageError, format_bytes
from pyramidion.storage import ENDED, FAILED, OPENING, FrameRing, free_bytes
from pyramidion.workflows._capture import CaptureEnd, CaptureJob, CaptureStart, run_capture
from pyramidion.workflows._children import start_child

_OPEN_S = 60.0
_SILENT_S = 10.0
_STOP_S = 2.0
_HANGING_S = 0.5
_LEAST_SLOTS = 8
_RING_S = 1.0
_LEAST_BYTES, _MOST_BYTES = 2**26, 2**30
_MOST_SLOTS = 2**17
_MOST_KEPT = 64


@dataclass(frozen=True)
class RingSize:
    """How much memory stands between camera and disk.

    Parameters
    ----------
    n_slots : int
        Frames.
    keep : int
        Newest ones that viewers can rely on.
    asked_bytes : int
        What was asked for, or chosen.
    """

    n_slots: int
    keep: int
    asked_bytes: int

    @classmethod
    def of(cls, spec: FrameSpec, n_bytes: int) -> RingSize:
        """Return the ring for so many bytes: at least eight frames.

        Parameters
        ----------
        spec : FrameSpec
            Its frames.
        n_bytes : int
            0 for a second of frames, at least 64 MiB, at most 1 GiB.
        """
        if not n_bytes:
            second = spec.frame_bytes * spec.rate_hz * _RING_S or _MOST_BYTES / 2
            n_bytes = int(min(max(second, _LEAST_BYTES), _MOST_BYTES))
        n_slots = min(max(n_bytes // max(1, spec.frame_bytes), _LEAST_SLOTS), _MOST_SLOTS)
        return cls(n_slots, min(max(3, n_slots // 8), _MOST_KEPT), n_bytes)

    def check(self, spec: FrameSpec) -> None:
        """Refuse a ring that this machine has no memory for.

        Raises
        ------
        UsageError
            If it does not fit.
        """
        needed = max(self.n_slots * spec.frame_bytes, self.asked_bytes)
        there = free_memory_bytes()
        if needed > there:
            raise UsageError(
                "--ring", f"buffers {format_bytes(needed)} of {format_bytes(there)}", None,
                "lower buffer_frames, or --ring", id="PYR-CFG-11",
            )  # fmt: skip


def free_memory_bytes() -> int:
    """Return the bytes of shared memory that can still be taken."""
    shared, known = Path("/dev/shm"), Path("/proc/meminfo")  # noqa: S108 - where Linux keeps it
    if not (shared.is_dir() and known.is_file()):
        return 2**62
    told = dict(line.split(":", 1) for line in known.read_text().splitlines())
    return min(free_bytes(shared), int(told["MemAvailable"].split()[0]) * 1024)


class CaptureProcess:
    """The process that owns the camera.

    Opens the camera at once; :meth:`start` makes it capture.

    Parameters
    ----------
    job : CaptureJob
        What it shall do.

    Attributes
    ----------
    spec : FrameSpec
        What the camera's frames are.

    Raises
    ------
    UsageError, CameraError
        If there is no such camera, it cannot be opened, or refuses a setting.
    """

    def __init__(self, job: CaptureJob) -> None:
        self._address = job.address
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=run_capture, args=(job, theirs), name="pyramidion camera", daemon=True
        )
        start_child(self._process)
        theirs.close()
        try:
            answer = self._answer(_OPEN_S)
        except BaseException:
            self.kill()
            raise
        if not isinstance(answer, FrameSpec):
            self.kill()
            raise answer.fault or self._died()
        self.spec = answer

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid or 0

    def start(self, ring: FrameRing, n_buffers: int) -> None:
        """Begin to capture."""
        ring.beat(0, OPENING)
        self._pipe.send(CaptureStart(ring.name, n_buffers))

    def fault(self, ring: FrameRing) -> PyramidionError | None:
        """Return why the process cannot go on, or None while it is well (also at its end)."""
        if ring.state in (ENDED, FAILED):
            return None
        if not self._process.is_alive():
            return self._died()
        patience_s = _OPEN_S if ring.state == OPENING else _SILENT_S
        if ring.silent_s > patience_s:
            return CameraError(
                self._address, f"camera does not answer for {patience_s:.0f} s",
                mend="unplug it or restart its driver", id="PYR-CAM-08",
            )  # fmt: skip
        return None

    def end(self, ring: FrameRing) -> CaptureEnd:
        """Stop the camera and wait for the process; one that hangs is killed.

        Returns
        -------
        CaptureEnd
            What ended capturing, if it was a fault, and losses that are not in the ring.
        """
        ring.ask_stop()
        patience_s = _STOP_S + _SILENT_S if ring.silent_s < 1 else _HANGING_S
        until = time.monotonic() + patience_s
        while self._is_running(ring) and time.monotonic() < until:
            time.sleep(0.005)
        answer: FrameSpec | CaptureEnd = CaptureEnd(None)
        if ring.state in (ENDED, FAILED):
            with contextlib.suppress(CameraError):  # killed just then: the ring has told the rest
                answer = self._answer(_STOP_S)
        self.kill()
        return answer if isinstance(answer, CaptureEnd) else CaptureEnd(None)

    def _is_running(self, ring: FrameRing) -> bool:
        return ring.state not in (ENDED, FAILED) and self._process.is_alive()

    def kill(self) -> None:
        """End the process now, if it has not ended; safe to call twice."""
        self._process.join(0.5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def _answer(self, timeout_s: float) -> FrameSpec | CaptureEnd:
        try:
            if not self._pipe.poll(timeout_s):
                raise CameraError(
                    self._address, f"camera does not answer for {timeout_s:.0f} s",
                    mend="unplug it or restart its driver", id="PYR-CAM-08",
                )  # fmt: skip
            answer: FrameSpec | CaptureEnd = self._pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None
        return answer

    def _died(self) -> CameraError:
        self._process.join(0.5)
        status = self._process.exitcode
        return CameraError(
            self._address, "the process of the camera died", f"exit status {status}",
            "run again; `pyramidion cameras` tests the camera", id="PYR-CAM-08",
        )  # fmt: skip
