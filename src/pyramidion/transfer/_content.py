"""What a local file holds, read no oftener than needed, and whether the store has the same."""

from __future__ import annotations

from dataclasses import replace

from pyramidion.storage import Found
from pyramidion.transfer._buffers import Buffers
from pyramidion.transfer._local_bytes import check_unchanged, checksum_of, opened, read_whole
from pyramidion.transfer._manifest import Entry, settled_identity
from pyramidion.transfer._parts import Pieces, checksum, possible_parts
from pyramidion.transfer._tree import LocalFile


class Content:
    """The bytes of one file: in memory if it is put whole, else read as often as needed.

    Parameters
    ----------
    file : LocalFile
        The file.
    pieces : Pieces
        How it would be sent.
    buffers : Buffers
        Where a file that is put whole is read into.

    Attributes
    ----------
    is_sending : bool
        A request may be sending from the memory.
    """

    def __init__(self, file: LocalFile, pieces: Pieces, buffers: Buffers) -> None:
        self.file, self.pieces = file, pieces
        self._buffers, self.is_sending = buffers, False
        self._buffer: bytearray | None = None
        self._data: memoryview | None = None
        self._sums: dict[int, str] = {}

    def data(self) -> memoryview:
        """Return all bytes of a file that is put whole.

        Raises
        ------
        DataError
            UPL-10 if the file changed since it was looked at.
        """
        if self._data is None:
            with opened(self.file) as source:
                self._buffer = self._buffers.take(self.file.size)
                data = read_whole(self.file, source, self._buffer)
                check_unchanged(self.file, source)
            self._data = data
        return self._data

    def close(self, *, again: bool) -> None:
        """Give the memory back, and say whether it may be used again."""
        self._data, buffer, self._buffer = None, self._buffer, None
        if buffer is not None:
            self._buffers.give_back(buffer, again=again)

    def checksum(self, part: int) -> str:
        """Return the checksum for parts of this size.

        Raises
        ------
        DataError
            UPL-10 if the file changed since it was looked at.
        """
        if part not in self._sums:
            is_streamed = self.pieces.part > 0
            self._sums[part] = (
                checksum_of(self.file, part) if is_streamed else checksum(self.data(), part)
            )
        return self._sums[part]

    def entry(self, md5: str, etag: str, part: int) -> Entry:
        """Return what is noted of the object with this content."""
        return Entry(self.file.key, self.file.size, md5, etag, part, settled_identity(self.file))


def entry_of_same(
    content: Content, there: Found | None, known: Entry | None, *, size_only: bool
) -> Entry | None:
    """Return the entry of an object that has the content already; None if it is to be sent.

    Parameters
    ----------
    content : Content
        The local file; read only if nothing else tells.
    there : Found, optional
        The object that has the key now.
    known : Entry, optional
        What the manifest says of the key.
    size_only : bool
        The same size is enough.
    """
    file = content.file
    if there is None or there.size != file.size:
        return None
    is_known = known is not None and known.is_of(file)
    if size_only:
        if known is not None and known.etag == there.etag:
            return known if is_known else replace(known, identity=None)
        return Entry(file.key, file.size, "", there.etag)
    if known is not None and known.md5 and there.etag in (known.etag, known.md5):
        if is_known:
            return Entry(file.key, file.size, known.md5, there.etag, known.part, file.identity)
        md5 = content.checksum(known.part)
        return content.entry(md5, there.etag, known.part) if md5 == known.md5 else None
    for part in possible_parts(file.size, there.etag):
        if content.checksum(part) == there.etag:
            return content.entry(there.etag, there.etag, part)
    return None
