"""Coarser levels made after the end, from the frames that are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyramidion.formats._recording.closing import close_level
from pyramidion.formats._recording.mend_levels import mend_levels
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.shapes import DOCUMENT
from pyramidion.formats._recording.survey import Survey
from pyramidion.formats._waveform.documents import read_json
from pyramidion.storage import Folder


def build_levels(store: Path, plan: RecordingPlan, n_frames: int) -> int:
    """Make the coarser levels of a recording whose level 0 is closed.

    What an earlier run has closed is kept and gone on from; what it left half done is done again.

    Parameters
    ----------
    store : Path
        The root.
    plan : RecordingPlan
        The levels.
    n_frames : int
        Frames of level 0.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    OSError
        If the disk is full or fails. Level 0 is as it was.
    """
    there = [np.ones(n_frames, bool)]
    for path in plan.paths[1:]:
        (store / path).mkdir(parents=True, exist_ok=True)
        there.append(np.arange(n_frames) < frames_of(store, path))
    mend_levels(store, plan, Survey(n_frames, n_frames, tuple(there)))
    n_bytes = 0
    for path, layout in list(zip(plan.paths, plan.levels, strict=True))[:0:-1]:
        close_level(store / path, layout, n_frames)
        n_bytes += sum(file.stat().st_size for file in (store / path).rglob("*") if file.is_file())
    return n_bytes


def frames_of(store: Path, key: str) -> int:
    """Return how many entries the document of an array tells of; none where there is none."""
    folder = Folder(store)
    if not folder.exists(f"{key}/{DOCUMENT}"):
        return 0
    return int(read_json(folder, f"{key}/{DOCUMENT}")["shape"][0])
