"""What of a recording is on the disk, whatever its documents say.

A frame counts when every one of its chunks agrees with its checksum. Chunks of several frames have
none: a frame in them counts when its time is there, which is written after its pixels. After a power
cut even that proves nothing, so that a page of zeros, where the last frame that is known to be on
the disk has none, is taken for one that never arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, PyramidionError
from pyramidion.formats._recording.damage import Mapped, whole_frames
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, SIDE_ENTRIES
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.recover import Documents, growing
from pyramidion.formats._recording.stored import StoredLevel
from pyramidion.shards import ArrayLayout, ShardedArray
from pyramidion.storage import Folder, told_as

_PAGE_BYTES = 4096


@dataclass(frozen=True)
class Survey:
    """What is there.

    Parameters
    ----------
    n_shown : int
        Frames that readers saw.
    n_kept : int
        Frames up to the last one that is whole.
    whole : tuple of ndarray of bool, shape (n_kept,)
        Per level: which frames can be read.
    """

    n_shown: int
    n_kept: int
    whole: tuple[np.ndarray, ...]

    @property
    def damaged(self) -> np.ndarray:
        """Frames between whole ones that cannot be read."""
        return np.nonzero(~self.whole[0])[0]


def survey(path: Path, documents: Documents, plan: RecordingPlan, mapped: Mapped) -> Survey:
    """Look at every chunk of a recording.

    Parameters
    ----------
    path : Path
        The store.
    documents : Documents
        What is said of it.
    plan : RecordingPlan
        Its levels.
    mapped : callable
        Runs the work, on several threads.
    """
    n_shown = documents.n_shown
    whole = _whole(path, plan.paths[0], plan.levels[0], mapped)
    if plan.is_deep:
        level = open_level(path, plan.paths[0], plan.levels[0], len(whole))
        _doubt_deep(path, level, whole, documents.synced, n_shown)
        level.array.close()
    n_kept = min(n_shown, len(whole))
    while n_kept < len(whole) and whole[n_kept]:
        n_kept += 1
    while n_kept and not whole[n_kept - 1]:
        n_kept -= 1
    levels = [whole[:n_kept]]
    for key, layout in zip(plan.paths[1:], plan.levels[1:], strict=True):
        found = _whole(path, key, layout, mapped)[:n_kept]
        if plan.is_deep:  # without a checksum nothing vouches for what was not synced
            found[documents.synced :] = False
        levels.append(np.concatenate([found, np.zeros(n_kept - len(found), bool)]))
    return Survey(n_shown, n_kept, tuple(levels))


def open_level(path: Path, key: str, layout: ArrayLayout, n_frames: int) -> StoredLevel:
    return StoredLevel(key, ShardedArray(Folder(path / key), growing(layout, n_frames)))


def _whole(path: Path, key: str, layout: ArrayLayout, mapped: Mapped) -> np.ndarray:
    """Tell of every frame that the shards of a level have room for whether it can be read."""
    level = open_level(path, key, layout, _n_shards(path / key) * layout.shard[0])
    try:
        return whole_frames(level, mapped)
    finally:
        level.array.close()


def _n_shards(folder: Path) -> int:
    """Return how many shards a level has along t, up to the last that is there."""
    shards = folder / "c"
    names = [p.name for p in shards.iterdir()] if shards.is_dir() else []
    return max((int(name) + 1 for name in names if name.isdigit()), default=0)


def _doubt_deep(
    path: Path, level: StoredLevel, whole: np.ndarray, n_synced: int, n_shown: int
) -> None:
    """Take back frames of chunks without a checksum that may never have been written."""
    times = side_values(path, "time_host", len(whole))
    is_written: Any = times != 0
    # A frame that was shown was written, whatever has become of its time.
    is_written[:n_shown] = True
    whole[~is_written] = False
    height, width = level.layout.shape[1:]

    def zero_pages(t: int) -> np.ndarray:
        """Tell which pages of a frame are nothing but zeros."""
        pixels = level.array.read(Box((t, 0, 0), (t + 1, height, width))).reshape(-1)
        data = np.zeros(-(-pixels.nbytes // _PAGE_BYTES) * _PAGE_BYTES, np.uint8)
        data[: pixels.nbytes] = pixels.view(np.uint8)
        return np.asarray(data.reshape(-1, _PAGE_BYTES).max(axis=1) == 0)

    try:
        known = zero_pages(n_synced - 1) if n_synced else None
    except PyramidionError:
        known = None
    for t in range(n_synced, len(whole)):
        if not whole[t]:
            continue
        zeros = zero_pages(t)
        whole[t] = not bool(zeros.all() if known is None else (zeros & ~known).any())


def side_values(path: Path, name: str, n_entries: int) -> np.ndarray:
    """Return the first entries of an array beside the pixels; zeros where its files lack them.

    Parameters
    ----------
    path : Path
        The store.
    name : str
        ``frame_number``, ``time_camera``, ``time_host`` or ``lost``.
    n_entries : int
        How many.

    Returns
    -------
    ndarray, shape (n_entries,), or (n_entries, 3) of ``lost``
    """
    dtype = np.dtype(SIDE_DTYPES.get(name, "<i8"))
    row = (3,) if name == LOST else ()
    values = np.zeros((-(-n_entries // SIDE_ENTRIES) * SIDE_ENTRIES, *row), dtype)
    for number in range(len(values) // SIDE_ENTRIES):
        file = path / name / "c" / str(number)
        file = file / "0" if name == LOST else file
        part = values[number * SIDE_ENTRIES : (number + 1) * SIDE_ENTRIES].view(np.uint8)
        with told_as(file, "cannot read"):
            data = file.read_bytes()[: part.nbytes] if file.is_file() else b""
        part.reshape(-1)[: len(data)] = np.frombuffer(data, np.uint8)
    return values[:n_entries]
