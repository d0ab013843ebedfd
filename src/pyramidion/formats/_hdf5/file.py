"""The bytes of one regular file, read at any offset from many threads.

No memory map: a file that shrinks under a map kills the process, here it is an error in one line.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

from pyramidion.core import Closing, DataError, MissingError, StorageError
from pyramidion.storage import storage_error

_PIECE = 2**30
"""Most bytes asked of the system at once; Linux gives no more than 2^31 - 4096."""


class SourceFile(Closing):
    """An open input file.

    Parameters
    ----------
    path : Path
        A regular file, or a link to one.

    Attributes
    ----------
    size : int
        Bytes when it was opened.

    Raises
    ------
    MissingError
        If there is no such file.
    DataError
        If it is not a regular file, or may not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_regular(path)
        try:
            # Should a pipe take the name meanwhile, opening it must not wait for its other end.
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            self.fd = os.open(path, flags)
        except OSError as error:
            raise _told(error, path) from error
        self._opened = os.fstat(self.fd)
        self._lock = threading.Lock()
        if not stat.S_ISREG(self._opened.st_mode):
            self.close()
            raise _not_regular(path)

    @property
    def size(self) -> int:
        """Bytes when it was opened."""
        return self._opened.st_size

    def read(self, offset: int, size: int) -> bytes:
        """Read exactly `size` bytes; for small pieces such as chunks.

        Raises
        ------
        DataError
            If the file has become shorter.
        StorageError
            If the disk fails.
        """
        data = self._read_some(offset, size)
        if len(data) == size:
            return data
        whole = bytearray(size)
        self.read_into(offset, memoryview(whole))
        return bytes(whole)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` (bytes) from `offset` on; raises as :meth:`read` does."""
        done = 0
        while done < buffer.nbytes:
            piece = buffer[done : done + _PIECE]
            if hasattr(os, "preadv"):
                try:
                    n_read = os.preadv(self.fd, [piece], offset + done)
                except OSError as error:
                    raise _told(error, self.path) from error
            else:
                data = self._read_some(offset + done, piece.nbytes)
                n_read = len(data)
                piece[:n_read] = data
            if n_read == 0:
                self.check_unchanged()
                raise StorageError(
                    str(self.path), "cannot read", f"at byte {offset + done}", id="PYR-ALL-20"
                )
            done += n_read

    def check_unchanged(self) -> None:
        """Raise if the file is not the one that was opened.

        Raises
        ------
        DataError
            If its size or its time of change differs, or another file has its name.
        """
        now = os.fstat(self.fd)
        try:
            named = self.path.stat()
        except OSError:
            named = now
        for found in (now, named):
            if _identity(found) != _identity(self._opened):
                raise DataError(
                    str(self.path),
                    "changed while reading",
                    f"was {grouped(self.size)} B, now {grouped(found.st_size)} B",
                    "run again",
                    id="PYR-ALL-20",
                )

    def close(self) -> None:
        """Close the file; safe to call twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def _read_some(self, offset: int, size: int) -> bytes:
        try:
            if hasattr(os, "pread"):
                return os.pread(self.fd, min(size, _PIECE), offset)
            with self._lock:  # Windows has no read at an offset
                os.lseek(self.fd, offset, os.SEEK_SET)
                return os.read(self.fd, min(size, _PIECE))
        except OSError as error:
            raise _told(error, self.path) from error


def _check_regular(path: Path) -> None:
    try:
        found = path.stat()
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _told(error, path) from error
    if stat.S_ISDIR(found.st_mode):
        raise DataError(str(path), "is a directory, a file is needed", id="PYR-ALL-04")
    # Files of /proc call themselves regular, with a size of 0.
    if not stat.S_ISREG(found.st_mode) or real.parts[:2] in (("/", "proc"), ("/", "sys")):
        raise _not_regular(path)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _not_regular(path: Path) -> DataError:
    return DataError(str(path), "not a regular file", id="PYR-ALL-18")


def _told(error: OSError | RuntimeError, path: Path) -> Exception:
    where = str(path)
    # Path.resolve of Python before 3.13 tells a loop with a RuntimeError.
    if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
        return DataError(where, "link loop", id="PYR-ALL-19")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if path.is_symlink():
            return DataError(where, "link to a missing file", path.readlink(), id="PYR-ALL-19")
        return MissingError(where, "no such file", id="PYR-ALL-03")
    if isinstance(error, PermissionError):
        return DataError(
            where, "permission denied", _owner(path), "read access is needed", id="PYR-ALL-05"
        )
    return storage_error(error, where, "cannot read")


def _owner(path: Path) -> str | None:
    try:
        found = path.stat()
        return f"owner {path.owner()}, mode {stat.S_IMODE(found.st_mode):03o}"
    except (OSError, KeyError, NotImplementedError):
        return None  # in a folder that may not be read, or an owner without a name


def grouped(number: int) -> str:
    """Write a number with blanks between its groups of three digits: ``10 485 760``."""
    return f"{number:,}".replace(",", " ")
