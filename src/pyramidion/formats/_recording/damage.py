"""Which chunks of a recording are damaged, and which frames that concerns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import Box, DamagedError, MissingError, PyramidionError
from pyramidion.formats._recording.stored import StoredLevel
from pyramidion.shards import decode_index, index_bytes
from pyramidion.storage import open_regular, read_at

Mapped = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[tuple[Any, Any]]]
"""Runs work on several threads and yields tasks with their results, in order."""

_BYTES_PER_TASK = 2**25
_MOST_CHUNKS_PER_TASK = 256


@dataclass(frozen=True)
class Run:
    """Some chunks of one shard.

    Parameters
    ----------
    level : StoredLevel
        Whose.
    shard : tuple of int
        Which shard.
    chunks : tuple of (int, Box)
        Place in its index, and region of the array.
    """

    level: StoredLevel
    shard: tuple[int, ...]
    chunks: tuple[tuple[int, Box], ...]

    @property
    def n_bytes(self) -> int:
        """Decoded bytes of the chunks, cut to the array."""
        return sum(box.size for _, box in self.chunks) * self.level.layout.dtype.itemsize


@dataclass(frozen=True)
class Fault:
    """A chunk that cannot be read.

    Parameters
    ----------
    frames : (int, int)
        First and last frame of the chunk, the last not included.
    line : str
        What to tell.
    """

    frames: tuple[int, int]
    line: str


def runs(level: StoredLevel) -> Iterator[Run]:
    """Cut the chunks inside a level's shape into tasks, in the order of the frames."""
    layout = level.layout
    size = max(1, min(_MOST_CHUNKS_PER_TASK, _BYTES_PER_TASK // layout.chunk_bytes))
    for shard in layout.shards():
        chunks = tuple(layout.chunks(shard))
        for at in range(0, len(chunks), size):
            yield Run(level, shard, chunks[at : at + size])


def check_run(run: Run) -> list[Fault]:
    """Read every chunk of a run; return those that cannot be read."""
    faults = []
    for number, box in run.chunks:
        try:
            run.level.array.read_chunk(run.shard, number)
        except (DamagedError, MissingError) as error:
            line = _line(run, number, error)
            faults.append(Fault((box.start[0], box.stop[0]), line))
    return faults


def whole_frames(level: StoredLevel, mapped: Mapped) -> np.ndarray:
    """Tell which frames of a level can be read, every chunk of them.

    Returns
    -------
    ndarray of bool, shape (frames of the level's layout,)
    """
    whole = np.ones(level.layout.shape[0], bool)
    for _, faults in mapped(check_run, runs(level)):
        for fault in faults:
            whole[slice(*fault.frames)] = False
    return whole


def check_indexes(level: StoredLevel) -> Iterator[str]:
    """Compare the two indexes of every full shard of a finished level.

    Yields
    ------
    str
        A shard whose index at the start, from which a recording is continued, is not the one at
        its end.
    """
    layout = level.layout
    n_chunks = layout.n_chunks_per_shard
    for shard in layout.shards():
        key = f"{level.key}/{layout.key(shard)}"
        try:
            first, last = _both_indexes(level, shard)
        except PyramidionError:
            continue  # told chunk by chunk
        except OSError:
            continue
        numbers = [number for number, _ in layout.chunks(shard)]
        differing = int((first[numbers] != last[numbers]).any(axis=1).sum())
        if differing:
            yield f"{key} index damaged ({differing} of {n_chunks} entries at its start)"


def _both_indexes(level: StoredLevel, shard: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    layout = level.layout
    path = level.array.folder.path(layout.key(shard))
    n_chunks = layout.n_chunks_per_shard
    n_start, n_end = index_bytes(n_chunks, checked=False), index_bytes(n_chunks)
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size < n_start + n_end:
            raise DamagedError(str(path), "index damaged", "shorter than its index")
        first = np.frombuffer(read_at(file.fileno(), n_start, 0), "<u8").reshape(-1, 2)
        data = read_at(file.fileno(), n_end, size - n_end)
    return first, decode_index(data, n_chunks, size, str(path))


def _line(run: Run, number: int, error: PyramidionError) -> str:
    level = run.level
    shard = f"{level.key}/{level.layout.key(run.shard)}"
    is_chunk = error.where.endswith(f" chunk {number}")
    place = f"{shard} chunk {number}" if is_chunk else shard
    if error.id == "PYR-VER-02":
        return f"{place} missing" + (f" ({error.value})" if error.value is not None else "")
    if error.what in ("damaged", "index damaged"):
        return f"{place} {error.what} ({error.value})"
    why = error.what if error.value is None else f"{error.what}: {error.value}"
    return f"{place} damaged ({why})"
