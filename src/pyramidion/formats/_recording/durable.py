"""Bytes that are on the disk when a call returns, on every system."""

from __future__ import annotations

import os
from collections.abc import Sequence
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


def stage_document(path: Path, data: bytes) -> Path:
    """Write what is to become `path`, on the disk, under a hidden name beside it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
    try:
        write_pieces(fd, [data], 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    return part


def replace_document(path: Path, data: bytes) -> None:
    """Replace a file, whole or not at all; the new one is on the disk when it has the name."""
    stage_document(path, data).replace(path)
    sync_folder(path.parent)


def _rest(pieces: Sequence[bytes | memoryview], n_done: int) -> list[bytes | memoryview]:
    """Return what is left of pieces after so many bytes."""
    left: list[bytes | memoryview] = []
    for piece in pieces:
        if n_done < len(piece):
            left.append(memoryview(piece)[n_done:])
        n_done = max(0, n_done - len(piece))
    return left
