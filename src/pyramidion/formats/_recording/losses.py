"""The runs of frames that were taken and are not stored, and what is in neither list.

The camera counts from 0 again when a recording goes on; what is stored counts on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import LOST_REASONS, Lost
from pyramidion.formats._recording.kept import Kept
from pyramidion.formats._recording.metadata import LOST
from pyramidion.formats._recording.side_array import SideArray
from pyramidion.formats._recording.survey import side_values
from pyramidion.formats._recording.verify import missing_runs


class LossTable:
    """The array ``lost`` under way.

    Parameters
    ----------
    store : Path
        The root.
    side : SideArray
        Its file.
    kept : Kept
        What is there already.

    Attributes
    ----------
    n_rows : int
        Runs, those that were there already included.
    """

    def __init__(self, store: Path, side: SideArray, kept: Kept) -> None:
        self.n_rows = kept.n_lost
        self._store, self._side, self._kept = store, side, kept
        self._n_frames = 0

    def add(self, lost: Sequence[Lost]) -> None:
        """Add runs, by the numbers of this run of the camera; done again after a failure.

        Raises
        ------
        OSError
            If the disk is full or fails; nothing is added then.
        """
        first = self._kept.first_number
        rows = [(first + run.first, run.n_frames, LOST_REASONS.index(run.reason)) for run in lost]
        self._side.put(self.n_rows, np.array(rows))
        self.n_rows += len(rows)
        self._n_frames += sum(run.n_frames for run in lost)

    def unaccounted(self, n_frames: int, n_camera: int) -> list[Lost]:
        """Return what is neither stored nor lost.

        Parameters
        ----------
        n_frames : int
            Frames in the store.
        n_camera : int
            Frames that the camera took in this run.

        Returns
        -------
        list of Lost
            By the numbers of this run, as ``unknown``; empty at once where the counts agree.
        """
        kept = self._kept
        if n_frames - kept.n_frames + self._n_frames == n_camera:
            return []
        numbers = side_values(self._store, "frame_number", n_frames)[kept.n_frames :]
        numbers = numbers - kept.first_number
        rows = side_values(self._store, LOST, self.n_rows)[kept.n_lost :]
        lost = [Lost(int(first) - kept.first_number, int(n), "") for first, n, _ in rows]
        stored = np.append(numbers[numbers < n_camera], n_camera)
        return [Lost(first, n, "unknown") for first, n in missing_runs(stored, lost)]

    def totals(self, summary: Mapping[str, Any], n_frames: int) -> dict[str, Any]:
        """Return what the root says at the end: counts of the whole recording (JSON values).

        Parameters
        ----------
        summary : mapping
            Of this run; of its counts only ``frames_camera`` is looked at.
        n_frames : int
            Frames in the store.
        """
        rows = side_values(self._store, LOST, self.n_rows)
        counts = np.bincount(rows[:, 2], rows[:, 1], len(LOST_REASONS)).astype(int).tolist()
        by_reason = {name: n for name, n in zip(LOST_REASONS, counts, strict=True) if n}
        told = {"frames": n_frames, "frames_stored": n_frames, "frames_lost": by_reason}
        if "frames_camera" in summary:
            told["frames_camera"] = self._kept.first_number + summary["frames_camera"]
        return told
