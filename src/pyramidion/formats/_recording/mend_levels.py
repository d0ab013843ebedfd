"""Coarser levels of frames that have none: made from the frames once more."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pyramidion.core import Box
from pyramidion.formats._recording.coarser import Coarser
from pyramidion.formats._recording.deep_level import DeepLevel
from pyramidion.formats._recording.encoder import is_raw
from pyramidion.formats._recording.frame_level import FrameLevel
from pyramidion.formats._recording.level import Level
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.shard_file import read_start_index
from pyramidion.formats._recording.survey import Survey, open_level
from pyramidion.shards import ArrayLayout
from pyramidion.storage import open_regular

_BATCH_BYTES = 2**25


def coarse_bytes(plan: RecordingPlan, found: Survey) -> int:
    """Return the most bytes that :func:`mend_levels` will write."""
    n_bytes = 0
    for layout, first in zip(plan.levels[1:], _firsts(found), strict=True):
        n_frames = found.n_kept - first
        shards = -(-n_frames // layout.shard[0]) + 1 if n_frames else 0
        n_bytes += 2 * n_frames * math.prod(layout.shape[1:]) * layout.dtype.itemsize
        n_bytes += shards * (16 * layout.n_chunks_per_shard + layout.chunk_bytes)
    return n_bytes


def mend_levels(path: Path, plan: RecordingPlan, found: Survey) -> None:
    """Make the coarser levels of all frames from the first on that lacks one.

    Parameters
    ----------
    path : Path
        The store.
    plan : RecordingPlan
        Its levels.
    found : Survey
        What is there. A frame of level 0 that cannot be read has no coarser levels either.
    """
    firsts = _firsts(found)
    firsts = [
        _first_of_encoded(path / key, layout, first) if first < found.n_kept else first
        for key, layout, first in zip(plan.paths[1:], plan.levels[1:], firsts, strict=True)
    ]
    begin = min(firsts, default=found.n_kept)
    if begin >= found.n_kept:
        return
    levels = [
        (_level(path / key, layout, first), first) if first < found.n_kept else None
        for key, layout, first in zip(plan.paths[1:], plan.levels[1:], firsts, strict=True)
    ]
    source = open_level(path, plan.paths[0], plan.levels[0], found.n_kept)
    coarser = Coarser(plan)
    step = max(1, _BATCH_BYTES // plan.spec.frame_bytes)
    try:
        for a, b in _whole_runs(found.whole[0], begin, step):
            frames = source.array.read(Box((a, 0, 0), (b, *plan.spec.shape)))
            for made, level in zip(coarser.levels(frames), levels, strict=True):
                if level is not None and level[1] < b:
                    first = max(a, level[1])
                    level[0].enter(level[0].put(first, made[first - a :]))
        for level in levels:
            if level is not None:
                level[0].sync()
    finally:
        source.array.close()
        for level in levels:
            if level is not None:
                level[0].close()


def _firsts(found: Survey) -> list[int]:
    """Return for each coarser level the first frame that it lacks."""
    whole = found.whole[0]
    firsts = []
    for other in found.whole[1:]:
        lacks = np.flatnonzero(whole & ~other)
        firsts.append(int(lacks[0]) if len(lacks) else found.n_kept)
    return firsts


def _whole_runs(whole: np.ndarray, begin: int, step: int) -> list[tuple[int, int]]:
    """Cut the frames that can be read into runs of at most `step`."""
    runs: list[tuple[int, int]] = []
    for t in np.flatnonzero(whole[begin:]) + begin:
        if runs and runs[-1][1] == t and t - runs[-1][0] < step:
            runs[-1] = (runs[-1][0], int(t) + 1)
        else:
            runs.append((int(t), int(t) + 1))
    return runs


def _level(folder: Path, layout: ArrayLayout, first: int) -> Level:
    folder.mkdir(parents=True, exist_ok=True)
    if layout.chunk[0] == 1:
        return FrameLevel(folder, layout, first)
    return DeepLevel(folder, layout, first, _leave_raw)


def _leave_raw(shard: Path) -> None:
    """Leave encoding to the closing of the level."""
    del shard


def _first_of_encoded(folder: Path, layout: ArrayLayout, first: int) -> int:
    """Return where to begin, if a frame lies in a shard that is encoded: with all of that shard."""
    n_t = layout.shard[0]
    if layout.chunk[0] == 1 or layout.codec.name == "none" or not first % n_t:
        return first
    path = folder / layout.key((first // n_t, 0, 0))
    if not path.is_file():
        return first
    with open_regular(path) as file:
        entries = read_start_index(file.fileno(), layout.n_chunks_per_shard)
    return first if is_raw(entries, layout) else first - first % n_t
