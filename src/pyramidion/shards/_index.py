"""The index of a shard: where each inner chunk lies.

Per chunk two little-endian uint64, offset and length, in C order; all ones for a chunk that is not
stored; then the crc32c of those bytes. Source: ZEP 2, binary format of ``sharding_indexed``.
"""

from __future__ import annotations

import struct

import numpy as np

from pyramidion.core import DamagedError

ABSENT = 2**64 - 1


def index_bytes(n_chunks: int) -> int:
    """Return the length of an index in bytes.

    Examples
    --------
    >>> index_bytes(256)
    4100
    """
    return 16 * n_chunks + 4


def check_room(n_chunks: int, shard_bytes: int, where: str) -> None:
    """Refuse a shard that is shorter than its own index, before room is made for that.

    Raises
    ------
    DamagedError
        If it is.
    """
    if index_bytes(n_chunks) > shard_bytes:
        raise DamagedError(
            where, "index damaged", "shorter than its index", "convert again", id="PYR-ZAR-08"
        )


def encode_index(entries: np.ndarray) -> bytes:
    """Return an index as bytes.

    Parameters
    ----------
    entries : ndarray, shape (n_chunks, 2), uint64
        Offset and length of each chunk.
    """
    import google_crc32c

    body = entries.astype("<u8").tobytes()
    return body + struct.pack("<I", google_crc32c.value(body))


def decode_index(data: bytes, n_chunks: int, shard_bytes: int, where: str) -> np.ndarray:
    """Read an index back.

    Parameters
    ----------
    data : bytes
        The last ``index_bytes(n_chunks)`` bytes of the shard.
    n_chunks : int
        Inner chunks of the shard.
    shard_bytes : int
        Length of the whole shard; no chunk may reach beyond it.
    where : str
        Name of the shard for the error.

    Returns
    -------
    ndarray, shape (n_chunks, 2), uint64

    Raises
    ------
    DamagedError
        If the checksum differs or an entry points outside the shard.
    """
    import google_crc32c

    body = data[:-4]
    if (
        len(data) != index_bytes(n_chunks)
        or struct.pack("<I", google_crc32c.value(body)) != data[-4:]
    ):
        raise DamagedError(
            where, "index damaged", "checksum differs", "convert again", id="PYR-ZAR-08"
        )
    entries = np.frombuffer(body, "<u8").reshape(n_chunks, 2)
    stored = entries[entries[:, 0] != ABSENT]
    room = shard_bytes - len(data)
    # Python integers in the comparison would be slow; uint64 sums may wrap, so compare stepwise.
    if stored.size and (
        (stored[:, 0] > room).any() or (stored[:, 1] > np.uint64(room) - stored[:, 0]).any()
    ):
        raise DamagedError(
            where,
            "index damaged",
            "a chunk lies outside the shard",
            "convert again",
            id="PYR-ZAR-08",
        )
    return entries
