"""A level whose chunks hold several frames each.

Such a chunk is complete only when its last frame has come, and a recording must not lose what came
before. So every chunk of an open shard lies raw at a fixed place, and frames are written into it.
For blosc that is the container of incompressible bytes: a header, and the bytes as they are. The
chunk can be read at any moment; what is beyond the shape is zeros that nobody asks for.

A shard that is complete is encoded in the background, into another file that takes its name.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pyramidion.formats._recording.cutting import Cutter
from pyramidion.formats._recording.durable import write_pieces
from pyramidion.formats._recording.level import Column, Group, Level, Put
from pyramidion.formats._recording.shard_file import ENTRY_BYTES, ShardFile
from pyramidion.shards import ArrayLayout
from pyramidion.storage import write_at

HEADER_BYTES = 16
_VERSION, _FORMAT, _MEMCPYED = 2, 1, 0x02


def raw_header(layout: ArrayLayout) -> bytes:
    """Return what precedes a raw chunk: nothing, or the header of blosc's uncompressed container.

    Notes
    -----
    Source: c-blosc 1.21, README_CHUNK_FORMAT: version, version of the inner format, flags, size of
    an element, then as uint32 the bytes, the bytes of a block and the bytes with the header.
    """
    if layout.codec.name == "none":
        return b""
    n = layout.chunk_bytes
    return struct.pack(
        "<BBBBIII", _VERSION, _FORMAT, _MEMCPYED, layout.dtype.itemsize, n, n, n + HEADER_BYTES
    )


def raw_places(layout: ArrayLayout) -> tuple[np.ndarray, int]:
    """Return where each chunk of a raw shard is, and how long it is, header included."""
    n = layout.n_chunks_per_shard
    length = len(raw_header(layout)) + layout.chunk_bytes
    return ENTRY_BYTES * n + length * np.arange(n, dtype="<u8"), length


class DeepLevel(Level):
    """See :class:`Level`; chunks of several frames.

    Parameters
    ----------
    folder, layout, n_frames, is_anew
        See :class:`Level`. The shard that goes on must be raw.
    encode : callable
        ``encode(path)``: have a complete raw shard encoded, later.
    """

    def __init__(
        self,
        folder: Path,
        layout: ArrayLayout,
        n_frames: int,
        encode: Callable[[Path], None],
        *,
        is_anew: bool = False,
    ) -> None:
        self._header = raw_header(layout)
        self._places, self._length = raw_places(layout)
        self._encode = encode
        super().__init__(folder, layout, n_frames, is_anew=is_anew)
        self._cutters = [Cutter(layout, column) for column in self.columns]
        self._rows: set[int] = set(range(-(-n_frames // layout.chunk[0])))

    def put(self, t: int, frames: np.ndarray) -> list[Put]:
        """Write frames into their chunks; see :meth:`Level.put`."""
        puts = []
        depth = self.layout.chunk[0]
        for group, at, some in self.parts(t, frames):
            done = 0
            while done < len(some):
                row, inside = divmod(at + done, depth)
                n = min(depth - inside, len(some) - done)
                self._begin_row(group, row)
                for number in range(len(self.columns)):
                    self._put_row(group.files[number], number, row, inside, some[done : done + n])
                done += n
            puts.append(Put(group, len(some), 0, []))
        return puts

    def complete(self, group: Group) -> None:
        """Have the shard encoded; a raw one only gets its index."""
        if not self._header:
            super().complete(group)
            return
        for column in self.columns:
            self._encode(self.path(group.shard, column))

    def _put_row(
        self, file: ShardFile, number: int, row: int, inside: int, frames: np.ndarray
    ) -> None:
        column, cutter = self.columns[number], self._cutters[number]
        frame_bytes = self.layout.chunk_bytes // self.layout.chunk[0]
        if cutter.is_strips:
            strips = cutter.cut(frames)
            n_y = column.n_y
            pieces = [[s.data.cast("B") for s in strips[y::n_y]] for y in range(n_y)]
        else:
            tiles = cutter.tiles(frames, by_frame=False)
            pieces = [[tile.reshape(-1).data.cast("B")] for rows in tiles for tile in rows]
        places = self._row_places(column, row) + len(self._header) + inside * frame_bytes
        for place, some in zip(places.tolist(), pieces, strict=True):
            write_pieces(file.fd, some, place)

    def _begin_row(self, group: Group, row: int) -> None:
        """Write headers and entries of the chunks that begin; once, by whoever comes first."""
        whole = group.shard * self.layout.chunks_per_shard[0] + row
        with self._lock:
            if whole in self._rows:
                return
            for file, column in zip(group.files, self.columns, strict=True):
                places = self._row_places(column, row)
                last = int(places[-1]) + self._length
                if os.fstat(file.fd).st_size < last:
                    os.ftruncate(file.fd, last)
                if self._header:
                    for place in places.tolist():
                        write_at(file.fd, self._header, place)
                first = row * self.per_frame
                entries = file.entries[first : first + self.per_frame].copy()
                numbers = self._row_numbers(column, row) - first
                entries[numbers, 0], entries[numbers, 1] = places, self._length
                file.enter(first, entries)
                self.n_bytes += len(places) * self._length
            self._rows.add(whole)

    def _row_numbers(self, column: Column, row: int) -> np.ndarray:
        n_x = self.layout.chunks_per_shard[2]
        in_row = np.arange(column.n_y)[:, np.newaxis] * n_x + np.arange(column.n_x)
        numbers: np.ndarray = row * self.per_frame + in_row.reshape(-1)
        return numbers

    def _row_places(self, column: Column, row: int) -> np.ndarray:
        places: np.ndarray = self._places[self._row_numbers(column, row)]
        return places
