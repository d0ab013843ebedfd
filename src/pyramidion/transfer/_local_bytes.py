"""Reading a local file of which it is certain afterwards that it did not change meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from pyramidion.core import DataError, StorageError
from pyramidion.storage import open_regular, read_at, told_as
from pyramidion.transfer._parts import Checksum, ranges
from pyramidion.transfer._tree import LocalFile

_PIECE = 4 * 2**20


@contextmanager
def opened(file: LocalFile) -> Iterator[BinaryIO]:
    """Open a file that is still the one that was looked at.

    Raises
    ------
    DataError
        UPL-10 if it is another one.
    StorageError
        If it cannot be read, or was given back to the disk.
    """
    if file.released:
        raise StorageError(
            str(file.path), "was given back to the disk and is not in the store", file.key,
            "convert again", id="PYR-UPL-51",
        )  # fmt: skip
    try:
        with told_as(file.path, "cannot read"):
            opened_file = open_regular(file.path)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise changed(file, "it is gone") from None
        raise
    with opened_file:
        check_same(file, os.fstat(opened_file.fileno()))
        yield opened_file


def read_range(file: LocalFile, source: BinaryIO, offset: int, n_bytes: int) -> bytes:
    """Read a range that must be all there.

    Raises
    ------
    DataError
        UPL-10 if the file is shorter now.
    """
    with told_as(file.path, "cannot read"):
        data = read_at(source.fileno(), n_bytes, offset)
    if len(data) != n_bytes:
        raise changed(file, f"shorter than {file.size} B")
    return data


def read_whole(file: LocalFile, source: BinaryIO, buffer: bytearray) -> memoryview:
    """Read a file into a buffer that is large enough; return the part with its bytes.

    Raises
    ------
    DataError
        UPL-10 if the file is shorter now.
    """
    data, n_read = memoryview(buffer)[: file.size], 0
    with told_as(file.path, "cannot read"):
        while n_read < file.size:
            n_more: int = source.readinto(data[n_read:])  # type: ignore[attr-defined]
            if not n_more:
                raise changed(file, f"shorter than {file.size} B")
            n_read += n_more
    return data


def check_unchanged(file: LocalFile, source: BinaryIO | None = None) -> None:
    """Make sure that a file is as it was: the open one, or the one that has the name now.

    Raises
    ------
    DataError
        UPL-10 if not.
    """
    try:
        found = file.path.stat() if source is None else os.fstat(source.fileno())
    except OSError:
        raise changed(file, "it is gone") from None
    check_same(file, found)


def check_same(file: LocalFile, found: os.stat_result) -> None:
    """Compare a file with what it was.

    Raises
    ------
    DataError
        UPL-10 if it changed.
    """
    now = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if now != file.identity:
        told = f"was {file.size} B, now {found.st_size} B" if now[0] != file.size else None
        raise changed(file, told)


def changed(file: LocalFile, how: str | None) -> DataError:
    """Return the error for a file that changed."""
    return DataError(
        str(file.path),
        "changed during upload",
        how,
        "run again when nobody writes it",
        id="PYR-UPL-10",
    )


def checksum_of(file: LocalFile, part: int) -> str:
    """Read a file and return its checksum, holding a few megabytes of it at a time.

    Raises
    ------
    DataError
        UPL-10 if it changed.
    """
    result = Checksum(part)
    with opened(file) as source:
        for offset, n_bytes in ranges(file.size, _PIECE):
            result.update(read_range(file, source, offset, n_bytes))
        check_unchanged(file, source)
    return result.text()
