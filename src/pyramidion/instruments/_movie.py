"""Files of frames in order: multi-page TIFF, ``.npy`` and Zarr, opened for one reader.

What frames are is known before memory is asked for: declared sizes are compared with the file's.
"""

from __future__ import annotations

import errno
import io
import math
import stat
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from pyramidion.core import (
    DataError,
    MissingError,
    format_bytes,
    plain_dtype,
)
from pyramidion.storage import open_regular, storage_error

FAULTS: tuple[type[Exception], ...] = (
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What the libraries raise for files that are damaged; there is no common class."""

_LARGEST = 1 << 30
_NPY_HEADER = 1 << 16
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class Movie(Protocol):
    """Frames of one size, read in any order."""

    n_frames: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]  # little-endian

    def read(self, first: int, out: np.ndarray) -> None:
        """Fill `out`, shape (k, height, width), with the frames from `first` on."""
        ...

    def close(self) -> None:
        """Close the file; safe to call twice."""
        ...


def open_movie(path: Path, part: str = "") -> Movie:
    """Open a file by what it holds, not by its name.

    Parameters
    ----------
    path : Path
        A TIFF or ``.npy`` file or the folder of a Zarr array or group.
    part : str
        Which of several: the number of a series of a TIFF, the path of an array in a Zarr group.

    Raises
    ------
    UsageError
        If it holds several and none was chosen.
    DataError
        If it is none of these, is damaged, or holds no frames.
    """
    if _is_folder(path):
        from pyramidion.instruments._movie_zarr import open_zarr

        return open_zarr(path, part)
    try:
        file = open_regular(path)
    except OSError as error:
        raise told(error, path) from error
    try:
        magic = file.read(8)
        if magic[:6] == b"\x93NUMPY":
            return _open_npy(path, file)
        if magic[:4] in _TIFF_MAGIC:
            from pyramidion.instruments._movie_tiff import open_tiff

            return open_tiff(path, file, part)
        start = " ".join(f"{byte:02x}" for byte in magic[:4])
        raise DataError(
            str(path),
            "not a TIFF, .npy or Zarr",
            f"starts with `{start}`" if magic else "0 bytes",
            id="PYR-IMG-01",
        )
    except BaseException:
        file.close()
        raise


def frame_layout(path: Path, shape: tuple[int, ...], dtype: Any) -> np.dtype[Any]:
    """Check that an array is frames, and return their type in little-endian.

    Raises
    ------
    DataError
        If there are no rows and columns, nothing in them, or a type that no camera has.
    """
    if len(shape) < 2:
        raise DataError(
            str(path), f"shape {shape}: 2 axes needed", "y, x behind the frames", id="PYR-IMG-06"
        )
    if not math.prod(shape):
        raise DataError(str(path), "empty", "0 frames", id="PYR-IMG-01")
    plain = plain_dtype(np.dtype(dtype), str(path), id="PYR-IMG-07")
    if plain.name in ("float16", "int64", "uint64"):
        raise DataError(str(path), "unsupported type", plain, "no camera has it", id="PYR-IMG-07")
    n_bytes = math.prod(shape[-2:]) * plain.itemsize
    if n_bytes > _LARGEST:
        raise DataError(
            str(path),
            f"a frame of {format_bytes(n_bytes)} is over the limit 1 GiB",
            id="PYR-IMG-03",
        )
    return plain


def told(error: OSError, path: Path) -> Exception:
    """Return the error to raise for a file that cannot be opened or read."""
    where = str(path)
    if error.errno == errno.ELOOP:
        return DataError(where, "link loop", id="PYR-ALL-19")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if path.is_symlink():
            return DataError(where, "link to a missing file", path.readlink(), id="PYR-ALL-19")
        return MissingError(where, "no such file", id="PYR-ALL-03")
    if isinstance(error, PermissionError):
        return DataError(where, "permission denied", mend="read access is needed", id="PYR-ALL-05")
    return storage_error(error, where, "cannot read")


class FlatMovie:
    """Frames that lie one behind the other in a file.

    Parameters
    ----------
    path : Path
        Named in errors.
    file : file
        Unbuffered; closed with the movie.
    shape : tuple of int
        Of all frames, rows and columns last.
    stored : numpy.dtype
        With its byte order.
    offset : int
        Of the first pixel, in bytes.

    Raises
    ------
    DataError
        If the file is shorter, or its array is no frames.
    """

    def __init__(
        self, path: Path, file: BinaryIO, shape: tuple[int, ...], stored: Any, offset: int
    ) -> None:
        self.dtype = frame_layout(path, shape, stored)
        self.shape = (int(shape[-2]), int(shape[-1]))
        self.n_frames = math.prod(shape[:-2])
        self._path, self._file, self._offset = path, file, offset
        self._swapped = np.dtype(stored).newbyteorder("<") != np.dtype(stored)
        self._frame_bytes = math.prod(self.shape) * self.dtype.itemsize
        size, needed = self._size(), offset + self.n_frames * self._frame_bytes
        if needed > size:
            raise DataError(
                str(path),
                f"declares {format_bytes(needed)}, has {format_bytes(size)}",
                mend="copy it again",
                id="PYR-TIF-02",
            )

    def read(self, first: int, out: np.ndarray) -> None:
        """Fill `out` with the frames from `first` on."""
        buffer = out.reshape(-1).view(np.uint8).data
        try:
            self._file.seek(self._offset + first * self._frame_bytes)
            done = 0
            while done < len(buffer):
                n_read = self._file.readinto(buffer[done:])  # type: ignore[attr-defined]
                if not n_read:
                    raise DataError(
                        str(self._path),
                        "changed while reading",
                        f"now {self._size()} B",
                        "run again",
                        id="PYR-ALL-20",
                    )
                done += n_read
        except OSError as error:
            raise told(error, self._path) from error
        if self._swapped:
            out.byteswap(inplace=True)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    def _size(self) -> int:
        return self._file.seek(0, io.SEEK_END)


def _open_npy(path: Path, file: BinaryIO) -> Movie:
    file.seek(0)
    head = io.BytesIO(file.read(_NPY_HEADER))  # not more, whatever length it claims
    try:
        version = np.lib.format.read_magic(head)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        with warnings.catch_warnings(action="ignore"):  # of files written by Python 2
            shape, is_fortran, dtype = read(head)
    except FAULTS as error:
        raise DataError(str(path), "not an .npy file", error, id="PYR-IMG-01") from error
    if is_fortran and sum(n > 1 for n in shape) > 1:
        raise DataError(
            str(path),
            "stored in Fortran order",
            mend="save numpy.ascontiguousarray of it",
            id="PYR-IMG-06",
        )
    return FlatMovie(path, file, shape, dtype, head.tell())


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise told(error, path) from error
    except ValueError as error:  # a NUL in the name
        raise MissingError(str(path), "no such file", id="PYR-ALL-03") from error
