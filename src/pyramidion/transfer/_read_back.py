"""Reading an object back, to see that it is what was sent."""

from __future__ import annotations

from pyramidion.transfer._attempts import Attempts
from pyramidion.transfer._parts import Checksum
from pyramidion.transfer._stores import Stores

PIECE = 4 * 2**20


def read_checksum(stores: Stores, attempts: Attempts, key: str, part: int) -> tuple[int, str]:
    """Read an object; return its size and its checksum for parts of this size.

    Raises
    ------
    PyramidionError
        If it cannot be read; MissingError if it is not there.
    TimeUpError, HaltError
        See :class:`Attempts`.
    """

    def request(tries: int) -> tuple[int, str]:
        del tries
        result, size = Checksum(part), 0
        for piece in stores.bucket.store.get(stores.key(key)).stream(min_chunk_size=PIECE):
            attempts.check()
            size += len(piece)
            result.update(memoryview(piece))
        return size, result.text()

    return attempts.run(key, request)
