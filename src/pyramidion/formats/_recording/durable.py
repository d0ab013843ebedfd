"""Bytes that are on the disk when a call returns, on every system."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyramidion.storage import write_at

_MOST_PIECES = 1024  # IOV_MAX of Linux
_BINARY = getattr(os, "O_BINARY", 0)


def open_for_writing(path: Path) -> int:
    """Open a file that may be there already; its folder is made when missing.

    Returns
    -------
    int
        A file descriptor.
    """
    flags = os.O_RDWR | os.O_CREAT | _BINARY | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def write_pieces(fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
    """Write pieces one behind the other with as few calls as possible; nothing is copied.

    Parameters
    ----------
    fd : int
        Where to.
    pieces : sequence of bytes
        One-dimensional, of single bytes.
    offset : int
        Of the first.

    Returns
    -------
    int
        Bytes written: all of them.

    Raises
    ------
    OSError
        If the disk is full or fails.
    """
    if not hasattr(os, "pwritev"):  # Windows
        data = b"".join(pieces)
        write_at(fd, data, offset)
        return len(data)
    total = 0
    for first in range(0, len(pieces), _MOST_PIECES):
        some = pieces[first : first + _MOST_PIECES]
        n_bytes = sum(map(len, some))
        written = os.pwritev(fd, some, offset + total)
        while written < n_bytes:
            written += os.pwritev(fd, _rest(some, written), offset + total + written)
        total += n_bytes
    return total


def sync_data(fd: int) -> None:
    """Have a file's bytes and size reach the disk."""
    getattr(os, "fdatasync", os.fsync)(fd)


def sync_folder(path: Path) -> None:
    """Have the names in a folder reach the disk, where a system knows that."""
    if os.name != "posix":
        return
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def start_writing(fd: int, first: int, n_bytes: int) -> None:
    """Have bytes begin to go to the disk, where a system can be told; wait for nothing.

    Notes
    -----
    Source: sync_file_range(2). Only SYNC_FILE_RANGE_WRITE: with the flags that wait, it would also
    take the error that a later sync must see.
    """
    if _sync_file_range is not None:
        _sync_file_range(fd, first, n_bytes, _WRITE)


def forget(fd: int, first: int, n_bytes: int) -> None:
    """Give memory back that holds bytes which are on the disk; others stay."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(fd, first, n_bytes, os.POSIX_FADV_DONTNEED)


def replace_documents(documents: Mapping[Path, bytes]) -> None:
    """Replace files one after the other, each whole or not at all.

    All are on the disk under hidden names before the first takes its own. They are all written before
    the first is synced: the file system then commits them together.
    """
    parts = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in documents}
    opened = []
    try:
        for path, part in parts.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY
            opened.append(os.open(part, flags, 0o666))
            write_pieces(opened[-1], [documents[path]], 0)
            start_writing(opened[-1], 0, len(documents[path]))
        for fd in opened:
            os.fsync(fd)
    finally:
        for fd in opened:
            os.close(fd)
    for path, part in parts.items():
        part.replace(path)


def replace_document(path: Path, data: bytes) -> None:
    """Replace a file, whole or not at all; the new one is on the disk when it has the name."""
    replace_documents({path: data})
    sync_folder(path.parent)


def _find_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Return what Python does not name; None where the system has none."""
    if os.name != "posix":
        return None
    found = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return found


_WRITE = 2  # SYNC_FILE_RANGE_WRITE
_sync_file_range = _find_sync_file_range()

HAS_HINTS = _sync_file_range is not None
"""Whether the system can be told to begin writing."""


def _rest(pieces: Sequence[bytes | memoryview], n_done: int) -> list[bytes | memoryview]:
    """Return what is left of pieces after so many bytes."""
    left: list[bytes | memoryview] = []
    for piece in pieces:
        if n_done < len(piece):
            left.append(memoryview(piece)[n_done:])
        n_done = max(0, n_done - len(piece))
    return left
