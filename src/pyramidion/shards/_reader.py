"""Reading a sharded array: cached indexes, one positioned read per chunk, every crc checked.

Safe to use from many threads at once.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from pyramidion.core import Box, DamagedError, DataError, MissingError
from pyramidion.shards._index import (
    ABSENT,
    check_room,
    decode_index,
    decode_open_index,
    index_bytes,
)
from pyramidion.shards._layout import ArrayLayout, Index
from pyramidion.shards._paste import paste
from pyramidion.storage import Folder, Ranges, open_ranges, storage_error, told_as

_OPEN_SHARDS = 32


@dataclass(frozen=True)
class _Shard:
    """An open shard and its index."""

    ranges: Ranges
    entries: np.ndarray
    where: str


class ShardedArray:
    """An array on disk that can be read box by box.

    Parameters
    ----------
    folder : Folder
        The array's folder.
    layout : ArrayLayout
        As read from its ``zarr.json``.
    absent_is_fill : bool
        Another writer may leave out chunks and shards of nothing but the fill value. This engine's
        writer stores every one, so that in its arrays an absent one is a loss.
    """

    def __init__(
        self, folder: Folder, layout: ArrayLayout, *, absent_is_fill: bool = False
    ) -> None:
        self.layout = layout
        self._absent_is_fill = absent_is_fill
        self.folder = folder
        self._open: OrderedDict[Index, _Shard] = OrderedDict()
        self._users: dict[Index, int] = {}
        self._lock = threading.Lock()

    def read(self, box: Box) -> np.ndarray:
        """Read a region.

        Parameters
        ----------
        box : Box
            Inside the array.

        Returns
        -------
        ndarray, shape ``box.shape``

        Raises
        ------
        MissingError
            If a shard is missing and absent ones do not stand for the fill value.
        DamagedError
            If a checksum differs or a chunk does not decode.
        DataError
            If a shard is not a regular file.
        StorageError
            If the disk fails.
        """
        out = np.empty(box.shape, self.layout.dtype)
        for shard, number, chunk_box in self._touched(box):
            chunk = self.read_chunk(shard, number)
            paste(out, box, chunk, chunk_box)
        return out

    def read_chunk(self, shard: Index, number: int) -> np.ndarray:
        """Read one inner chunk, whole.

        Parameters
        ----------
        shard : tuple of int
            Which shard.
        number : int
            Position in its index.

        Returns
        -------
        ndarray, shape ``layout.chunk``
        """
        try:
            opened = self._acquire(shard)
        except MissingError:
            if self._absent_is_fill:
                return self._filled()
            raise
        try:
            where = f"{opened.where} chunk {number}"
            data = self._stored(opened, number, where)
        finally:
            self._release(shard)
        if data is None:
            return self._filled()
        n_items = math.prod(self.layout.chunk)
        flat = self.layout.codec.decode(data, self.layout.dtype, n_items, where)
        return flat.reshape(self.layout.chunk)

    def check_shard(self, shard: Index) -> int:
        """Read a shard's index and check it.

        Returns
        -------
        int
            Inner chunks stored.

        Raises
        ------
        MissingError, DamagedError
            If the shard is not there or its index is damaged.
        """
        opened = self._acquire(shard)
        self._release(shard)
        return int((opened.entries[:, 0] != ABSENT).sum())

    def close(self) -> None:
        """Close every file; safe to call twice."""
        with self._lock:
            for opened in self._open.values():
                opened.ranges.close()
            self._open.clear()

    def _stored(self, opened: _Shard, number: int, where: str) -> bytes | None:
        """Return a chunk's bytes; None where it is left out and that stands for the fill value."""
        offset, length = (int(n) for n in opened.entries[number])
        if offset == ABSENT:
            if self._absent_is_fill:
                return None
            raise DamagedError(where, "missing", id="PYR-VER-02")
        with told_as(where, "cannot read"):
            if not self.layout.index_checked:
                self._check_entry(opened.ranges, offset, length, where)
            return opened.ranges.read(length, offset)

    def _check_entry(self, ranges: Ranges, offset: int, length: int, where: str) -> None:
        """Refuse an entry that cannot be: nothing else vouches for an index without a checksum.

        The file may have grown since its index was read, so that its length is asked for now.
        """
        layout = self.layout
        n_bytes = index_bytes(layout.n_chunks_per_shard, checked=False)
        is_at_start = layout.index_at == "start"
        first = n_bytes if is_at_start else 0
        last = ranges.size - (0 if is_at_start else n_bytes)
        if is_at_start and length == 1 and offset in (0, n_bytes):
            raise DamagedError(where, "missing", "not yet written", id="PYR-VER-02")
        if not (first <= offset and offset + length <= last and length):
            told = f"{length} B at {offset}"
            raise DamagedError(where, "lies outside the shard", told, id="PYR-ZAR-08")

    def _entries(self, data: bytes, shard_bytes: int, where: str) -> np.ndarray:
        n_chunks, index_at = self.layout.n_chunks_per_shard, self.layout.index_at
        if self.layout.index_checked:
            return decode_index(data, n_chunks, shard_bytes, where, index_at=index_at)
        return decode_open_index(data, n_chunks, where)

    def _filled(self) -> np.ndarray:
        return np.full(self.layout.chunk, self.layout.fill_value, self.layout.dtype)

    def _touched(self, box: Box) -> list[tuple[Index, int, Box]]:
        layout = self.layout
        first = tuple(a // c for a, c in zip(box.start, layout.chunk, strict=True))
        last = tuple(-(-b // c) for b, c in zip(box.stop, layout.chunk, strict=True))
        per = layout.chunks_per_shard
        touched = []
        for place in itertools.product(*(range(a, b) for a, b in zip(first, last, strict=True))):
            shard = tuple(p // n for p, n in zip(place, per, strict=True))
            inner = tuple(p % n for p, n in zip(place, per, strict=True))
            start = tuple(p * c for p, c in zip(place, layout.chunk, strict=True))
            stop = tuple(a + c for a, c in zip(start, layout.chunk, strict=True))
            touched.append((shard, int(np.ravel_multi_index(inner, per)), Box(start, stop)))
        return touched

    def _acquire(self, shard: Index) -> _Shard:
        with self._lock:
            opened = self._open.get(shard)
            if opened is None:
                opened = self._open_shard(shard)
                self._open[shard] = opened
            self._open.move_to_end(shard)
            self._users[shard] = self._users.get(shard, 0) + 1
            self._close_unused()
            return opened

    def _release(self, shard: Index) -> None:
        with self._lock:
            self._users[shard] -= 1

    def _close_unused(self) -> None:
        for shard in list(self._open):
            if len(self._open) <= _OPEN_SHARDS:
                return
            if not self._users.get(shard):
                self._open.pop(shard).ranges.close()
                self._users.pop(shard, None)

    def _open_shard(self, shard: Index) -> _Shard:
        path = self.folder.path(self.layout.key(shard))
        where = str(path)
        length = index_bytes(self.layout.n_chunks_per_shard, checked=self.layout.index_checked)
        is_at_start = self.layout.index_at == "start"
        try:
            ranges = open_ranges(path, tail=0 if is_at_start else length)
        except FileNotFoundError as error:
            raise MissingError(where, "missing", id="PYR-VER-02") from error
        except IsADirectoryError as error:
            raise DataError(where, "not a regular file", id="PYR-ALL-18") from error
        except OSError as error:
            raise storage_error(error, where, "cannot read") from error
        try:
            with told_as(where, "cannot read"):
                size = ranges.size
                check_room(length, size, where)
                data = ranges.read(length, 0 if is_at_start else size - length)
            return _Shard(ranges, self._entries(data, size, where), where)
        except BaseException:
            ranges.close()
            raise
