"""One shard under way: a file that begins with its index, which grows entry by entry.

An index with a checksum would have to be written anew for every frame, and a reader, or a kill,
may meet it half-written. Without one, the entries of a frame are written once, before any document
says that the frame is there.

Until then an entry points to the first byte of the file, which every reader refuses loudly. An entry
of zeros, or of ones, would be read as a chunk full of zeros; one that points to a byte with a chunk
behind it is read as that chunk by decoders that look for its length there (blosc does).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyramidion.formats._recording.durable import (
    forget,
    open_for_writing,
    start_writing,
    sync_data,
    write_pieces,
)
from pyramidion.shards import encode_index
from pyramidion.storage import read_at, write_at

ABSENT = 2**64 - 1
NOTHING = 0, 1
"""Offset and length of a chunk to come: a byte of the index, where no container begins."""
UNREADABLE = 0, 2
"""Of a chunk that is lost: too short for any chunk."""
ENTRY_BYTES = 16
CHECKSUM_BYTES = 4


def nothing(n_entries: int) -> np.ndarray:
    """Return an index of so many entries that all point to nothing."""
    entries = np.empty((n_entries, 2), "<u8")
    entries[:] = NOTHING
    return entries


class ShardFile:
    """A shard under way.

    Parameters
    ----------
    path : Path
        Made when it is not there.
    n_entries : int
        Chunks of the shard.
    n_kept : int
        Entries, from the first, that are there and stay; what comes after is forgotten.

    Attributes
    ----------
    path : Path
        As given.
    fd : int
        Descriptor, to write chunks; -1 once closed.
    entries : ndarray, shape (n_entries, 2), uint64
        Offset and length of each chunk.
    end : int
        Where the next bytes go that have no fixed place.
    is_settled : bool
        Its name and its index of nothing are on the disk. Without them, a power cut could leave
        zeros where an index is taken to be.
    """

    def __init__(self, path: Path, n_entries: int, n_kept: int = 0) -> None:
        self.path = path
        self._turn, self._using = threading.Lock(), threading.Lock()
        self.fd = open_for_writing(path)
        self.entries = nothing(n_entries)
        self.is_settled = False
        try:
            if n_kept:
                kept = read_at(self.fd, ENTRY_BYTES * n_kept, 0)
                self.entries[:n_kept] = np.frombuffer(kept, "<u8").reshape(n_kept, 2)
            write_at(self.fd, self.entries[n_kept:].tobytes(), ENTRY_BYTES * n_kept)
            self.end = os.fstat(self.fd).st_size
        except BaseException:
            self.close()
            raise

    def write(self, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        """Write pieces one behind the other; return their bytes.

        One thread at a time: the system would have the others spin, on cores that could encode.
        """
        with self._turn:
            return write_pieces(self.fd, pieces, offset)

    def start_writing(self, first: int, n_bytes: int) -> None:
        """Have bytes begin to go to the disk; does nothing once closed."""
        with self._using:
            if self.fd >= 0:
                start_writing(self.fd, first, n_bytes)

    def forget(self, first: int, n_bytes: int) -> None:
        """Give memory back that holds what is on the disk."""
        with self._using:
            if self.fd >= 0:
                forget(self.fd, first, n_bytes)
                return
        with contextlib.suppress(OSError):  # it may be gone
            fd = os.open(self.path, os.O_RDONLY)
            try:
                forget(fd, first, n_bytes)
            finally:
                os.close(fd)

    def enter(self, first: int, values: np.ndarray) -> None:
        """Write entries of chunks whose bytes are there, from entry `first` on."""
        self.entries[first : first + len(values)] = values
        write_at(self.fd, values.tobytes(), ENTRY_BYTES * first)

    def append_index(self, n_entries: int) -> int:
        """Append the index that readers of a finished recording use, if it is not there.

        Parameters
        ----------
        n_entries : int
            Entries, from the first, that count; the rest is absent.

        Returns
        -------
        int
            Bytes appended.
        """
        return append_index(self.fd, self.entries, n_entries)

    def sync(self) -> None:
        """Have everything reach the disk."""
        sync_data(self.fd)

    def close(self) -> None:
        """Let go; safe to call twice."""
        with self._using:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1


def append_index(fd: int, entries: np.ndarray, n_entries: int) -> int:
    """Append an index with a checksum to a shard, unless it ends with just that.

    Parameters
    ----------
    fd : int
        The shard.
    entries : ndarray, shape (n, 2), uint64
        As at its start.
    n_entries : int
        Entries, from the first, that count.

    Returns
    -------
    int
        Bytes appended.
    """
    counted = entries.copy()
    counted[n_entries:] = ABSENT
    counted[counted[:, 1] == NOTHING[1]] = ABSENT
    data = encode_index(counted)
    size = os.fstat(fd).st_size
    if size >= len(entries) * ENTRY_BYTES + len(data) and read_at(fd, len(data), size - len(data)) == data:  # fmt: skip
        return 0
    write_at(fd, data, size)
    return len(data)


def read_start_index(fd: int, n_entries: int) -> np.ndarray:
    """Return the index at the start of a shard; entries that the file lacks point to nothing.

    Returns
    -------
    ndarray, shape (n_entries, 2), uint64
    """
    entries = nothing(n_entries)
    data = read_at(fd, ENTRY_BYTES * n_entries, 0)
    n_there = len(data) // ENTRY_BYTES
    entries[:n_there] = np.frombuffer(data[: n_there * ENTRY_BYTES], "<u8").reshape(-1, 2)
    return entries
