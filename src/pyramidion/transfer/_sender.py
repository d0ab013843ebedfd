"""One file: compared with what the store has, and sent if that differs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyramidion.core import StorageError
from pyramidion.storage import Found
from pyramidion.transfer._buffers import Buffers
from pyramidion.transfer._byte_budget import ByteBudget
from pyramidion.transfer._content import Content, entry_of_same
from pyramidion.transfer._manifest import Entry
from pyramidion.transfer._parts import pieces_of
from pyramidion.transfer._putter import Putter
from pyramidion.transfer._tree import LocalFile


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Parameters
    ----------
    entry : Entry
        The object.
    is_sent : bool
        It was sent; else the store had it.
    """

    entry: Entry
    is_sent: bool


class Sender:
    """Sends files; used by several threads.

    Parameters
    ----------
    putter : Putter
        Puts objects.
    bytes_in_flight : int
        Most bytes in memory.
    size_only : bool
        Take an object of the same size for the same object.
    before_data : callable
        Called whenever data are about to be put; None if nothing may be (a dry run).
    """

    def __init__(
        self,
        putter: Putter,
        bytes_in_flight: int,
        *,
        size_only: bool,
        before_data: Callable[[], None] | None,
    ) -> None:
        self._putter, self._bound = putter, bytes_in_flight
        self._budget, self._size_only = ByteBudget(bytes_in_flight), size_only
        self._before_data = before_data
        self._buffers = Buffers(bytes_in_flight)
        # More threads than processors would only take the caches from each other.
        self._reading = threading.Semaphore(os.cpu_count() or 2)

    def send(self, file: LocalFile, there: Found | None, known: Entry | None) -> Outcome:
        """Make sure that the store has a file.

        Parameters
        ----------
        file : LocalFile
            The file.
        there : Found, optional
            The object that has its key now.
        known : Entry, optional
            What the manifest says of the key.

        Raises
        ------
        PyramidionError
            If it cannot be read, changed (UPL-10), or cannot be stored (UPL-08).
        """
        if file.released:
            return Outcome(_released(file, there, known), is_sent=False)
        with self._opened(file) as content:
            same = entry_of_same(content, there, known, size_only=self._size_only)
            if same is not None:
                return Outcome(same, is_sent=False)
            if self._before_data is None:
                return Outcome(content.entry("", "", 0), is_sent=True)
            if not file.wave:
                self._before_data()
            return Outcome(self._put(content), is_sent=True)

    def differs(self, file: LocalFile, there: Found | None, known: Entry | None) -> bool:
        """Tell whether a file is not in the store yet."""
        with self._opened(file) as content:
            return entry_of_same(content, there, known, size_only=self._size_only) is None

    def described(self, file: LocalFile) -> Entry:
        """Return the entry that a file will have, before it is sent."""
        with self._opened(file) as content:
            part = content.pieces.part
            return Entry(file.key, file.size, content.checksum(part), "", part)

    def _put(self, content: Content) -> Entry:
        part = content.pieces.part
        if part:
            md5, etag = self._putter.put_parts(content)
            return content.entry(md5, etag, part)
        with self._reading:
            md5 = content.checksum(0)
        content.is_sending = True
        etag = self._putter.put_bytes(content.file.key, content.data(), md5)
        # The store has told that it has every byte: nothing sends from this memory any more.
        content.close(again=etag == md5)
        return content.entry(md5, etag, 0)

    @contextmanager
    def _opened(self, file: LocalFile) -> Iterator[Content]:
        pieces = pieces_of(file.size, self._bound)
        with self._budget.holding(pieces.cost):
            content = Content(file, pieces, self._buffers)
            try:
                yield content
            finally:
                content.close(again=not content.is_sending)


def _released(file: LocalFile, there: Found | None, known: Entry | None) -> Entry:
    """Return the entry of a file whose bytes are in the store only.

    Raises
    ------
    StorageError
        If they are not.
    """
    is_there = (
        there is not None
        and known is not None
        and bool(known.md5)
        and there.size == known.size == file.size
        and there.etag == known.etag
    )
    if not is_there or known is None:
        raise StorageError(
            str(file.path), "was given back to the disk and is not in the store", file.key,
            "convert again", id="PYR-UPL-51",
        )  # fmt: skip
    return known
