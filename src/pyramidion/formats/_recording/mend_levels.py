"""Coarser levels of frames that have none: made from the frames once more.

Whole shards are made, and take the names of those that they replace when they are on the disk: readers
that look at what is there already see it as it was.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pyramidion.core import Box
from pyramidion.formats._recording.coarser import Coarser
from pyramidion.formats._recording.deep_level import DeepLevel
from pyramidion.formats._recording.frame_level import FrameLevel
from pyramidion.formats._recording.level import Level
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.survey import Survey, open_level
from pyramidion.shards import ArrayLayout

_BATCH_BYTES = 2**25
_SYNC_BATCHES = 16


def coarse_bytes(plan: RecordingPlan, found: Survey) -> int:
    """Return the most bytes that :func:`mend_levels` will write."""
    n_bytes = 0
    for layout, first in zip(plan.levels[1:], _firsts(plan, found), strict=True):
        n_frames = found.n_kept - first
        shards = -(-n_frames // layout.shard[0]) + 1 if n_frames else 0
        n_bytes += 2 * n_frames * math.prod(layout.shape[1:]) * layout.dtype.itemsize
        n_bytes += shards * (16 * layout.n_chunks_per_shard + layout.chunk_bytes)
    return n_bytes


def mend_levels(path: Path, plan: RecordingPlan, found: Survey) -> None:
    """Make the coarser levels of all frames from the shard on in which one lacks them.

    Parameters
    ----------
    path : Path
        The store.
    plan : RecordingPlan
        Its levels.
    found : Survey
        What is there. A frame of level 0 that cannot be read has no coarser levels either.
    """
    firsts = _firsts(plan, found)
    begin = min(firsts, default=found.n_kept)
    if begin >= found.n_kept:
        return
    levels = [
        _level(path / key, layout, first) if first < found.n_kept else None
        for key, layout, first in zip(plan.paths[1:], plan.levels[1:], firsts, strict=True)
    ]
    source = open_level(path, plan.paths[0], plan.levels[0], found.n_kept)
    coarser = Coarser(plan)
    step = max(1, _BATCH_BYTES // plan.spec.frame_bytes)
    lacking = [level for level in levels if level is not None]
    try:
        _keep(path, plan, found, levels, firsts)
        for n, (a, b) in enumerate(_whole_runs(found.whole[0], begin, step), 1):
            frames = source.array.read(Box((a, 0, 0), (b, *plan.spec.shape)))
            for made, level, first in zip(coarser.levels(frames), levels, firsts, strict=True):
                if level is not None and first < b:
                    at = max(a, first)
                    level.enter(level.put(at, made[at - a :]))
            if n % _SYNC_BATCHES == 0:  # closes what is full: files are few
                for one in lacking:
                    one.sync()
        for one in lacking:
            one.sync()
            one.close()
            one.take_names()
    finally:
        source.array.close()
        for one in lacking:
            one.discard()


def _keep(
    path: Path, plan: RecordingPlan, found: Survey, levels: list[Level | None], firsts: list[int]
) -> None:
    """Take over what is there of frames that cannot be read any more."""
    for number, (level, first) in enumerate(zip(levels, firsts, strict=True), 1):
        if level is None:
            continue
        old = open_level(path, plan.paths[number], plan.levels[number], found.n_kept)
        try:
            kept = found.whole[number] & ~found.whole[0]
            for a, b in _whole_runs(kept, first, _SYNC_BATCHES):
                box = Box((a, 0, 0), (b, *plan.levels[number].shape[1:]))
                level.enter(level.put(a, old.array.read(box)))
        finally:
            old.array.close()


def _firsts(plan: RecordingPlan, found: Survey) -> list[int]:
    """Return for each coarser level the first frame of the first shard that lacks one."""
    whole = found.whole[0]
    firsts = []
    for layout, other in zip(plan.levels[1:], found.whole[1:], strict=True):
        lacks = np.flatnonzero(whole & ~other)
        shard = int(lacks[0]) // layout.shard[0] if len(lacks) else 0
        firsts.append(shard * layout.shard[0] if len(lacks) else found.n_kept)
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
        return FrameLevel(folder, layout, first, is_anew=True)
    return DeepLevel(folder, layout, first, _leave_raw, is_anew=True)


def _leave_raw(shard: Path) -> None:
    """Leave encoding to the closing of the level."""
    del shard
