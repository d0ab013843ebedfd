"""Reading regions of the pages of a TIFF: only the tiles and strips that are needed.

tifffile knows the structure and decodes; the bytes are read here, by many threads at once, so that
every read is checked against the file that was opened.
"""

from __future__ import annotations

import itertools
import math
import threading
from typing import Any

import numpy as np

from pyramidion.core import Box, DamagedError, DataError
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._images.picture import BOMB_BYTES
from pyramidion.formats._images.tiff_chain import check_declared
from pyramidion.formats._images.tiff_library import FAULTS, check_readable

MOST_SEGMENT_BYTES = 2**30
_RATIO = 2000
_JPEG = (7, 34892, 33007)


class SeriesReader:
    """Pages of one shape and type, as one array.

    Parameters
    ----------
    file : FlatFile
        The file, for its bytes.
    series : tifffile.TiffPageSeries
        Its structure.
    lock : threading.Lock
        Held while tifffile reads the directory of a page.
    strict : bool
        Refuse a series of which pages are missing; otherwise they are counted, and zero.

    Attributes
    ----------
    shape, axes, dtype
        As tifffile tells them, without axes of size 1 but y and x; the type little-endian.

    Raises
    ------
    DataError
        If it declares more than the file holds, or cannot be decoded.
    """

    def __init__(self, file: FlatFile, series: Any, lock: threading.Lock, *, strict: bool) -> None:
        self._file, self._series, self._lock = file, series, lock
        self._page = series.keyframe
        check_readable(file, self._page)
        self.axes, self.shape = _axes_of(series)
        self.dtype = np.dtype(np.uint8) if self._page.dtype.kind == "b" else self._page.dtype
        self.dtype = self.dtype.newbyteorder("<")
        self.n_absent = 0
        self._page_shape = tuple(int(n) for n in self._page.shape)
        self._page_axes = str(self._page.axes)
        chunks = tuple(int(n) for n in self._page.chunks)
        # Planes of samples that are stored apart: each has its own segments.
        self._chunks = (1,) * (len(self._page_shape) - len(chunks)) + chunks
        self._check_declared(strict=strict)
        self._flat_at = self._flat_offset()

    @property
    def chunk(self) -> tuple[int, int]:
        """Rows and columns that are decoded together."""
        page = self._page
        if page.is_tiled:
            return int(page.tilelength), int(page.tilewidth)
        return min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth)

    def read(self, box: Box) -> np.ndarray:
        """Read a region of the array, its axes those of :attr:`axes`."""
        if self._flat_at is not None:
            order = self._series.keyframe.parent.byteorder
            stored = self.dtype.newbyteorder(order)
            return self._file.read_box(self._flat_at, self.shape, stored, box)
        n_outer = len(self.shape) - len(self._page_shape)
        values = np.empty(box.shape, self.dtype)
        inner = Box(box.start[n_outer:], box.stop[n_outer:])
        ranges = [range(a, b) for a, b in zip(box.start[:n_outer], box.stop[:n_outer], strict=True)]
        for place in itertools.product(*ranges):
            number = int(np.ravel_multi_index(place, self.shape[:n_outer])) if place else 0
            local = tuple(i - a for i, a in zip(place, box.start, strict=False))
            self._read_page(number, inner, values[local])
        return values

    def _read_page(self, number: int, box: Box, out: np.ndarray) -> None:
        """Decode the segments of a page that a box (in the page's own axes) touches."""
        page = self._directory(number)
        if page is None:
            out[...] = 0
            return
        chunks = self._chunks
        grid = tuple(int(n) for n in self._page.chunked)
        touched = (
            range(a // c, -(-b // c)) for a, b, c in zip(box.start, box.stop, chunks, strict=True)
        )
        for cell in itertools.product(*touched):
            segment = int(np.ravel_multi_index(cell, grid))
            start = tuple(i * c for i, c in zip(cell, chunks, strict=True))
            self._paste(number, page, segment, start, box, out)

    def _paste(
        self,
        number: int,
        page: tuple[Any, Any, dict[str, Any]],
        segment: int,
        start: tuple[int, ...],
        box: Box,
        out: np.ndarray,
    ) -> None:
        values = self._decode(number, page, segment)
        extent = tuple(map(min, self._chunks, map(_minus, self._page_shape, start)))
        low = tuple(map(max, box.start, start))
        high = tuple(map(min, box.stop, map(sum, zip(start, extent, strict=True))))
        part = out[
            Box(tuple(map(_minus, low, box.start)), tuple(map(_minus, high, box.start))).slices
        ]
        if values is None:
            part[...] = self._page.nodata
            return
        values = self._in_page_axes(values)
        part[...] = values[
            Box(tuple(map(_minus, low, start)), tuple(map(_minus, high, start))).slices
        ]

    def _in_page_axes(self, values: np.ndarray) -> np.ndarray:
        """Return a decoded segment (depth, y, x, samples) with the axes of the page."""
        plane: np.ndarray = values[0]
        if self._page_axes == "YXS":
            return plane
        return plane[None, ..., 0] if self._page_axes == "SYX" else plane[..., 0]

    def _decode(
        self, number: int, page: tuple[Any, Any, dict[str, Any]], segment: int
    ) -> np.ndarray | None:
        offsets, counts, options = page
        offset, n_bytes = int(offsets[segment]), int(counts[segment])
        if not n_bytes:
            self.n_absent += 1
            return None
        if offset + n_bytes > self._file.size:
            raise self._damaged(number, f"needs {grouped(offset + n_bytes)} B")
        data = self._file.read_array(offset, (n_bytes,), np.dtype("u1")).tobytes()
        try:
            decoded, _, shape = self._page.decode(data, segment, **options)
        except FAULTS as error:
            raise self._damaged(number, "does not decode") from error
        if decoded is None or decoded.ndim != 4 or decoded.shape != shape:
            raise self._damaged(number, "does not decode")
        values: np.ndarray = decoded
        return values

    def _directory(self, number: int) -> tuple[Any, Any, dict[str, Any]] | None:
        """Return offsets, byte counts and options of decoding of a page."""
        with self._lock:
            try:
                page = self._series[number]
            except FAULTS as error:
                raise self._damaged(number, "has no directory") from error
            if page is None:
                return None
            options = {}
            if int(self._page.compression) in _JPEG:
                tables, header = page.jpegtables, self._page.jpegheader
                options = {"jpegtables": tables, "jpegheader": header}
            offsets, counts = page.dataoffsets, page.databytecounts
        needed = math.prod(int(n) for n in self._page.chunked)
        if len(offsets) < needed or len(counts) < needed:
            raise self._damaged(number, f"{len(offsets)} of {needed} strips or tiles")
        return offsets, counts, options

    def _check_declared(self, *, strict: bool) -> None:
        """Compare what the series says with the file."""
        page, n_pages = self._page, max(1, math.prod(self.shape) // math.prod(self._page_shape))
        raw = math.prod(self._page_shape) * int(page.bitspersample)
        n_bytes = n_pages * raw // 8
        if int(page.compression) == 1 and not self._file.size >= n_bytes:
            check_declared(self._file, n_bytes, self._file.size)
        if n_bytes > max(BOMB_BYTES, _RATIO * self._file.size):
            check_declared(self._file, n_bytes, self._file.size)
        segment = math.prod(int(n) for n in page.chunks) * self.dtype.itemsize
        if int(page.compression) != 1 and segment > MOST_SEGMENT_BYTES:
            raise DataError(
                str(self._file.path),
                "one strip or tile is over the limit of 1 GiB",
                f"{grouped(segment)} B",
                id="PYR-TIF-04",
            )
        self._check_pages(n_pages, strict=strict)

    def _check_pages(self, n_pages: int, *, strict: bool) -> None:
        pages = list(self._series._pages) if hasattr(self._series, "_pages") else []
        if len(pages) == 1:  # one directory stands for all: the elements follow each other
            return
        n_absent = sum(page is None for page in pages) + max(0, n_pages - len(pages))
        if n_absent and strict:
            raise DataError(
                str(self._file.path),
                f"{n_absent} of {n_pages} planes that its metadata declares are missing",
                mend="use --fill-damaged to read them as 0",
                id="PYR-TIF-05",
            )
        self.n_absent = n_absent

    def _flat_offset(self) -> int | None:
        """Return where the elements begin, if they follow each other uncompressed."""
        if self._page.dtype.kind == "b" or int(self._page.bitspersample) % 8:
            return None
        with self._lock:
            offset = self._series.dataoffset
        if offset is None:
            return None
        needed = offset + math.prod(self.shape) * self.dtype.itemsize
        check_declared(self._file, needed, self._file.size)
        return int(offset)

    def _damaged(self, number: int, what: str) -> DamagedError:
        return DamagedError(
            str(self._file.path),
            "truncated or damaged",
            f"page {number}: {what}, file has {grouped(self._file.size)} B",
            "copy it again",
            id="PYR-IMG-02",
        )


def _axes_of(series: Any) -> tuple[str, tuple[int, ...]]:
    """Return the axes without those of size 1, but always y and x."""
    axes, shape = str(series.get_axes(squeeze=False)), series.get_shape(squeeze=False)
    kept = [i for i, axis in enumerate(axes) if shape[i] > 1 or axis in "YX"]
    return "".join(axes[i] for i in kept), tuple(int(shape[i]) for i in kept)


def _minus(a: int, b: int) -> int:
    return int(a - b)
