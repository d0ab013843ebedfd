"""How a recording stands: told a few times a second to the terminal and to the live server."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import Any

from pyramidion.core import FrameSpec
from pyramidion.formats import FrameWriter
from pyramidion.storage import FrameRing, free_bytes
from pyramidion.workflows._recorder import Recorder

_RATE_SPAN_S = 1.0

Status = dict[str, Any]
"""JSON values; the keys are those of :meth:`StatusKeeper.tell`."""


class StatusKeeper:
    """What is told of a run while it goes on.

    Parameters
    ----------
    ring : FrameRing
        Everybody who looks at it is told.
    spec : FrameSpec
        Its frames.
    address : str
        Where the camera is.
    out : Path or None
        The store.
    """

    def __init__(self, ring: FrameRing, spec: FrameSpec, address: str, out: Path | None) -> None:
        self._ring, self._spec, self._address, self._out = ring, spec, address, out
        self._began = time.monotonic()
        self._began_unix = time.time()
        self._recent: deque[tuple[float, int]] = deque()

    def tell(
        self,
        state: str,
        recorder: Recorder | None,
        writer: FrameWriter | None,
        error: str | None = None,
    ) -> Status:
        """Tell everybody, and return what was told."""
        ring = self._ring
        now = time.monotonic()
        stored = recorder.n_stored if recorder else 0
        fps = self._rate(now, ring.pushed)
        lost = dict(recorder.lost) if recorder else {}
        free = free_bytes(self._out) if self._out is not None else None
        per_s = fps * self._spec.frame_bytes
        status: Status = {
            "state": state,
            "error": error,
            "camera": self._spec.camera,
            "address": self._address,
            "pixel_um": self._spec.pixel_um,
            "store": self._out.name if self._out is not None and writer is not None else None,
            "frames_camera": ring.n_camera,
            "frames_stored": stored,
            "frames_acknowledged": recorder.n_acknowledged if recorder else 0,
            "frames_lost": sum(lost.values()),
            "lost_by_reason": lost,
            "fps": fps,
            "mb_s": per_s / 1e6,
            "elapsed_s": now - self._began,
            "free_bytes": free,
            "seconds_left": self._seconds_left(free, stored, writer, fps),
            "ring_used": (ring.pushed - ring.released) / ring.n_slots,
            "started": self._began_unix,
            "pid": os.getpid(),
        }
        ring.tell_status(status)
        return status

    def _rate(self, now: float, pushed: int) -> float:
        self._recent.append((now, pushed))
        while len(self._recent) > 2 and now - self._recent[1][0] >= _RATE_SPAN_S:
            self._recent.popleft()
        then, before = self._recent[0]
        return (pushed - before) / (now - then) if now > then else 0.0

    def _seconds_left(
        self, free: int | None, stored: int, writer: FrameWriter | None, fps: float
    ) -> float | None:
        if free is None or writer is None or not stored or not fps:
            return None
        per_frame = writer.n_bytes / stored
        return free / (per_frame * fps) if per_frame else None
