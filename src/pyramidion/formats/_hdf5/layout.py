"""Where the elements of one HDF5 dataset lie in the file: all that reading it needs.

Made by the child process that looks at the file, used by the readers. Knows no library.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
"""Registered numbers of the filters that are undone here, without the library."""

Storage = Literal["chunked", "contiguous", "inline", "missing", "library"]

CHUNK_RECORD = np.dtype([("number", "<u8"), ("offset", "<u8"), ("size", "<u8"), ("mask", "<u8")])
"""One stored chunk: its number in the C order of the chunk grid, its place, its filter mask."""


@dataclass(frozen=True)
class Filter:
    """One step of the pipeline that a chunk went through when it was written.

    Parameters
    ----------
    id : int
        Registered number (1 deflate, 2 shuffle, 3 fletcher32).
    values : tuple of int
        Parameters; for shuffle, the bytes of an element.
    """

    id: int
    values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One dataset.

    Parameters
    ----------
    path : str
        Its name in the file.
    shape : tuple of int
        1 to 5 axes.
    dtype : numpy.dtype
        As stored, in either byte order.
    storage : str
        ``chunked``, ``contiguous``, ``inline`` (the bytes are in `data`), ``missing`` (nothing was
        ever written) or ``library`` (only the HDF5 library can decode it).
    chunk : tuple of int
        Shape of a chunk; empty unless chunked.
    filters : tuple of Filter
        In the order of writing.
    fill : bytes
        One element, the value where nothing is stored.
    offset : int
        Of a contiguous dataset, in the file.
    table : ndarray of CHUNK_RECORD
        Stored chunks by rising number.
    data : bytes
        The elements of an inline dataset.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    storage: Storage
    chunk: tuple[int, ...] = ()
    filters: tuple[Filter, ...] = ()
    fill: bytes = b""
    offset: int = 0
    table: np.ndarray = field(default_factory=lambda: np.zeros(0, CHUNK_RECORD))
    data: bytes = b""

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunks per axis."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk, strict=True))

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a decoded chunk."""
        return math.prod(self.chunk) * self.dtype.itemsize

    def fill_value(self) -> np.ndarray:
        """Return the value where nothing is stored, as an array without axes."""
        if len(self.fill) != self.dtype.itemsize:
            return np.zeros((), self.dtype)
        return np.frombuffer(self.fill, self.dtype)[0]  # type: ignore[no-any-return]


def layout_from_json(found: Mapping[str, Any], table: bytes, data: bytes) -> Layout:
    """Build a layout from the child's answer.

    Parameters
    ----------
    found : mapping
        JSON values.
    table : bytes
        Records of the stored chunks, in any order.
    data : bytes
        Elements of an inline dataset.
    """
    records = np.frombuffer(table, CHUNK_RECORD)
    numbers = records["number"]
    if np.any(numbers[1:] < numbers[:-1]):
        records = records[np.argsort(numbers, kind="stable")]
    return Layout(
        path=found["path"],
        shape=tuple(found["shape"]),
        dtype=np.dtype(found["dtype"]),
        storage=found["storage"],
        chunk=tuple(found["chunk"]),
        filters=tuple(Filter(f["id"], tuple(f["values"])) for f in found["filters"]),
        fill=bytes.fromhex(found["fill"]),
        offset=found["offset"],
        table=records,
        data=data,
    )
