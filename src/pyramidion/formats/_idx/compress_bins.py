"""Another codec for the modvisus variant: file by file, readable at every moment.

The table in a file says the codec of each block, so files of several codecs may stand beside each
other. Each one is written anew under another name, its table last, and then takes the place of the
old one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyramidion.core import DamagedError
from pyramidion.formats._idx.blocks_out import CODEC_FLAGS, Encoded
from pyramidion.formats._idx.codecs import BlockFaultError
from pyramidion.formats._idx.files import CODEC_OF_FLAGS, block_files
from pyramidion.formats._idx.header import IdxHeader, format_header
from pyramidion.formats._idx.packing import HEADER_BYTES, PatchedFile
from pyramidion.formats._idx.recoding import (
    Fault,
    Recoded,
    Recoding,
    batches,
    check_size,
    damaged,
    found_in,
    with_codec,
)
from pyramidion.storage import Folder, WriterLock, open_regular, read_at, told_as

_WORDS = HEADER_BYTES // 4
_LOW, _HIGH, _SIZE, _FLAGS = 2, 3, 4, 5


@dataclass(frozen=True)
class Bin:
    """A file of blocks.

    Parameters
    ----------
    path : Path
        Where it is.
    time, first : int
        Its time step, and its first block.
    table : ndarray, shape (1 + fields * blocksperfile, 10), uint32
        As stored; row 0 is the head of the file.
    size : int
        Bytes of the file.
    """

    path: Path
    time: int
    first: int
    table: np.ndarray
    size: int

    def present(self) -> list[int]:
        """Return the rows of the blocks that are there."""
        offsets = self.table[:, _LOW] | self.table[:, _HIGH]
        rows = np.flatnonzero((offsets > 0) & (self.table[:, _SIZE] > 0))
        return [int(row) for row in rows if row > 0]

    def codec(self, row: int) -> str:
        """Return the codec that the table says."""
        return CODEC_OF_FLAGS.get(self.flags(row) & 15, "")

    def flags(self, row: int) -> int:
        """Return codec and layout as the table says them."""
        return int(self.table[row, _FLAGS])

    def place(self, row: int) -> tuple[int, int]:
        """Return offset and bytes of a body."""
        words = [int(word) for word in self.table[row]]
        return words[_LOW] | words[_HIGH] << 32, words[_SIZE]


def compress_bins(job: Recoding, arrays: Collection[tuple[int, int]]) -> Recoded:
    """Store the blocks of some fields and time steps with another codec.

    Parameters
    ----------
    job : Recoding
        The dataset, and the new codec.
    arrays : collection of (field, time)
        Which blocks.

    Raises
    ------
    DamagedError
        CMP-03 if a block does not decode: that one is kept as it is, and so is the .idx.
    """
    path, header, codec = job.path, job.header, job.codec
    lock = WriterLock(path)
    try:
        work = _Work(job, arrays)
        for file in bins(path, header):
            work.do_file(file)
        work.tell_end()
        if work.faults:
            good = f"{work.n_blocks - len(work.faults)} of {work.n_blocks} blocks are {codec.name}"
            raise damaged(path, work.faults, work.n_blocks, good)
        whole = [
            n for n in range(len(header.fields)) if all((n, t) in arrays for t in header.times)
        ]
        told = with_codec(header, whole, codec)
        if told != header:
            text = format_header(told)
            Folder(path.parent).write(path.name, text.encode())
    finally:
        lock.release()
    return Recoded(codec.name, work.n_blocks, work.n_changed, work.n_before, work.n_after)


def bins(path: Path, header: IdxHeader) -> Iterator[Bin]:
    """Yield the files of a dataset of version 6 that are there, each once."""
    files = block_files(path, header)
    every = max(1, header.interleave)
    group = every * header.blocksperfile
    seen = set()
    for time in header.times:
        for start in range(0, header.n_blocks, group):
            for first in range(start, min(start + every, header.n_blocks)):
                file = files.path(0, time, first)
                if file in seen or not os.path.lexists(file):
                    continue
                seen.add(file)
                yield _open(file, header, time, first)


def block_of(header: IdxHeader, file: Bin, row: int) -> tuple[int, int]:
    """Return field and block of a row of the table."""
    field, position = divmod(row - 1, header.blocksperfile)
    return field, file.first + max(1, header.interleave) * position


class _Work:
    """Go on from file to file, counting."""

    def __init__(self, job: Recoding, arrays: Collection[tuple[int, int]]) -> None:
        self._header, self._codec, self._arrays = job.header, job.codec, arrays
        self._mapped, self._progress = job.mapped, job.progress
        self._n_done = 0
        self._total = sum(map(job.header.block_bytes, job.header.fields))
        self._total *= job.header.n_blocks * len(job.header.times)
        self.faults: list[Fault] = []
        self.n_blocks = self.n_changed = self.n_before = self.n_after = 0

    def do_file(self, file: Bin) -> None:
        """Write a file anew, if a block of it is to change."""
        rows = file.present()
        chosen = [row for row in rows if self._is_chosen(file, row)]
        sizes = sum(file.place(row)[1] for row in rows)
        self.n_blocks += len(chosen)
        self.n_before += sizes
        if all(file.codec(row) == self._codec.name for row in chosen):
            self.n_after += sizes
            self._tell(sum(map(self._decoded(file), rows)))
            return
        outside = [row for row in rows if sum(file.place(row)) > file.size]
        if outside:
            self.faults += [self._fault(file, row, "offset outside the file") for row in outside]
            self.n_after += sizes
            return
        self._rewrite(file, rows)

    def tell_end(self) -> None:
        """Tell that all is done; blocks that are not there were not counted."""
        self._tell(self._total - self._n_done)

    def _rewrite(self, file: Bin, rows: Sequence[int]) -> None:
        table = file.table.copy()
        with (
            PatchedFile(file.path, table.nbytes) as staged,
            told_as(file.path, "cannot read"),
            open_regular(file.path) as source,
        ):
            parts = batches(rows, self._decoded(file))

            def work(part: Sequence[int]) -> list[tuple[Encoded, int, Fault | None]]:
                return [self._one(file, source.fileno(), row) for row in part]

            for part, results in self._mapped(work, parts):
                for row, (body, flags, fault) in zip(part, results, strict=True):
                    offset = staged.append(body)
                    table[row, [_LOW, _HIGH]] = offset & 0xFFFFFFFF, offset >> 32
                    table[row, [_SIZE, _FLAGS]] = len(body), flags
                    self.n_changed += flags != file.flags(row)
                    self.n_after += len(body)
                    self.faults += [fault] if fault else []
                self._tell(sum(map(self._decoded(file), part)))
            staged.put_front(table.tobytes())
            staged.commit()

    def _one(self, file: Bin, source: int, row: int) -> tuple[Encoded, int, Fault | None]:
        """Return new body and flags of a block."""
        offset, size = file.place(row)
        flags, declared = file.flags(row), file.codec(row)
        field, block = block_of(self._header, file, row)
        try:
            if not self._is_chosen(file, row) or declared == self._codec.name:
                return read_at(source, size, offset), flags, None
            check_size(self._header, field, size)
            body = read_at(source, size, offset)
            found = found_in(body, declared, self._header, field, block)
        except BlockFaultError as fault:
            return read_at(source, size, offset), flags, self._fault(file, row, str(fault))
        new_flags = flags & ~15 | CODEC_FLAGS[self._codec.name]
        is_new = found.codec != self._codec.name
        return self._codec.encode(found.samples) if is_new else body, new_flags, None

    def _is_chosen(self, file: Bin, row: int) -> bool:
        return (block_of(self._header, file, row)[0], file.time) in self._arrays

    def _decoded(self, file: Bin) -> Callable[[int], int]:
        def n_bytes(row: int) -> int:
            field, _ = block_of(self._header, file, row)
            return self._header.block_bytes(self._header.fields[field])

        return n_bytes

    def _fault(self, file: Bin, row: int, reason: str) -> Fault:
        field, block = block_of(self._header, file, row)
        return Fault(self._header.fields[field].name, file.time, block, reason)

    def _tell(self, n_bytes: int) -> None:
        self._n_done += n_bytes
        if self._progress is not None:
            self._progress(self._n_done, self._total)


def _open(path: Path, header: IdxHeader, time: int, first: int) -> Bin:
    n_rows = 1 + len(header.fields) * header.blocksperfile
    with told_as(path, "cannot read"), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        n_bytes = n_rows * HEADER_BYTES
        data = read_at(file.fileno(), n_bytes, 0) if size >= n_bytes else b""
    if len(data) < n_bytes:
        raise DamagedError(
            str(path), "shorter than its table", f"{size} of {n_bytes} B", id="PYR-CMP-03"
        )
    return Bin(path, time, first, np.frombuffer(data, ">u4").reshape(n_rows, _WORDS), size)
