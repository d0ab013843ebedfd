"""Raw shards encoded in the background, one after the other, by a thread that gives way to others.

An encoded shard is written beside the raw one and takes its name when it is complete and on the
disk, so that a kill leaves one of them. Where it cannot be written, the raw one stays: it is valid.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pyramidion.core import StorageError
from pyramidion.formats._recording.deep_level import HEADER_BYTES, raw_header, raw_places
from pyramidion.formats._recording.durable import open_for_writing, sync_data, write_pieces
from pyramidion.formats._recording.shard_file import (
    ENTRY_BYTES,
    UNREADABLE,
    append_index,
    nothing,
    read_start_index,
)
from pyramidion.shards import ArrayLayout
from pyramidion.storage import open_regular, read_at, write_at

_NICE = 10
_GAP_BYTES = 16
"""No encoded chunk begins where a raw one of another number was: a reader that has looked at the
index just before the shard took its new name would take it for that."""


class Encoder:
    """A thread that encodes complete shards.

    Parameters
    ----------
    count : callable
        ``count(n_bytes)`` is told by how many bytes the store has grown; negative as a rule.
    """

    def __init__(self, count: Callable[[int], None]) -> None:
        self._count = count
        self._waiting: queue.SimpleQueue[tuple[Path, ArrayLayout] | None] = queue.SimpleQueue()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="encode shards", daemon=True)
        self._thread.start()

    def submit(self, path: Path, layout: ArrayLayout) -> None:
        """Have a shard encoded, later."""
        self._waiting.put((path, layout))

    def drain(self) -> None:
        """Wait until all is encoded, and end."""
        self._waiting.put(None)
        self._thread.join()

    def stop(self) -> None:
        """End after the chunk that is under way; what is not encoded stays raw."""
        self._is_stopped.set()
        self.drain()

    def _run(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # a thread of its own only on Linux
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (item := self._waiting.get()) is not None:
            if not self._is_stopped.is_set():
                with contextlib.suppress(OSError, StorageError):  # the raw shard stays
                    self._count(encode_shard(*item, self._is_stopped.is_set))


def is_raw(entries: np.ndarray, layout: ArrayLayout) -> bool:
    """Tell whether the index of a shard is that of a raw one that could be encoded."""
    if layout.codec.name == "none":
        return False
    places, length = raw_places(layout)
    there = entries[:, 1] > UNREADABLE[1]
    raw = (entries[:, 0] == places) & (entries[:, 1] == length)
    return bool(there.any() and raw[there].all())


def encode_shard(
    path: Path,
    layout: ArrayLayout,
    is_stopped: Callable[[], bool] = lambda: False,
    n_frames: int | None = None,
) -> int:
    """Encode a raw shard; does nothing to one that is not raw.

    Parameters
    ----------
    path : Path
        The shard. It must not be written meanwhile.
    layout : ArrayLayout
        Geometry and codec of its level.
    is_stopped : callable
        Asked before each chunk; the raw shard then stays.
    n_frames : int, optional
        Frames of it that are there; what its last chunks have room for is not even read. All of it
        otherwise.

    Returns
    -------
    int
        By how many bytes it has grown.

    Raises
    ------
    OSError
        If it cannot be read, or the new one cannot be written. The raw one is as before.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    source = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        entries = read_start_index(source, layout.n_chunks_per_shard)
        if not is_raw(entries, layout):
            return 0
        before = os.fstat(source).st_size
        target = open_for_writing(part)
        try:
            n = layout.shard[0] if n_frames is None else n_frames
            if not _encode_into(target, source, entries, layout, is_stopped, n):
                return 0
            sync_data(target)
            grown = os.fstat(target).st_size - before
        finally:
            os.close(target)
        part.replace(path)
        return grown
    finally:
        os.close(source)
        part.unlink(missing_ok=True)


def _encode_into(
    target: int,
    source: int,
    entries: np.ndarray,
    layout: ArrayLayout,
    is_stopped: Callable[[], bool],
    n_frames: int,
) -> bool:
    encoded = nothing(len(entries))
    encoded[entries[:, 1] == UNREADABLE[1]] = UNREADABLE
    depth, per_row = layout.chunk[0], layout.chunks_per_shard[1] * layout.chunks_per_shard[2]
    pixels, n_filled = np.zeros((depth, *layout.chunk[1:]), layout.dtype), 0
    first = end = ENTRY_BYTES * len(entries)
    places, raw_length = raw_places(layout)
    for number in np.flatnonzero(entries[:, 1] > UNREADABLE[1]).tolist():
        if is_stopped():
            return False
        n_there = min(depth, n_frames - number // per_row * depth)
        if n_there <= 0:  # frames behind a gap, which do not stay
            continue
        n_bytes = pixels.nbytes // depth * n_there
        data = read_at(source, n_bytes, int(entries[number, 0]) + HEADER_BYTES)
        if len(data) < n_bytes:
            return False
        pixels[:n_there] = np.frombuffer(data, layout.dtype).reshape(n_there, *layout.chunk[1:])
        pixels[n_there:n_filled] = 0
        n_filled = n_there
        chunk = layout.codec.encode(pixels.reshape(-1))
        if (end - first) % raw_length == 0 and end != int(places[number]):
            end += _GAP_BYTES
        write_at(target, chunk, end)
        encoded[number] = end, len(chunk)
        end += len(chunk)
    write_at(target, encoded.tobytes(), 0)
    append_index(target, encoded, len(encoded))
    return True


def thaw_shard(path: Path, layout: ArrayLayout) -> None:
    """Make an encoded shard raw again, so that frames can be written into it; others stay.

    Raises
    ------
    OSError
        If it cannot be read, or the new one cannot be written. The encoded one is as before.
    DamagedError
        If a chunk does not decode.
    """
    header = raw_header(layout)
    if layout.chunk[0] == 1 or not header:
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open_regular(path) as source:
        entries = read_start_index(source.fileno(), layout.n_chunks_per_shard)
        there = np.flatnonzero(entries[:, 1] > UNREADABLE[1]).tolist()
        if is_raw(entries, layout) or not there:
            return
        target = open_for_writing(part)
        try:
            places, length = raw_places(layout)
            for number in there:
                data = read_at(source.fileno(), int(entries[number, 1]), int(entries[number, 0]))
                where = f"{path} chunk {number}"
                chunk = layout.codec.decode(data, layout.dtype, math.prod(layout.chunk), where)
                place = int(places[number])
                write_pieces(target, [header, chunk.data.cast("B")], place)
                entries[number] = place, length
            entries[entries[:, 1] == UNREADABLE[1]] = UNREADABLE
            write_at(target, entries.tobytes(), 0)
            sync_data(target)
        finally:
            os.close(target)
    part.replace(path)
