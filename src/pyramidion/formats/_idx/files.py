"""Where the bytes of a block are: in a file of its own (ARCO), or behind a table (modvisus)."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Protocol

import numpy as np

from pyramidion.core import DataError
from pyramidion.formats._flat_file import grouped
from pyramidion.formats._idx.codecs import BlockFaultError, largest_body, too_long
from pyramidion.formats._idx.errors import header_error
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.formats._idx.template import file_name
from pyramidion.formats._idx.timesteps import time_name
from pyramidion.storage import Ranges, open_ranges, told_as

ROW_MAJOR = 0x10
CODEC_OF_FLAGS = {0: "raw", 3: "zip", 4: "jpg", 6: "png", 7: "lz4", 8: "zfp"}
_PAGE = 4096
_PAGES_KEPT = 64


@dataclass(frozen=True)
class Body:
    """What is stored for a block.

    Parameters
    ----------
    data : bytes
        The encoded samples.
    codec : str
        How they are encoded.
    is_row_major : bool
        Whether they are a small array; otherwise they follow the HZ curve.
    """

    data: bytes
    codec: str
    is_row_major: bool


class BlockFiles(Protocol):
    """The files of a dataset."""

    def path(self, field: int, time: int, block: int) -> Path:
        """Return the file that a block is in."""
        ...

    def body(self, field: int, time: int, block: int) -> Body | None:
        """Read what is stored for a block; None when it is absent.

        Raises
        ------
        BlockFaultError
            If the file or its table is broken.
        OffsetError
            If the table points outside of the file.
        StorageError
            If the file cannot be read.
        """
        ...


class OffsetError(BlockFaultError):
    """A table points to where no body can be.

    Parameters
    ----------
    what, value : str
        As of :class:`pyramidion.core.PyramidionError`.
    """

    def __init__(self, what: str, value: str) -> None:
        super().__init__(f"{what} ({value})")
        self.what, self.value = what, value


def block_files(path: Path, header: IdxHeader) -> BlockFiles:
    """Return the files of a dataset.

    Parameters
    ----------
    path : Path
        The .idx file.
    header : IdxHeader
        What it says.
    """
    return ArcoFiles(path, header) if header.arco else ModvisusFiles(path, header)


def arco_name(field: str, time: int, block: int) -> str:
    """Return the path of a block of the ARCO variant, relative to the folder of its blocks.

    Examples
    --------
    >>> arco_name("data", 0, 3)
    '0/data/0000/0000/0000/0003.bin'
    """
    digits = f"{block:016x}"
    groups = "/".join(digits[i : i + 4] for i in range(0, 16, 4))
    return f"{time}/{arco_field_name(field)}/{groups}.bin"


def arco_field_name(field: str) -> str:
    """Return what a field is called in the paths of ARCO: without blanks."""
    return "".join(field.split())


class ArcoFiles:
    """One block, one file, nothing but the body."""

    def __init__(self, path: Path, header: IdxHeader) -> None:
        self._header = header
        self._folder = path.with_name(path.name.removesuffix(".idx"))
        for field in header.fields:
            parts = PurePosixPath("0/" + arco_field_name(field.name)).parts
            if ".." in parts or "\\" in field.name or max(map(len, parts)) > 255:
                raise header_error(
                    str(path), "fields", "must stay inside the dataset", field.name, row=9
                )

    def path(self, field: int, time: int, block: int) -> Path:
        """Return the file of a block."""
        return self._folder / arco_name(self._header.fields[field].name, time, block)

    def body(self, field: int, time: int, block: int) -> Body | None:
        """Read the whole file."""
        path, of = self.path(field, time, block), self._header.fields[field]
        limit = largest_body(of.codec, n_bytes := self._header.block_bytes(of))
        file = _open(path, tail=limit)
        if file is None:
            return None
        with closing(file), told_as(path, "cannot read"):
            size = file.size
            if size > limit:
                raise too_long(n_bytes)
            data = _read(file, 0, size)
        return Body(data, of.codec, of.is_row_major)


class ModvisusFiles:
    """Several blocks of all fields in a file, found through the table at its begin.

    Tables are kept a page at a time, so that one of a billion entries costs no more than what is
    looked at.
    """

    def __init__(self, path: Path, header: IdxHeader) -> None:
        self._header, self._folder = header, path.parent
        self._is_old = header.version < 6
        # Versions 1 to 5 have a shorter entry, and version 1 no head before the table.
        self._head_bytes = {1: 0, 6: 40}.get(header.version, 16)
        self._entry_bytes = 12 if self._is_old else 40
        self._pages: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
        self._lock = Lock()

    @property
    def table_end(self) -> int:
        """Byte at which the bodies begin."""
        header = self._header
        n_entries = len(header.fields) * header.blocksperfile
        return self._head_bytes + self._entry_bytes * n_entries

    def path(self, field: int, time: int, block: int) -> Path:
        """Return the file of a block."""
        del field
        header = self._header
        every = max(1, header.interleave)
        first = block - every * (block // every % header.blocksperfile)
        folder = time_name(header.time_template, time)
        return self._folder / file_name(header.template, first, folder, header.version)

    def body(self, field: int, time: int, block: int) -> Body | None:
        """Look into the table, and read the body."""
        header = self._header
        path = self.path(field, time, block)
        position = block // max(1, header.interleave) % header.blocksperfile
        index = field * header.blocksperfile + position
        file = _open(path)
        if file is None:
            return None
        with closing(file), told_as(path, "cannot read"):
            offset, size, codec, is_row_major = self._entry(file, path, index)
            if not offset or not size:
                return None
            if size > largest_body(codec, n_bytes := header.block_bytes(header.fields[field])):
                raise too_long(n_bytes)
            return Body(_read(file, offset, size), codec, is_row_major)

    def _entry(self, file: Ranges, path: Path, index: int) -> tuple[int, int, str, bool]:
        """Return offset, size, codec and layout that the table says, checked."""
        page = self._page(file, path, index // _PAGE)
        row = [int(word) for word in page[index % _PAGE]]
        if self._is_old:
            (offset, size, is_zip), codec, is_row_major = row, "raw", False
            codec = "zip" if is_zip else "raw"
        else:
            offset, size, flags = row[2] | row[3] << 32, row[4], row[5]
            codec = CODEC_OF_FLAGS.get(flags & 15, "")
            is_row_major = bool(flags & ROW_MAJOR)
        if not offset or not size:
            return 0, 0, "raw", True
        if offset < self.table_end or offset + size > file.size:
            span = f"{grouped(size)} B from {grouped(offset)}, file of {grouped(file.size)} B"
            raise OffsetError("offset outside the file", span)
        if not codec:
            raise BlockFaultError(f"codec {row[5] & 15} is not supported")
        return offset, size, codec, is_row_major

    def _page(self, file: Ranges, path: Path, number: int) -> np.ndarray:
        key = (path, *file.identity, number)
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                return page
        page = self._read_page(file, file.size, number)
        with self._lock:
            self._pages[key] = page
            if len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        return page

    def _read_page(self, file: Ranges, size: int, number: int) -> np.ndarray:
        if size < self.table_end:
            raise BlockFaultError(
                f"file of {grouped(size)} B is shorter than its table of {grouped(self.table_end)} B"
            )
        begin = self._head_bytes + number * _PAGE * self._entry_bytes
        end = min(self.table_end, begin + _PAGE * self._entry_bytes)
        words = np.frombuffer(_read(file, begin, end - begin), ">u4")
        page = words.reshape(-1, self._entry_bytes // 4)
        self._check_overlaps(page)
        return page

    def _check_overlaps(self, page: np.ndarray) -> None:
        """Refuse bodies that share bytes: one of them was overwritten."""
        table = page.astype(np.int64)
        if self._is_old:
            offsets, sizes = table[:, 0], table[:, 1]
        else:
            offsets, sizes = table[:, 2] | table[:, 3] << 32, table[:, 4]
        there = np.flatnonzero((offsets > 0) & (sizes > 0))
        order: np.ndarray = there[np.argsort(offsets[there], kind="stable")]
        ends = offsets[order] + sizes[order]
        if order.size > 1 and bool((ends[:-1] > offsets[order][1:]).any()):
            number = int(order[:-1][ends[:-1] > offsets[order][1:]][0])
            raise OffsetError("overlaps another block", f"entry {number} of its file")


def _open(path: Path, tail: int = 0) -> Ranges | None:
    """Open a file of blocks; None when it is not there."""
    try:
        return open_ranges(path, tail)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        raise BlockFaultError("is a folder") from error
    except DataError as error:
        raise BlockFaultError(error.what) from error
    except OSError:
        with told_as(path, "cannot read"):
            raise


def _read(file: Ranges, offset: int, n_bytes: int) -> bytes:
    data = file.read(n_bytes, offset)
    if len(data) < n_bytes:
        ends = f"ends at {grouped(offset + len(data))} B"
        raise DataError(file.where, "changed while reading", ends, "run again", id="PYR-ALL-20")
    return data
