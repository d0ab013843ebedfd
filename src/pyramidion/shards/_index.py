"""The index of a shard: where each inner chunk lies.

Per chunk two little-endian uint64, offset and length, in C order; all ones for a chunk that is not
stored; then, in most arrays, the crc32c of those bytes. Source: ZEP 2, binary format of
``sharding_indexed``.

An index that grows while others read it lies at the start of its file and has no checksum, because
one could only be written together with the whole index. Each of its entries is checked by itself,
when its chunk is read: those of the frames to come may be anything.
"""

from __future__ import annotations

import struct

import numpy as np

from pyramidion.core import DamagedError

ABSENT = 2**64 - 1


def index_bytes(n_chunks: int, *, checked: bool = True) -> int:
    """Return the length of an index in bytes.

    Examples
    --------
    >>> index_bytes(256), index_bytes(256, checked=False)
    (4100, 4096)
    """
    return 16 * n_chunks + (4 if checked else 0)


def check_room(n_bytes: int, shard_bytes: int, where: str) -> None:
    """Refuse a shard that is shorter than its own index, before room is made for that.

    Parameters
    ----------
    n_bytes : int
        Length of the index.
    shard_bytes : int
        Length of the shard.
    where : str
        Name of the shard for the error.

    Raises
    ------
    DamagedError
        If it is.
    """
    if n_bytes > shard_bytes:
        raise _damaged(where, "shorter than its index")


def encode_index(entries: np.ndarray, *, checked: bool = True) -> bytes:
    """Return an index as bytes.

    Parameters
    ----------
    entries : ndarray, shape (n_chunks, 2), uint64
        Offset and length of each chunk.
    checked : bool
        A checksum follows.
    """
    body = entries.astype("<u8").tobytes()
    if not checked:
        return body
    import google_crc32c

    return body + struct.pack("<I", google_crc32c.value(body))


def decode_index(
    data: bytes, n_chunks: int, shard_bytes: int, where: str, *, index_at: str = "end"
) -> np.ndarray:
    """Read an index with a checksum back.

    Parameters
    ----------
    data : bytes
        The ``index_bytes(n_chunks)`` bytes at the end of the shard, or at its start.
    n_chunks : int
        Inner chunks of the shard.
    shard_bytes : int
        Length of the whole shard; no chunk may reach beyond it.
    where : str
        Name of the shard for the error.
    index_at : str
        ``end`` or ``start``.

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
        raise _damaged(where, "checksum differs")
    entries = np.frombuffer(body, "<u8").reshape(n_chunks, 2)
    stored = entries[entries[:, 0] != ABSENT]
    room = shard_bytes - (len(data) if index_at == "end" else 0)
    if not lie_within(stored, 0, room).all():
        raise _damaged(where, "a chunk lies outside the shard")
    return entries


def decode_open_index(data: bytes, n_chunks: int, where: str) -> np.ndarray:
    """Read an index without a checksum back; its entries are checked one by one when they are used.

    Returns
    -------
    ndarray, shape (n_chunks, 2), uint64

    Raises
    ------
    DamagedError
        If it is cut off.
    """
    if len(data) != index_bytes(n_chunks, checked=False):
        raise _damaged(where, "shorter than its index")
    return np.frombuffer(data, "<u8").reshape(n_chunks, 2)


def lie_within(entries: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Tell which chunks lie in a range of their file.

    Parameters
    ----------
    entries : ndarray, shape (n, 2), uint64
        Offset and length of each chunk.
    start, stop : int
        Where they may lie.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> lie_within(np.array([[16, 4], [17, 4], [2**64 - 1, 8]], np.uint64), 16, 20).tolist()
    [True, False, False]
    """
    first, last = np.uint64(start), np.uint64(max(start, stop))
    # Python integers in the comparison would be slow; uint64 sums may wrap, so compare stepwise.
    offset, length = entries[:, 0], entries[:, 1]
    inside: np.ndarray = (offset >= first) & (offset <= last)
    inside &= length <= np.where(inside, last - np.minimum(offset, last), 0)
    return inside


def _damaged(where: str, why: str) -> DamagedError:
    return DamagedError(where, "index damaged", why, "convert again", id="PYR-ZAR-08")
