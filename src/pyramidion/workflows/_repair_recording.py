"""Mending a recording that was cut off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyramidion.core import StoppedError
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order
from pyramidion.workflows._verify_report import SHOWN_FAULTS


@dataclass(frozen=True)
class RecordingRepairReport:
    """What was found and done.

    Parameters
    ----------
    dataset : Path
        What was looked at.
    n_readable : int
        Frames that can be read now.
    n_repaired : int
        Frames among them that could not be seen before.
    lost : dict of str to int
        Frames that are not stored, by reason.
    notes : tuple of str
        What was done.
    faults : tuple of str
        What is not as it was, and cannot be made so: frames that are gone, numbers that are guessed.
    n_gone : int
        Frames that readers saw and that are not there any more; they are among the lost.
    guessed : (int, int), optional
        First and last frame (by place) whose number was counted on.
    damaged : tuple of str
        Frames inside the recording that cannot be read; they are as they were.
    is_nothing_done : bool
        Whether there was nothing to do.
    """

    dataset: Path
    n_readable: int
    n_repaired: int
    lost: dict[str, int]
    notes: tuple[str, ...]
    faults: tuple[str, ...]
    n_gone: int
    guessed: tuple[int, int] | None
    damaged: tuple[str, ...]
    is_nothing_done: bool

    @property
    def n_lost(self) -> int:
        """Frames that the camera took and that are not stored."""
        return sum(self.lost.values())

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": str(self.dataset),
            "readable": self.n_readable,
            "repaired": self.n_repaired,
            "lost": self.n_lost,
            "lost_by_reason": self.lost,
            "gone": self.n_gone,
            "frame_number_guessed": self.guessed and list(self.guessed),
            "notes": list(self.notes),
            "faults": list(self.faults),
            "n_damaged": len(self.damaged),
            "damaged": list(self.damaged[:SHOWN_FAULTS]),
            "nothing_to_do": self.is_nothing_done,
        }


def repair_recording(dataset: Path, workers: int = 0) -> RecordingRepairReport:
    """Finish a recording that was cut off.

    Parameters
    ----------
    dataset : Path
        The store.
    workers : int
        Threads; 0 for one per core.

    Raises
    ------
    DataError
        If too little is left of it.
    StorageError
        If it is being written, or the disk is full: the store is then as before.
    """
    from pyramidion.formats._recording.about import by_reason
    from pyramidion.formats._recording.repair import repair_recording as run

    try:
        done = run(dataset, partial(in_order, workers=n_workers(workers)))
    except KeyboardInterrupt as error:
        raise StoppedError("stopped", "run again to go on", id="PYR-ALL-27") from error
    return RecordingRepairReport(
        dataset,
        done.n_readable,
        done.n_repaired,
        by_reason(done.lost),
        tuple(done.notes),
        tuple(done.faults),
        done.n_gone,
        done.guessed,
        tuple(done.damaged),
        done.is_nothing_done,
    )
