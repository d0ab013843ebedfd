"""Undoing the filters of one chunk, without the HDF5 library and its lock.

Every step runs outside the interpreter's lock, so that threads decode side by side. Source: HDF5
File Format Specification 3.0, IV.A.2.l "Filter Pipeline", and the library's own filters.

>>> fletcher32(b"abcdefgh")
3790311829
"""

from __future__ import annotations

import numpy as np

from pyramidion.formats._hdf5.layout import DEFLATE, FLETCHER32, SHUFFLE, Layout

_WORDS = 2**20
_WIDEST = 8


class ChunkError(Exception):
    """A chunk's bytes do not decode; the message says why."""


def decode_chunk(data: bytes, mask: int, layout: Layout) -> np.ndarray:
    """Decode one chunk.

    Parameters
    ----------
    data : bytes
        As stored.
    mask : int
        Bit i is set when filter i was left out for this chunk.
    layout : Layout
        The dataset; its filters are deflate, shuffle and fletcher32 only.

    Returns
    -------
    ndarray, shape ``layout.chunk``, dtype ``layout.dtype``
        May be a read-only view of `data`.

    Raises
    ------
    ChunkError
        If a checksum differs, or the bytes do not inflate to one chunk exactly.
    """
    used = [f for i, f in enumerate(layout.filters) if not mask >> i & 1]
    current: bytes | bytearray | memoryview = data
    for position in range(len(used) - 1, -1, -1):
        step = used[position]
        if step.id == FLETCHER32:
            current = _checked(current)
        elif step.id == DEFLATE:
            n_sums = sum(f.id == FLETCHER32 for f in used[:position])
            current = _inflated(current, layout.chunk_bytes + 4 * n_sums)
        elif step.id == SHUFFLE:
            current = unshuffle(current, step.values[0] if step.values else 1)
    if len(current) != layout.chunk_bytes:
        raise ChunkError(f"holds {len(current)} B, {layout.chunk_bytes} B expected")
    return np.frombuffer(current, layout.dtype).reshape(layout.chunk)


def unshuffle(data: bytes | bytearray | memoryview, n_element: int) -> memoryview:
    """Put bytes that were sorted by their place in the element back together.

    Parameters
    ----------
    data : bytes
        First byte of every element, then every second byte...; bytes that fill no element follow.
    n_element : int
        Bytes of an element.
    """
    if not 2 <= n_element <= len(data):
        return memoryview(data)
    source = np.frombuffer(data, np.uint8)
    n = source.size // n_element
    out = np.empty(source.size, np.uint8)
    whole = out[: n * n_element].reshape(n, n_element)
    columns = source[: n * n_element].reshape(n_element, n)
    if n_element <= _WIDEST:
        # Column by column: 4 times faster than assigning the transposed array at once.
        for place in range(n_element):
            whole[:, place] = columns[place]
    else:
        whole[:] = columns.T
    out[n * n_element :] = source[n * n_element :]
    return out.data


def shuffle(data: np.ndarray) -> np.ndarray:
    """Sort the bytes of an array by their place in the element: the inverse of :func:`unshuffle`.

    Parameters
    ----------
    data : ndarray
        C-contiguous.
    """
    n_element = data.dtype.itemsize
    columns = data.reshape(-1).view(np.uint8).reshape(-1, n_element)
    return np.ascontiguousarray(columns.T).reshape(-1)


def fletcher32(data: bytes | memoryview) -> int:
    """Return the checksum that HDF5 appends to a chunk.

    Notes
    -----
    Two sums of big-endian 16-bit words, modulo 65535, where a sum that is a multiple of 65535 but
    not 0 counts as 65535. An odd last byte is the high byte of a last word.
    """
    padded = bytes(data) + b"\0" if len(data) % 2 else data
    words = np.frombuffer(padded, ">u2")
    first = second = 0
    for begin in range(0, words.size, _WORDS):
        piece = words[begin : begin + _WORDS].astype(np.uint64)
        weights = np.arange(piece.size, 0, -1, dtype=np.uint64)
        second += piece.size * first + int((piece * weights).sum())
        first += int(piece.sum())
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    return total % 65535 or (65535 if total else 0)


def _checked(data: bytes | bytearray | memoryview) -> memoryview:
    if len(data) < 4:
        raise ChunkError("no room for its checksum")
    view = memoryview(data)
    stored = int.from_bytes(view[-4:], "little")
    computed = fletcher32(view[:-4])
    # Files of HDF5 before 1.6.3 on little-endian machines have both halves' bytes exchanged.
    exchanged = (computed & 0x00FF00FF) << 8 | (computed & 0xFF00FF00) >> 8
    if stored not in (computed, exchanged):
        raise ChunkError("checksum differs")
    return view[:-4]


def _inflated(data: bytes | bytearray | memoryview, n_bytes: int) -> bytearray:
    import deflate

    # The result is n_bytes at most, so that a bomb costs no more than an honest chunk.
    try:
        found = deflate.zlib_decompress(data, n_bytes)
    except deflate.DeflateError as error:
        raise ChunkError("does not inflate") from error
    if len(found) != n_bytes:
        raise ChunkError(f"inflates to {len(found)} B, {n_bytes} B expected")
    return found
