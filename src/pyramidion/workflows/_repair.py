"""Mending a dataset that a killed or a faulty program left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyramidion.core import StoppedError
from pyramidion.workflows._compress import KEPT, check_is_idx, check_on_disk
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order
from pyramidion.workflows._repair_recording import (
    RecordingRepairReport,
    repair_recording,
)
from pyramidion.workflows._stream import Progress


@dataclass(frozen=True)
class RepairReport:
    """What was found and done.

    Parameters
    ----------
    dataset : Path
        What was looked at.
    found : dict of str to int
        Blocks by their codec, as they were.
    n_repaired : int
        Blocks that were encoded or described anew.
    notes : tuple of str
        What else was done.
    damaged : tuple of str
        Blocks that cannot be read; they are as they were.
    """

    dataset: Path
    found: dict[str, int]
    n_repaired: int
    notes: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def is_nothing_done(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.n_repaired or self.notes or self.damaged)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": str(self.dataset),
            "found": self.found,
            "repaired": self.n_repaired,
            "notes": list(self.notes),
            "damaged": list(self.damaged),
            "nothing_to_do": self.is_nothing_done,
        }


def repair(
    dataset: Path, workers: int = 0, progress: Progress | None = None
) -> RepairReport | RecordingRepairReport:
    """Make the parts of a dataset agree, and remove what killed runs left.

    Parameters
    ----------
    dataset : Path
        An .idx, or a recording.
    workers : int
        Threads; 0 for one per core.
    progress : callable, optional
        Called with the decoded bytes that were looked at, and all.

    Raises
    ------
    DataError
        If the dataset was never finished, or its header cannot be read.
    StorageError
        If another process is writing it.
    """
    from pyramidion.formats._recording.recover import looks_like_recording

    check_on_disk(dataset)
    if looks_like_recording(dataset):
        return repair_recording(dataset, workers)
    check_is_idx(dataset)
    from pyramidion.formats._idx.repair import repair_dataset

    try:
        done = repair_dataset(dataset, partial(in_order, workers=n_workers(workers)), progress)
    except KeyboardInterrupt as error:
        raise StoppedError("stopped", KEPT, id="PYR-ALL-27") from error
    damaged = tuple(map(str, done.faults))
    return RepairReport(dataset, dict(done.found), done.n_repaired, tuple(done.notes), damaged)
