"""What a recording was, or is while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyramidion.core import DataError, Lost, PyramidionError, StoppedError


@dataclass(frozen=True)
class AcquireReport:
    """What a recording was.

    Parameters
    ----------
    camera : str
        Its name.
    store : Path or None
        What was written; None if nothing was.
    frames_camera : int
        Frames that the camera took; each is either stored or lost.
    frames_stored : int
        Frames in the store that this run added.
    frames_total : int
        Frames in the store.
    lost : mapping
        Frames lost, by reason.
    lost_runs : tuple of Lost
        The first of these losses.
    n_bytes : int
        Bytes of pixels that were stored.
    n_bytes_on_disk : int
        Bytes that the store has on the disk.
    elapsed_s : float
        From the first frame until the last was written.
    notes : tuple of str
        What else there is to know.
    fault : PyramidionError or None
        Why the run does not count as complete; decides the exit status.
    """

    camera: str
    store: Path | None
    frames_camera: int
    frames_stored: int
    frames_total: int
    lost: Mapping[str, int]
    lost_runs: tuple[Lost, ...]
    n_bytes: int
    n_bytes_on_disk: int
    elapsed_s: float
    notes: tuple[str, ...] = ()
    fault: PyramidionError | None = field(default=None, compare=False)

    @property
    def n_lost(self) -> int:
        """Frames lost for any reason."""
        return sum(self.lost.values())

    @property
    def fps(self) -> float:
        """Frames stored a second."""
        return self.frames_stored / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def mb_s(self) -> float:
        """Megabytes (10^6) of pixels stored a second."""
        return self.n_bytes / 1e6 / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def ratio(self) -> float:
        """Bytes of pixels per byte on disk."""
        return self.n_bytes / self.n_bytes_on_disk if self.n_bytes_on_disk else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "camera": self.camera,
            "store": None if self.store is None else str(self.store),
            "frames_camera": self.frames_camera,
            "frames_stored": self.frames_stored,
            "frames_total": self.frames_total,
            "frames_lost": self.n_lost,
            "lost_by_reason": dict(self.lost),
            "bytes": self.n_bytes,
            "bytes_on_disk": self.n_bytes_on_disk,
            "compression_ratio": self.ratio,
            "time_s": self.elapsed_s,
            "fps": self.fps,
            "throughput_mb_s": self.mb_s,
            "notes": list(self.notes),
            "complete": self.fault is None,
        }


def with_words(report: AcquireReport, *, allow_drops: bool) -> AcquireReport:
    """Return the report with a fault that says what is good and what is missing.

    Parameters
    ----------
    report : AcquireReport
        As it ended.
    allow_drops : bool
        Lost frames are no fault.
    """
    fault = report.fault
    good = kept_words(report)
    if isinstance(fault, StoppedError):
        stopped = StoppedError("stopped", good, id=fault.id)
        stopped.__cause__ = fault.__cause__
        return replace(report, fault=stopped)
    if fault is not None:
        fault.good = fault.good or good
        return report
    if report.n_lost and not allow_drops:
        where = str(report.store or report.camera)
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(report.lost.items()))
        lost = DataError(
            where, f"{report.n_lost} of {report.frames_camera} frames lost", reasons,
            "their numbers are in the store; --allow-drops accepts it", id="PYR-ACQ-06", good=good,
        )  # fmt: skip
        return replace(report, fault=lost)
    return report


def kept_words(report: AcquireReport) -> str:
    """Say what a run that did not end well has stored and lost."""
    if not report.frames_total:
        return "no frame was stored"
    first = report.frames_total - report.frames_stored
    lost = f", lost {_lost_words(report)}" if report.n_lost else ""
    mend = "" if report.fault is None else ", go on with --resume"
    return (
        f"stored {first}..{report.frames_total - 1}{lost}; the store is closed and readable{mend}"
    )


def _lost_words(report: AcquireReport) -> str:
    """Say which frames were lost, the first ones by number: ``113..148 (36)``."""
    runs = [
        f"{run.first}..{run.first + run.n_frames - 1}" if run.n_frames > 1 else str(run.first)
        for run in report.lost_runs
    ]
    told = sum(run.n_frames for run in report.lost_runs)
    more = ", ..." if told < report.n_lost else ""
    return f"{', '.join(runs)}{more} ({report.n_lost})"
