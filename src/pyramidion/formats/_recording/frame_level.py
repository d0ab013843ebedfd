"""A level whose chunks are of one frame each: written once, checked, never touched again.

Raw chunks have fixed places, so that nothing has to be agreed on between threads; compressed ones
follow each other as they come. Frames are not copied: the kernel takes rows and checksums from
where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import crc32c
import numpy as np

from pyramidion.formats._recording.cutting import Cutter
from pyramidion.formats._recording.level import Column, Level, Put
from pyramidion.formats._recording.shard_file import CHECKSUM_BYTES, ENTRY_BYTES, ShardFile, nothing
from pyramidion.formats._recording.write_back import WriteBack
from pyramidion.shards import ArrayLayout, Codec

_CACHED_BYTES = 2**21


class FrameLevel(Level):
    """See :class:`Level`; chunks of one frame.

    Parameters
    ----------
    folder, layout, n_frames, is_anew
        See :class:`Level`.
    write_back : WriteBack, optional
        Told what is written.
    """

    def __init__(
        self,
        folder: Path,
        layout: ArrayLayout,
        n_frames: int,
        write_back: WriteBack | None = None,
        *,
        is_anew: bool = False,
    ) -> None:
        super().__init__(folder, layout, n_frames, is_anew=is_anew)
        self._write_back = write_back
        self._cutters = [Cutter(layout, column) for column in self.columns]
        self._codec = Codec(layout.codec.name, layout.codec.level, layout.codec.shuffle, False)
        self._is_raw = self._codec.name == "none"
        self._stored_bytes = layout.chunk_bytes + CHECKSUM_BYTES

    def put(self, t: int, frames: np.ndarray) -> list[Put]:
        """Write chunks and checksums; see :meth:`Level.put`."""
        puts = []
        for group, at, some in self.parts(t, frames):
            values = []
            for file, column, cutter in zip(group.files, self.columns, self._cutters, strict=True):
                chunks = cutter.cut(some)
                if self._is_raw:
                    first = at * column.n_y * column.n_x
                    offsets, lengths = self._put_raw(file, first, chunks)
                else:
                    offsets, lengths = self._put_encoded(file, chunks)
                values.append(self._entries(column, len(some), offsets, lengths))
            puts.append(Put(group, len(some), at * self.per_frame, values))
        return puts

    def _put_raw(
        self, file: ShardFile, n_before: int, chunks: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write chunks to their places; return offsets and lengths."""
        first = ENTRY_BYTES * len(file.entries) + n_before * self._stored_bytes
        # A few at a time: what the checksum has read is copied while it is still in the cache.
        n_each = max(1, _CACHED_BYTES // self._stored_bytes)
        for n in range(0, len(chunks), n_each):
            pieces: list[bytes | memoryview] = []
            for chunk in chunks[n : n + n_each]:
                data = chunk.data.cast("B")
                pieces += (data, crc32c.crc32c(data).to_bytes(CHECKSUM_BYTES, "little"))
            self._write(file, pieces, first + n * self._stored_bytes)
        offsets = first + self._stored_bytes * np.arange(len(chunks), dtype="<u8")
        return offsets, np.full(len(chunks), self._stored_bytes, "<u8")

    def _put_encoded(
        self, file: ShardFile, chunks: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write chunks behind what is there; return offsets and lengths."""
        pieces: list[bytes] = []
        for chunk in chunks:
            data = self._codec.encode(chunk)
            pieces += (data, crc32c.crc32c(data).to_bytes(CHECKSUM_BYTES, "little"))
        lengths = np.fromiter(map(len, pieces), "<u8", len(pieces)).reshape(-1, 2).sum(axis=1)
        with self._lock:
            first = file.end
            file.end += int(lengths.sum())
        self._write(file, pieces, first)
        return first + np.cumsum(lengths) - lengths, lengths

    def _write(self, file: ShardFile, pieces: Sequence[bytes | memoryview], offset: int) -> None:
        n_bytes = file.write(pieces, offset)
        self.count(n_bytes)
        if self._write_back is not None:
            self._write_back.wrote(file, offset, n_bytes)

    def _entries(
        self, column: Column, n_frames: int, offsets: np.ndarray, lengths: np.ndarray
    ) -> np.ndarray:
        """Return the entries of whole frames; chunks beyond the picture stay nothing."""
        n_y, n_x = self.layout.chunks_per_shard[1:]
        entries = np.empty((n_frames, n_y, n_x, 2), "<u8")
        if (n_y, n_x) != (column.n_y, column.n_x):
            entries[:] = nothing(self.layout.n_chunks_per_shard)[0]
        inside = entries[:, : column.n_y, : column.n_x]
        inside[..., 0] = offsets.reshape(inside.shape[:3])
        inside[..., 1] = lengths.reshape(inside.shape[:3])
        return entries.reshape(-1, 2)
