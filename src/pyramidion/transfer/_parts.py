"""In which pieces an object is sent, and what a store calls the result.

The ETag of an object that was put whole is the MD5 of its bytes; of one put in parts it is the MD5
of the parts' MD5s with the number of parts behind it (observed on radosgw and moto, and described
for Amazon S3 in "Checking object integrity"). Both are *checksums* here: ``hex`` and ``hex-N``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

MIB = 2**20
MOST_PARTS = 10_000
LARGEST_OBJECT = 5 * 2**40
SMALLEST_PART = 5 * MIB
"""No smaller object is ever put in parts."""

_SINGLE = 64 * MIB
_PART = 16 * MIB
_AIMED_PARTS = 9_000
_CONCURRENT = 4
_OTHERS_PARTS = tuple(n * MIB for n in (16, 8, 50, 5, 15, 32, 64, 100, 128))
"""Part sizes that other programs use by default."""

_CHECKSUM = re.compile(r"[0-9a-f]{32}(?:-([1-9][0-9]{0,4}))?")


@dataclass(frozen=True)
class Pieces:
    """How an object is sent.

    Parameters
    ----------
    part : int
        Bytes of each part but the last; 0 if the object is put whole.
    concurrent : int
        Parts under way at once.
    cost : int
        Bytes of it that are in memory at once.
    """

    part: int
    concurrent: int
    cost: int


def pieces_of(size: int, bound: int) -> Pieces:
    """Return how an object is sent.

    Parameters
    ----------
    size : int
        Its bytes.
    bound : int
        Bytes that all objects under way may have in memory.
    """
    if size <= min(_SINGLE, max(bound, SMALLEST_PART)):
        return Pieces(0, 1, size)
    part = max(SMALLEST_PART, min(_PART, bound // 4 // MIB * MIB))
    needed = -(-size // _AIMED_PARTS)
    part = max(part, -(-needed // MIB) * MIB)
    concurrent = max(1, min(_CONCURRENT, bound // part - 1))
    return Pieces(part, concurrent, min(part * (concurrent + 1), size))


def is_checksum(etag: str) -> bool:
    """Tell whether what a store calls a content may be its MD5, or that of its parts."""
    return _CHECKSUM.fullmatch(etag) is not None


def possible_parts(size: int, etag: str) -> list[int]:
    """Return the part sizes with which an object of this size could have got this ETag.

    Returns
    -------
    list of int
        0 for an object that was put whole; empty if the ETag is not a checksum.
    """
    match = _CHECKSUM.fullmatch(etag)
    if match is None:
        return []
    if match[1] is None:
        return [0]
    n_parts = int(match[1])
    own = pieces_of(size, 2**40).part
    sizes = dict.fromkeys((own, *_OTHERS_PARTS))
    return [part for part in sizes if part and -(-size // part) == n_parts]


class Checksum:
    """The checksum of bytes that come piece by piece.

    Parameters
    ----------
    part : int
        Bytes of a part; 0 for the MD5 of the whole.
    """

    def __init__(self, part: int = 0) -> None:
        self._part, self._filled = part, 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self._finished: list[bytes] = []

    def update(self, data: bytes | memoryview) -> None:
        """Add bytes; pieces may be of any length."""
        view = memoryview(data)
        while self._part and self._filled + len(view) > self._part:
            left = self._part - self._filled
            self._digest.update(view[:left])
            self._close_part()
            view = view[left:]
        self._digest.update(view)
        self._filled += len(view)

    def text(self) -> str:
        """Return the checksum of what was added; nothing can be added afterwards."""
        if not self._part:
            return self._digest.hexdigest()
        if self._filled:
            self._close_part()
        whole = hashlib.md5(b"".join(self._finished), usedforsecurity=False).hexdigest()
        return f"{whole}-{len(self._finished)}"

    def _close_part(self) -> None:
        self._finished.append(self._digest.digest())
        self._digest, self._filled = hashlib.md5(usedforsecurity=False), 0


def checksum(data: bytes | memoryview, part: int = 0) -> str:
    """Return the checksum of bytes.

    Examples
    --------
    >>> checksum(b"abc")
    '900150983cd24fb0d6963f7d28e17f72'
    """
    result = Checksum(part)
    result.update(data)
    return result.text()


def ranges(size: int, part: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each part."""
    for offset in range(0, size, part):
        yield offset, min(part, size - offset)
