"""Ranges of bytes of a file or of an object, read by many threads at once."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Protocol

from pyramidion.core import DataError
from pyramidion.storage._positioned import read_at
from pyramidion.storage._remote.path import RemotePath

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting: a pipe that nobody writes would hang."""


class Ranges(Protocol):
    """What is open to be read in ranges."""

    where: str
    """Its name, for messages."""

    @property
    def size(self) -> int:
        """Bytes, now: a file may grow."""
        ...

    @property
    def identity(self) -> tuple[object, ...]:
        """What is different once the content is another."""
        ...

    def read(self, n_bytes: int, offset: int) -> bytes:
        """Read a range; fewer bytes only where it ends.

        Raises
        ------
        OSError, PyramidionError
            If it cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go; safe to call twice."""
        ...


def open_ranges(path: Path, tail: int = 0) -> Ranges:
    """Open a regular file, or an object, to read ranges of it.

    Parameters
    ----------
    path : Path
        Of either.
    tail : int
        Bytes at its end that will be read first; an object's are fetched with the first request.

    Raises
    ------
    DataError
        ALL-18 if it is a pipe, a socket or a device.
    OSError
        If it is not there, a folder, or not allowed.
    PyramidionError
        If the store cannot be asked.
    """
    if isinstance(path, RemotePath):
        return ObjectRanges(path, tail)
    return FileRanges(path)


class FileRanges:
    """Ranges of a file of a disk.

    Parameters
    ----------
    path : Path
        A regular file.
    """

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._fd = os.open(path, _READ)
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._fd)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.where)
            raise DataError(self.where, "not a regular file", id="PYR-ALL-18")

    @property
    def size(self) -> int:
        """Bytes, now."""
        return os.fstat(self._fd).st_size

    @property
    def identity(self) -> tuple[object, ...]:
        """File number, size and time of the last change."""
        found = os.fstat(self._fd)
        return found.st_ino, found.st_size, found.st_mtime_ns

    def read(self, n_bytes: int, offset: int) -> bytes:
        """Read a range."""
        return read_at(self._fd, n_bytes, offset)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class ObjectRanges:
    """Ranges of an object; each read is a request.

    Parameters
    ----------
    path : RemotePath
        The object.
    tail : int
        Bytes at its end to fetch at once.
    """

    def __init__(self, path: RemotePath, tail: int = 0) -> None:
        from pyramidion.storage._remote.bucket import bucket_of

        self.where = str(path)
        self._bucket, self._key = bucket_of(path), path.key
        self._tail = b""
        if tail and not path.scheme.startswith("http"):  # some web servers know no suffix ranges
            self._found, self._tail = self._bucket.get_tail(self._key, tail)
            return
        found = self._bucket.head(self._key)
        if found is None:
            raise FileNotFoundError(2, "No such object", self.where)
        self._found = found

    @property
    def size(self) -> int:
        """Bytes: an object does not grow."""
        return self._found.size

    @property
    def identity(self) -> tuple[object, ...]:
        """Size and tag of the object."""
        return self._found.size, self._found.etag

    def read(self, n_bytes: int, offset: int) -> bytes:
        """Read a range.

        Raises
        ------
        DataError
            ALL-20 if the object was replaced meanwhile.
        """
        n_bytes = min(n_bytes, self.size - offset)
        if n_bytes <= 0:
            return b""
        in_tail = offset - (self.size - len(self._tail))
        if in_tail >= 0:
            return self._tail[in_tail : in_tail + n_bytes]
        try:
            found, data = self._bucket.get_range(self._key, offset, n_bytes)
        except FileNotFoundError as error:
            raise self._changed("removed") from error
        if (found.size, found.etag) != self.identity:
            raise self._changed("replaced")
        return data

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _changed(self, how: str) -> DataError:
        return DataError(self.where, "changed while reading", how, "run again", id="PYR-ALL-20")


class RangeIO(io.RawIOBase):
    """Ranges as a binary file, for libraries that read files.

    Parameters
    ----------
    ranges : Ranges
        Closed with it.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ranges.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer."""
        data = self._ranges.read(len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close the ranges too."""
        self._ranges.close()
        super().close()
