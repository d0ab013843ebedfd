"""How a recording goes, told once a second while it runs, and in full when it ends."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyramidion.cli._print import counted, shown, tell
from pyramidion.core import format_bytes

if TYPE_CHECKING:
    from pyramidion.workflows import AcquireReport

_EVERY_S = 1.0
_OVER = ("finished", "failed")
_CLEAR = "\x1b[K"


class Statistics:
    """Tells how a recording goes, on stderr.

    One line that is written over on a terminal, one a second elsewhere.

    Parameters
    ----------
    form : str
        ``text``, ``json`` (one object a line) or ``none``.
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._rewrites = form == "text" and sys.stderr.isatty()
        self._next: float | None = None
        self._is_open = False

    def __call__(self, status: Mapping[str, Any]) -> None:
        """Tell, if it is time to."""
        if self._form == "none" or status["state"] in _OVER:
            return  # how it ended is told by the report
        if self._rewrites:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r{status_line(status)[:width]}{_CLEAR}")
            self._is_open = True
        elif self._is_time():
            tell(json.dumps(dict(status)) if self._form == "json" else status_line(status))

    def end(self) -> None:
        """Take the line away: what follows says it better."""
        if self._is_open:
            self._write(f"\r{_CLEAR}")
            self._is_open = False

    def _is_time(self) -> bool:
        """Return whether a second has passed, counted from the first call."""
        now = time.monotonic()
        self._next = now + _EVERY_S if self._next is None else self._next
        if now < self._next:
            return False
        self._next += _EVERY_S * (1 + (now - self._next) // _EVERY_S)
        return True

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the terminal is gone; the recording goes on
            self._form = "none"


def status_line(status: Mapping[str, Any]) -> str:
    """Return one line for people.

    Examples
    --------
    >>> status_line({"state": "recording", "frames_stored": 109, "frames_lost": 2, "fps": 109.2,
    ...              "mb_s": 2061.0, "ring_used": 0.031, "seconds_left": 4800.0})
    'recording: 109 frames, 109.2 frames/s, 2.06 GB/s, 2 lost, ring 3 % full, disk full in 1 h 20 min'
    """
    state = status["state"]
    if state in ("opening", "waiting"):
        return "waiting for the first frame"
    is_stored = state != "looking"
    n_frames = status.get("frames_stored" if is_stored else "frames_camera", 0)
    parts = [f"{state}: {counted(n_frames, 'frames')}", f"{status.get('fps', 0.0):.1f} frames/s"]
    if is_stored:
        parts += [
            f"{format_bytes(status.get('mb_s', 0.0) * 1e6)}/s",
            f"{status.get('frames_lost', 0)} lost",
            f"ring {status.get('ring_used', 0.0):.0%} full".replace("%", " %"),
        ]
    left = status.get("seconds_left")
    if left is not None:
        parts.append(f"disk full in {time_words(left)}")
    return ", ".join(parts)


def time_words(seconds: float) -> str:
    """Return a time in the two units that matter.

    Examples
    --------
    >>> time_words(35), time_words(4800), time_words(2e6)
    ('35 s', '1 h 20 min', '23 d 3 h')
    """
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    whole = int(min(seconds, 1e9))
    for (name, size), (next_name, next_size) in pairwise(units):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // next_size} {next_name}"
    return f"{whole} s"


def report_lines(report: AcquireReport) -> list[str]:
    """Return what a recording was, a line for each figure.

    Parameters
    ----------
    report : AcquireReport
        At its end.
    """
    reasons = ", ".join(f"{name} {n}" for name, n in sorted(report.lost.items()))
    lost = f"Lost: {report.n_lost}" + (f" ({reasons})" if reasons else "")
    if report.store is None:
        return [f"Frames seen: {report.frames_camera}", f"Time: {report.elapsed_s:.2f} s"]
    kept = report.frames_total - report.frames_stored
    before = f", after {counted(kept, 'frames')} of earlier runs" if kept else ""
    return [
        f"Frames: {report.frames_stored}{before}",
        lost,
        f"Bytes: {format_bytes(report.n_bytes)}",
        f"Bytes on disk: {format_bytes(report.n_bytes_on_disk)}",
        f"Compression ratio: {report.ratio:.2f}",
        f"Time: {report.elapsed_s:.2f} s",
        f"Frames/s: {report.fps:.1f}",
        f"Throughput: {report.mb_s:.1f} MB/s",
        f"look at it: pyramidion view {shown(report.store)}",
    ]
