"""Samples that lie uncompressed in a file, read piece by piece by many threads.

The file is read, not mapped: a mapped file that shrinks kills the process (SIGBUS), a short read is
an error that can be told; and the pages of a mapping count as the process's memory. The price is
one copy, measured from the page cache: 23 instead of 27 GB/s in pieces of 2 MiB, 19 instead of 28 in
pieces of 8 MiB; once the pieces are compressed (3.2 GB/s) that is 0 and 9 %.

The file is opened for each read and closed again (some 10 us), so that a set of a thousand files
needs as many handles as there are threads.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from pyramidion.core import Box, DataError, MissingError
from pyramidion.storage import is_remote, told_as

_GAP_BYTES = 2**16
"""Reading over a gap of this size costs about as much as a second call."""
_PIECE_BYTES = 2**22


class FlatFile:
    """A regular file, or an object, that must not change while it is in use.

    Parameters
    ----------
    path : Path
        The file, as the user named it.

    Raises
    ------
    MissingError
        If there is no such file.
    DataError
        If it is a folder or a device.
    StorageError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            found = path.stat()
        except FileNotFoundError as error:
            raise MissingError(str(path), "no such file", id="PYR-ALL-03") from error
        except OSError:
            with told_as(path, "cannot read"):
                raise
        if stat.S_ISDIR(found.st_mode):
            raise DataError(str(path), "is a directory, a file is needed", id="PYR-ALL-04")
        if not stat.S_ISREG(found.st_mode):
            raise DataError(str(path), "not a regular file", id="PYR-ALL-18")
        self._identity = _identity(found)
        self.size = found.st_size

    def read_head(self, n_bytes: int) -> bytes:
        """Read the first bytes: `n_bytes`, or all that there are."""
        return self.read_array(0, (min(n_bytes, self.size),), np.dtype("u1")).tobytes()

    def read_array(self, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Read a whole array; see `read_box`."""
        return self.read_box(offset, shape, dtype, Box.whole(shape))

    def read_box(
        self, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], box: Box
    ) -> np.ndarray:
        """Read a region of an array that lies in the file in C order.

        Parameters
        ----------
        offset : int
            Byte at which the array begins.
        shape : tuple of int
            Shape of the array in the file.
        dtype : numpy.dtype
            Its type in the file, of either byte order.
        box : Box
            Region of the array.

        Returns
        -------
        ndarray, shape ``box.shape``, little-endian

        Raises
        ------
        DataError
            If the file is no longer the one that was opened.
        """
        with told_as(self.path, "cannot read"), self._open() as file:
            values = read_region(
                lambda position, out: self._fill(file, position, out), offset, shape, dtype, box
            )
            self._check_unchanged(file)
        if dtype.newbyteorder("<") != dtype:
            values = values.byteswap(inplace=True).view(dtype.newbyteorder("<"))
        return values

    def _open(self) -> IO[bytes]:
        try:
            return self.path.open("rb", buffering=0)
        except FileNotFoundError as error:
            raise self._changed("removed") from error

    def _fill(self, file: IO[bytes], position: int, wanted: memoryview) -> None:
        file.seek(position)
        while wanted.nbytes:
            # One call reads at most 2 GiB.
            n_read = file.readinto(wanted)  # type: ignore[attr-defined]
            if not n_read:
                self._check_unchanged(file)
                raise self._changed(f"ends at {grouped(position)} B")
            wanted = wanted[n_read:]

    def _check_unchanged(self, file: IO[bytes]) -> None:
        if is_remote(self.path):  # each read has looked at the object's tag
            return
        now = os.fstat(file.fileno())
        if _identity(now) != self._identity:
            sizes = f"was {grouped(self.size)} B, now {grouped(now.st_size)} B"
            raise self._changed(sizes if now.st_size != self.size else "replaced or written to")

    def _changed(self, how: str) -> DataError:
        return DataError(str(self.path), "changed while reading", how, "run again", id="PYR-ALL-20")


def read_region(
    read_into: Callable[[int, memoryview], None],
    offset: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    box: Box,
) -> np.ndarray:
    """Read a region of an array that lies in a file in C order.

    Whole runs are read at once; short rows together with what lies between them, in pieces of
    4 MiB, because a second read costs more than some unwanted bytes.

    Parameters
    ----------
    read_into : callable
        ``read_into(position, buffer)`` fills a buffer of bytes from a position in the file.
    offset : int
        Byte at which the array begins.
    shape : tuple of int
        Shape of the array in the file.
    dtype : numpy.dtype
        Its type in the file.
    box : Box
        Region of the array.

    Returns
    -------
    ndarray, shape ``box.shape``, dtype `dtype`
    """
    out = np.empty(box.shape, dtype)
    axis = _run_axis(shape, dtype.itemsize, box)
    row = shape[axis + 1 :]
    row_bytes = math.prod(row) * dtype.itemsize
    for lead in np.ndindex(*box.shape[:axis]):
        first = 0
        at = [a + b for a, b in zip(box.start, lead, strict=False)]
        for index, n in zip((*at, box.start[axis]), shape, strict=False):
            first = first * n + index
        begin, wanted = offset + first * row_bytes, out[lead]
        if wanted.shape[1:] == row:
            read_into(begin, _bytes_of(wanted))
            continue
        n_rows = max(1, _PIECE_BYTES // row_bytes)
        for done in range(0, wanted.shape[0], n_rows):
            piece = np.empty((min(n_rows, wanted.shape[0] - done), *row), dtype)
            read_into(begin + done * row_bytes, _bytes_of(piece))
            wanted[done : done + len(piece)] = piece[(slice(None), *box.slices[axis + 1 :])]
    return out


def _run_axis(shape: tuple[int, ...], itemsize: int, box: Box) -> int:
    """Return the axis along which one read goes; the axes after it are read whole."""
    axis = len(shape) - 1
    while axis > 0:
        is_whole = box.shape[axis] == shape[axis]
        gap_bytes = math.prod(shape[axis:]) * itemsize
        if not is_whole and (gap_bytes > _GAP_BYTES or box.shape[axis - 1] == 1):
            break
        axis -= 1
    return axis


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def grouped(number: int) -> str:
    """Write a whole number in groups of three digits.

    Examples
    --------
    >>> grouped(10485760)
    '10 485 760'
    """
    return f"{number:,}".replace(",", " ")


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
