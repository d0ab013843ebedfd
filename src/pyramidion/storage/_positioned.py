"""Files opened without waiting, and read and written at an offset, on every system.

A pipe in the place of a file would make the reader wait for a writer, for ever and deaf to signals;
a device would give what nobody asked for. Windows has no ``pread`` and no ``pwrite``.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Literal

from pyramidion.core import DataError

_moving = Lock()
"""Held while the position of a descriptor is moved, which threads share."""


def open_regular(path: Path, mode: Literal["rb", "r+b"] = "rb") -> BinaryIO:
    """Open a regular file, unbuffered, without ever waiting.

    Parameters
    ----------
    path : Path
        The file.
    mode : str
        To read, or to write into what is there.

    Raises
    ------
    DataError
        ALL-18 if it is a pipe, a socket or a device.
    OSError
        If it is a folder, not there or not allowed.
    """
    file = open(path, mode, buffering=0, opener=_open_at_once)  # noqa: SIM115 - the caller's
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DataError(str(path), "not a regular file", id="PYR-ALL-18")
    except BaseException:
        file.close()
        raise
    return file


def read_at(fd: int, n_bytes: int, offset: int) -> bytes:
    """Read a range; threads may share the descriptor.

    Returns
    -------
    bytes
        Fewer than `n_bytes` only where the file ends.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    data = _read_some(fd, n_bytes, offset)
    if len(data) == n_bytes:
        return data
    pieces = [data]
    # One call reads at most 2 GiB, and less from some network shares.
    while pieces[-1] and (left := n_bytes - sum(map(len, pieces))):
        pieces.append(_read_some(fd, left, offset + n_bytes - left))
    return b"".join(pieces)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write a range; threads may share the descriptor.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    while data:
        n_written = _write_some(fd, data, offset)
        data, offset = data[n_written:], offset + n_written


def _read_some(fd: int, n_bytes: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, n_bytes, offset)
    with _moving:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, n_bytes)


def _write_some(fd: int, data: bytes, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, data, offset)
    with _moving:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
