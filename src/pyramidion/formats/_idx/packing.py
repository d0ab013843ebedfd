"""Files of the modvisus variant: several blocks of all fields, with a table of them in front.

A block is encoded where its samples are at hand, and that is seldom in the order of the files. So
tasks leave encoded blocks in a spool each, and the last stage copies them together, one file a
task, always in the same order.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Self

from pyramidion.formats._idx.blocks_out import Encoded
from pyramidion.storage import (
    SCRATCH,
    Folder,
    StagedFile,
    TaskRecord,
    open_regular,
    read_at,
    told_as,
)

HEADER_BYTES = 40
"""Of the file, all zero, and of each entry of the table."""
_SPOOL = f"{SCRATCH[0]}/bodies"
_MOST_OPEN = 16
BlockId = tuple[int, int]
"""Number of the array (a field at a time), and of the block in it."""


def table_entry(offset: int, size: int, flags: int) -> bytes:
    """Return the entry of one block: ten big-endian words.

    Parameters
    ----------
    offset, size : int
        Where its body is; 0 and 0 for a block that is not there.
    flags : int
        Codec, and 0x10 for row-major.
    """
    low, high = offset & 0xFFFFFFFF, offset >> 32
    return struct.pack(">10I", 0, 0, low, high, size, flags, 0, 0, 0, 0)


def make_table(bodies: Sequence[tuple[int, int]]) -> bytes:
    """Return what a file begins with.

    Parameters
    ----------
    bodies : sequence of (size, flags)
        One per entry, in the order of the bodies that follow; size 0 for one that is not there.

    Examples
    --------
    >>> make_table([(4, 0x10), (0, 0)])[40:80].hex(" ", 4)[18:44]
    '00000078 00000000 00000004'
    """
    at = HEADER_BYTES * (1 + len(bodies))
    entries = [bytes(HEADER_BYTES)]
    for size, flags in bodies:
        entries.append(table_entry(at if size else 0, size, flags if size else 0))
        at += size
    return b"".join(entries)


class PatchedFile(StagedFile):
    """A staged file whose beginning is written last.

    Parameters
    ----------
    path : Path
        Final name.
    n_front : int
        Bytes that are left free at the beginning.
    """

    def __init__(self, path: Path, n_front: int) -> None:
        super().__init__(path)
        self._n_front = n_front
        self.append(bytes(n_front))

    def put_front(self, data: bytes) -> None:
        """Write the beginning."""
        assert len(data) == self._n_front
        with told_as(self.path):
            self._file.seek(0)
            self._file.write(data)


class Spools:
    """Encoded blocks, one file for each task that made some.

    Parameters
    ----------
    folder : Folder
        The folder under way.
    record : TaskRecord
        Where tasks say which blocks their spool holds: ``sizes``, (array, block, bytes) in the
        order of the file.
    """

    def __init__(self, folder: Folder, record: TaskRecord) -> None:
        self._folder, self._record = folder, record
        self._places = lru_cache(maxsize=64)(self._read_places)

    def put(
        self, task: int, blocks: Iterable[tuple[BlockId, Encoded]]
    ) -> tuple[list[tuple[int, int, int]], str, int]:
        """Keep the blocks of a task.

        Returns
        -------
        list of (array, block, bytes)
            What the task must record.
        str, int
            Key of the spool, and its bytes.
        """
        sizes = []
        with self._folder.stage(_spool(task)) as staged:
            for block, body in blocks:
                staged.append(body)
                sizes.append((*block, len(body)))
            staged.commit()
        return sizes, _spool(task), staged.size

    def place(self, task: int, block: BlockId) -> tuple[int, int]:
        """Return offset and bytes of a block in the spool of the task that made it."""
        return self._places(task)[block]

    def path(self, task: int) -> Path:
        """Return the spool of a task."""
        return self._folder.path(_spool(task))

    def _read_places(self, task: int) -> dict[BlockId, tuple[int, int]]:
        told = self._record.get(task)
        assert told is not None, "a file is put together when its blocks are there"
        places, at = {}, 0
        for array, block, size in told["sizes"]:
            places[array, block] = (at, size)
            at += size
        return places


@dataclass(frozen=True)
class FileBlocks:
    """The blocks of one file.

    Parameters
    ----------
    key : str
        Name of the file in the folder under way.
    entries : sequence of (task, (array, block)), or None
        One per entry of the table, None for a block outside of the box.
    """

    key: str
    entries: Sequence[tuple[int, BlockId] | None]


def pack(folder: Folder, spools: Spools, file: FileBlocks, flags: int) -> int:
    """Put one file together.

    Returns
    -------
    int
        Its bytes.
    """
    places = [spools.place(*entry) if entry else (0, 0) for entry in file.entries]
    with folder.stage(file.key) as staged, _SpoolFiles(spools) as files:
        staged.append(make_table([(size, flags) for _, size in places]))
        for entry, (offset, size) in zip(file.entries, places, strict=True):
            if entry:
                staged.append(files.read(entry[0], offset, size))
        staged.commit()
        return staged.size


class _SpoolFiles:
    """A few spools, open: a file may be put together from thousands."""

    def __init__(self, spools: Spools) -> None:
        self._spools = spools
        self._files: OrderedDict[int, BinaryIO] = OrderedDict()

    def read(self, task: int, offset: int, size: int) -> bytes:
        path = self._spools.path(task)
        with told_as(path, "cannot read"):
            if task not in self._files:
                self._files[task] = open_regular(path)
                if len(self._files) > _MOST_OPEN:
                    self._files.popitem(last=False)[1].close()
            self._files.move_to_end(task)
            return read_at(self._files[task].fileno(), size, offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()


def _spool(task: int) -> str:
    return f"{_SPOOL}/{task}.bin"
