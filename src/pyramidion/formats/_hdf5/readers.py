"""Reading a region of one dataset, however it is stored; from many threads at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import numpy as np

from pyramidion.core import Box, DamagedError, DataError
from pyramidion.formats._flat_file import read_region
from pyramidion.formats._hdf5.chunks import ChunkError, decode_chunk
from pyramidion.formats._hdf5.file import SourceFile, grouped
from pyramidion.formats._hdf5.layout import Layout
from pyramidion.storage import ByteCache

_SHARED_CACHE_BYTES = 2**26
"""For chunks that hold several traces, which are read one after another."""
_EDGE_CACHE_BYTES = 2**22
"""For chunks along one trace: only the one at the edge of a block is asked for again."""


class Reader(Protocol):
    """One way of storing."""

    def read(self, box: Box) -> np.ndarray:
        """Read a region in the dataset's own axes, little-endian."""
        ...

    def close(self) -> None:
        """Release what was opened for this dataset alone."""
        ...


def open_reader(file: SourceFile, layout: Layout) -> Reader:
    """Return the reader for a dataset.

    Raises
    ------
    DataError
        If elements lie beyond the end of the file.
    """
    _check_inside(file, layout)
    if layout.storage == "chunked":
        return ChunkedReader(file, layout)
    if layout.storage == "contiguous":
        return ContiguousReader(file, layout)
    if layout.storage == "library":
        from pyramidion.formats._hdf5.library import LibraryReader

        return LibraryReader(file, layout)
    return ValuesReader(layout)


class ValuesReader:
    """A dataset that was read already, or that was never written.

    Parameters
    ----------
    layout : Layout
        Inline or missing.
    """

    def __init__(self, layout: Layout) -> None:
        little = layout.dtype.newbyteorder("<")
        if layout.storage == "inline":
            self._values = np.frombuffer(layout.data, layout.dtype).astype(little)
            self._values = self._values.reshape(layout.shape)
        else:
            self._values = np.broadcast_to(layout.fill_value().astype(little), layout.shape)

    def read(self, box: Box) -> np.ndarray:
        """Read a region."""
        return self._values[box.slices]

    def close(self) -> None:
        """Release nothing."""


class ContiguousReader:
    """A dataset that lies in the file as one piece.

    Parameters
    ----------
    file : SourceFile
        The file.
    layout : Layout
        Contiguous.
    """

    def __init__(self, file: SourceFile, layout: Layout) -> None:
        self._file, self._layout = file, layout

    def read(self, box: Box) -> np.ndarray:
        """Read a region: whole runs, or rows together with what lies between their parts."""
        layout = self._layout
        out = read_region(self._file.read_into, layout.offset, layout.shape, layout.dtype, box)
        return out.astype(layout.dtype.newbyteorder("<"), copy=False)

    def close(self) -> None:
        """Release nothing; the file belongs to the source."""


class ChunkedReader:
    """A dataset stored in chunks, each through its filters.

    Parameters
    ----------
    file : SourceFile
        The file.
    layout : Layout
        Chunked, with filters that ``chunks`` undoes.

    Only chunks that lie across the edge of a region are kept decoded, because only they are asked
    for again.
    """

    def __init__(self, file: SourceFile, layout: Layout) -> None:
        self._file, self._layout = file, layout
        is_shared = sum(n > 1 for n in layout.chunk) > 1
        edge = max(_EDGE_CACHE_BYTES, 8 * layout.chunk_bytes)
        # The last chunk is kept however large it is, because the next region mostly begins in the
        # chunk where this one ends.
        self._cache: ByteCache[np.ndarray] = ByteCache(
            _SHARED_CACHE_BYTES if is_shared else min(edge, _SHARED_CACHE_BYTES),
            lambda chunk: chunk.nbytes,
            keeps_last=True,
        )
        self._fill = layout.fill_value()

    def read(self, box: Box) -> np.ndarray:
        """Read a region.

        Raises
        ------
        DamagedError
            If a chunk does not decode.
        """
        layout = self._layout
        out = np.empty(box.shape, layout.dtype.newbyteorder("<"))
        for index, row in self._touched(box):
            begin = tuple(i * n for i, n in zip(index, layout.chunk, strict=True))
            end = tuple(b + n for b, n in zip(begin, layout.chunk, strict=True))
            inside = Box(
                tuple(map(max, begin, box.start)),
                tuple(map(min, end, box.stop)),
            )
            target = inside.shifted(tuple(-a for a in box.start)).slices
            if row < 0:
                out[target] = self._fill
                continue
            is_whole = (
                inside.start == begin and inside.stop == Box(begin, end).clipped(layout.shape).stop
            )
            if is_whole and row not in self._cache:
                values = self._decode(row)
            else:
                values = self._cache.get(row, partial(self._decode, row))
            if inside.shape == out.shape == layout.chunk and values.dtype == out.dtype:
                return values
            out[target] = values[inside.shifted(tuple(-b for b in begin)).slices]
        return out

    def close(self) -> None:
        """Forget the decoded chunks."""
        self._cache.clear()

    def _touched(self, box: Box) -> Iterator[tuple[tuple[int, ...], int]]:
        """Yield the grid index and the row in the table (-1: not stored) of each chunk."""
        layout = self._layout
        ranges = [
            range(a // n, -(-b // n))
            for a, b, n in zip(box.start, box.stop, layout.chunk, strict=True)
        ]
        numbers = np.zeros((), np.uint64)
        for axis_range, n_grid in zip(ranges, layout.grid, strict=True):
            indices = np.arange(axis_range.start, axis_range.stop, dtype=np.uint64)
            numbers = numbers[..., None] * np.uint64(n_grid) + indices
        stored = layout.table["number"]
        rows = np.searchsorted(stored, numbers.reshape(-1))
        found = np.append(stored, np.uint64(0))[rows] == numbers.reshape(-1)
        found &= rows < len(stored)
        return zip(itertools.product(*ranges), np.where(found, rows, -1).tolist(), strict=True)

    def _decode(self, row: int) -> np.ndarray:
        layout = self._layout
        record = layout.table[row]
        offset, size = int(record["offset"]), int(record["size"])
        try:
            if size > 2 * layout.chunk_bytes + 4096:
                raise ChunkError(f"stores {size} B for {layout.chunk_bytes} B")
            return decode_chunk(self._file.read(offset, size), int(record["mask"]), layout)
        except ChunkError as error:
            self._file.check_unchanged()
            index = np.unravel_index(int(record["number"]), layout.grid)
            at = ",".join(str(int(i) * n) for i, n in zip(index, layout.chunk, strict=True))
            raise DamagedError(
                f"{self._file.path}:/{layout.path}",
                f"damaged chunk at [{at}]",
                f"{error}; 1 of {grouped(math.prod(layout.grid))} chunks",
                "copy it again",
                id="PYR-H5-17",
            ) from error


def _check_inside(file: SourceFile, layout: Layout) -> None:
    if layout.storage == "contiguous":
        end = layout.offset + math.prod(layout.shape) * layout.dtype.itemsize
    elif layout.storage == "chunked" and len(layout.table):
        offsets, sizes = layout.table["offset"], layout.table["size"]
        # An address near 2^64 must not come out small.
        far = np.maximum(offsets, sizes).argmax()
        last = (offsets + sizes).argmax()
        end = max(int(offsets[i]) + int(sizes[i]) for i in (far, last))
    else:
        return
    if end > file.size:
        raise DataError(
            str(file.path),
            "truncated",
            f"needs {grouped(end)} B, has {grouped(file.size)} B",
            "copy it again",
            id="PYR-H5-02",
        )
