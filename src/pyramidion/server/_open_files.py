"""A few open files, so that a piece of a hot shard costs one ``stat`` and one read.

An entry is trusted only after a fresh ``stat`` of its path shows the same file, so a replaced or
grown file is seen at once. The cache belongs to the thread of the event loop; opening, checking
and reading a file work on any thread.
"""

from __future__ import annotations

import errno
import functools
import os
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

import numpy as np

from pyramidion.server._errors import Pairs
from pyramidion.storage import read_at

_MAX_FILES = 128
_MAX_IDLE_S = 20.0
_MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs"})
# Windows refuses to rename or remove an open file: nothing is kept open there.
_KEEPS = os.name != "nt"

Buffer = bytes | memoryview


@dataclass(eq=False)
class OpenFile:
    """A regular file, open for reading.

    Parameters
    ----------
    fd : int
        Closed when the cache has dropped the file and nobody uses it any more.
    path : str
        The file as it was asked for, for :meth:`is_current`.
    status : os.stat_result
        Of the open file.
    headers : tuple of (bytes, bytes)
        What every whole or partial answer says of the file, apart from the lengths.

    Attributes
    ----------
    nowait : int or None
        Flags with which a read returns at once or not at all; None where the system has none
        (network file systems, macOS): such files are read in threads.
    """

    fd: int
    path: str
    status: os.stat_result
    headers: Pairs = ()
    size: int = field(init=False)
    etag: bytes = field(init=False)
    modified: bytes = field(init=False)
    nowait: int | None = field(init=False)
    users: int = 0
    dropped: bool = False
    used_at: float = 0.0

    def __post_init__(self) -> None:
        status = self.status
        self.size = status.st_size
        self.etag = b'"%x-%x-%x"' % (status.st_mtime_ns, status.st_size, status.st_ino)
        self.modified = formatdate(status.st_mtime_ns // 10**9, usegmt=True).encode()
        self.nowait = _nowait_flags(self.fd, status.st_dev)
        self._identity = _identity(status)

    def is_current(self) -> bool:
        """Tell whether the path still leads to this very file, unchanged."""
        try:
            return _identity(os.stat(self.path)) == self._identity  # noqa: PTH116 - hot
        except OSError:
            return False

    def read_at_once(self, start: int, n_bytes: int) -> Buffer | None:
        """Read a range that is in memory already; None if it is not.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        if self.nowait is None:
            return None
        buffer = np.empty(n_bytes, np.uint8).data  # a bytearray would be zeroed first
        try:
            got = os.preadv(self.fd, [buffer], start, self.nowait)
        except BlockingIOError:
            return None
        return buffer if got == n_bytes else None

    def read(self, start: int, n_bytes: int) -> Buffer:
        """Read a range, waiting for it.

        Raises
        ------
        OSError
            If the file cannot be read, or ends before the range does.
        """
        data = read_at(self.fd, n_bytes, start)
        if len(data) < n_bytes:
            raise OSError(errno.EIO, "became shorter while it was read", self.path)
        return data


class OpenFiles:
    """The open files, least recently used first."""

    def __init__(self) -> None:
        self._files: OrderedDict[bytes, OpenFile] = OrderedDict()

    def get(self, key: bytes) -> OpenFile | None:
        """Return the file kept under a key, not checked for being current."""
        file = self._files.get(key)
        if file is not None:
            self._files.move_to_end(key)
            file.used_at = time.monotonic()
        return file

    def put(self, key: bytes, file: OpenFile) -> None:
        """Keep a file, in place of another one under this key."""
        self.drop(key)
        self._files[key] = file
        file.used_at = time.monotonic()
        if len(self._files) > _MAX_FILES or not _KEEPS:
            self.drop(next(iter(self._files)))

    def drop(self, key: bytes) -> None:
        """Forget a file; it is closed as soon as nobody uses it."""
        file = self._files.pop(key, None)
        if file is not None:
            file.dropped = True
            self.release(file, by=0)

    def release(self, file: OpenFile, *, by: int = 1) -> None:
        """Stop using a file (its `users` was counted up before)."""
        file.users -= by
        if file.dropped and file.users == 0:
            os.close(file.fd)

    def sweep(self) -> bool:
        """Drop what was not used lately, so that removed files give back their space.

        Returns
        -------
        bool
            True if files are still kept.
        """
        oldest = time.monotonic() - _MAX_IDLE_S
        for key in [key for key, file in self._files.items() if file.used_at < oldest]:
            self.drop(key)
        return bool(self._files)

    def clear(self) -> None:
        """Drop all."""
        for key in list(self._files):
            self.drop(key)


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_dev


def _nowait_flags(fd: int, device: int) -> int | None:
    """Find out how a file is read without ever waiting for a disk."""
    flag = getattr(os, "RWF_NOWAIT", None)
    if flag is None:
        return None
    try:
        os.preadv(fd, [bytearray(1)], 0, flag)
    except BlockingIOError:
        pass
    except OSError:  # not supported: in-memory file systems do not wait in the first place
        return 0 if _file_system(device) in _MEMORY_FILE_SYSTEMS else None
    return int(flag)


@functools.lru_cache(maxsize=64)
def _file_system(device: int) -> str:
    """Return the type of the mounted file system with this device number (Linux)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    # "36 35 98:0 /root /mount options ... - type source options" (proc(5))
    kinds = (
        line.partition(" - ")[2].split(" ")[0] for line in lines if line.split(" ")[2] == number
    )
    return next(kinds, "")
