"""Frames of a multi-page TIFF, in the order of its pages."""

from __future__ import annotations

import io
import logging
import math
import struct
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from pyramidion.core import DamagedError, DataError, UsageError, format_bytes
from pyramidion.instruments._movie import FAULTS, FlatMovie, Movie, frame_layout, told

_SAFE_BYTES, _LARGEST_RATIO = 64 << 20, 2000
_BIG = 43


def open_tiff(path: Path, file: BinaryIO, part: str) -> Movie:
    """Open a TIFF; frames that lie together uncompressed are read as they are.

    Raises
    ------
    UsageError
        If it holds several series and none was chosen.
    DataError
        If it is cut or damaged, or its pages are no frames.
    """
    n_pages = _count_pages(path, file)
    try:
        file.seek(0)
        # OME-XML would name other files; pages are played as they lie in this one.
        tif = _tifffile().TiffFile(file, name=path.name, is_ome=False)
        if len(tif.pages) != n_pages:
            raise _cut(path, f"{len(tif.pages)} of {n_pages} pages are whole")
        series = _series(path, tif, part)
        if series.dataoffset is not None:
            dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
            return FlatMovie(path, file, series.shape, dtype, series.dataoffset)
        return _PagedMovie(path, file, tif, series)
    except (DataError, UsageError):
        raise
    except FAULTS as error:
        raise _cut(path, error) from error
    except OSError as error:
        raise told(error, path) from error


class _PagedMovie:
    """Pages of a TIFF that are decoded one by one."""

    def __init__(self, path: Path, file: BinaryIO, tif: Any, series: Any) -> None:
        self.dtype = frame_layout(path, series.shape, series.dtype)
        self.shape = (int(series.shape[-2]), int(series.shape[-1]))
        self.n_frames = math.prod(series.shape[:-2])
        self._path, self._file, self._tif, self._pages = path, file, tif, series.pages
        if len(self._pages) != self.n_frames:
            raise DataError(
                str(path), f"{self.n_frames} frames in {len(self._pages)} pages", id="PYR-TIF-05"
            )
        self._n_file = file.seek(0, io.SEEK_END)
        self._check_room(0)

    def read(self, first: int, out: np.ndarray) -> None:
        """Fill `out` with the frames from `first` on."""
        for place, frame in enumerate(out, first):
            self._check_room(place)
            try:
                page = self._pages[place].asarray()
            except FAULTS as error:
                raise DamagedError(
                    str(self._path), f"page {place} does not decode", error, id="PYR-IMG-02"
                ) from error
            except OSError as error:
                raise told(error, self._path) from error
            if page.shape != frame.shape:
                raise DataError(
                    str(self._path),
                    f"frame {place} is {_text(page.shape)}, expected {_text(frame.shape)}",
                    id="PYR-ACQ-08",
                )
            frame[:] = page

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._tif.close()
        self._file.close()

    def _check_room(self, place: int) -> None:
        """Refuse a page that says it holds far more than it can, before it is decoded."""
        page = self._pages[place]
        ends = [a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if max(ends, default=0) > self._n_file:
            raise _cut(self._path, f"page {place} lies behind the end")
        stored, declared = sum(page.databytecounts), math.prod(self.shape) * self.dtype.itemsize
        room = stored if self._tif.pages.first.compression == 1 else _LARGEST_RATIO * stored
        if declared > room and (declared > _SAFE_BYTES or room == stored):
            raise DataError(
                str(self._path),
                f"declares {format_bytes(declared)}, has {format_bytes(stored)}",
                f"page {place}",
                id="PYR-TIF-02",
            )


def _count_pages(path: Path, file: BinaryIO) -> int:
    """Follow the list of pages to its end.

    Raises
    ------
    DataError
        If it leaves the file or comes back to itself: the library would stop there and say nothing.

    Notes
    -----
    TIFF 6.0, section 2; BigTIFF as implemented by libtiff 4.
    """
    n_file = file.seek(0, io.SEEK_END)
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    is_big = _number(file, 2, order + "H") == _BIG
    count, entry, link = ("Q", 20, "Q") if is_big else ("H", 12, "I")
    file.seek(8 if is_big else 4)
    seen: set[int] = set()
    try:
        while offset := _number(file, file.tell(), order + link):
            if offset in seen:
                raise DataError(str(path), f"page list loops at page {len(seen)}", id="PYR-TIF-01")
            seen.add(offset)
            size = struct.calcsize(order + count)
            after = offset + size + entry * _number(file, offset, order + count)
            if after >= n_file:
                raise _cut(path, f"page {len(seen) - 1} lies behind the end")
            file.seek(after)
    except struct.error as error:
        raise _cut(path, f"page list ends after {len(seen)} pages") from error
    return len(seen)


def _number(file: BinaryIO, offset: int, form: str) -> int:
    file.seek(offset)
    (number,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return int(number)


def _cut(path: Path, value: object) -> DataError:
    return DataError(str(path), "truncated or damaged", value, "copy it again", id="PYR-IMG-02")


def _series(path: Path, tif: Any, part: str) -> Any:
    found = tif.series
    if not found:
        raise DataError(str(path), "empty", "0 pages", id="PYR-IMG-01")
    if len(found) > 1 and not part:
        raise UsageError(
            str(path), f"{len(found)} series", mend="choose with ?part=0", id="PYR-TIF-05"
        )
    if part and not (part.isascii() and part.isdigit() and int(part[:9]) < len(found)):
        raise UsageError("part", f"0 to {len(found) - 1}", part, id="PYR-TIF-05")
    series = found[int(part or 0)]
    if series.keyframe.samplesperpixel > 1:
        raise DataError(
            str(path),
            f"{series.keyframe.samplesperpixel} colours in a pixel",
            mend="frames of one colour are played",
            id="PYR-IMG-07",
        )
    return series


def _tifffile() -> ModuleType:
    """Import tifffile; what it would print about odd files is not printed."""
    import tifffile

    log = logging.getLogger("tifffile")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return tifffile


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
