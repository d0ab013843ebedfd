"""Arrays of one file a chunk: Zarr v2, and Zarr v3 without shards.

Source: Zarr storage specification version 2 (``.zarray``, chunk keys, "compressor"); Zarr v3 core
specification ("chunk key encoding").
"""

from __future__ import annotations

import itertools
import math
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyramidion.core import Box, DataError, MissingError
from pyramidion.shards._codec import Codec, named_steps
from pyramidion.shards._layout import read_fill
from pyramidion.shards._paste import paste
from pyramidion.storage import Folder, is_remote

_SHUFFLE_AUTO = -1


@dataclass(frozen=True)
class ChunkedLayout:
    """Shape, cutting and coding of one array in C order.

    Parameters
    ----------
    shape, chunk : tuple of int
        Elements per axis, of the array and of a chunk.
    dtype : numpy.dtype
        As stored, either byte order.
    codec : Codec
        Version 2 has no checksum.
    fill_value : float
        What a chunk that is not stored holds.
    separator : str
        Between the numbers of a chunk's key.
    prefix : str
        What a chunk's key begins with (``c/`` in version 3).
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    codec: Codec = field(default_factory=lambda: Codec("blosc-zstd", 5, checked=False))
    fill_value: float = 0
    separator: str = "."
    prefix: str = ""

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunks per axis."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk, strict=True))

    def key(self, index: tuple[int, ...]) -> str:
        """Return a chunk's key relative to the array (``0.0.0.17``)."""
        return self.prefix + self.separator.join(map(str, index))

    def chunk_box(self, index: tuple[int, ...]) -> Box:
        """Return a chunk's whole region, which may reach beyond the array."""
        start = tuple(i * c for i, c in zip(index, self.chunk, strict=True))
        return Box(start, tuple(a + c for a, c in zip(start, self.chunk, strict=True)))

    def chunks(self, box: Box) -> Iterator[tuple[int, ...]]:
        """Return the index of every chunk that a region touches, in C order."""
        return itertools.product(
            *(
                range(a // c, -(-b // c))
                for a, b, c in zip(box.start, box.stop, self.chunk, strict=True)
            )
        )

    def metadata(self) -> dict[str, Any]:
        """Return the array's ``.zarray``."""
        cname = self.codec.name.removeprefix("blosc-")
        return {
            "zarr_format": 2,
            "shape": list(self.shape),
            "chunks": list(self.chunk),
            "dtype": self.dtype.str,
            "compressor": {
                "id": "blosc",
                "cname": cname,
                "clevel": self.codec.level,
                "shuffle": self.codec.shuffle,
                "blocksize": 0,
            },
            "fill_value": 0,
            "order": "C",
            "filters": None,
        }

    @classmethod
    def from_metadata(cls, meta: Mapping[str, Any]) -> ChunkedLayout | None:
        """Read a ``.zarray`` back; None when the array is not one that this engine reads."""
        dtype = np.dtype(meta["dtype"])
        codec = _codec(meta.get("compressor"), dtype)
        given = meta.get("fill_value")
        fill_value = 0 if given is None else read_fill(given, dtype)
        separator = meta.get("dimension_separator", ".")
        if codec is None or fill_value is None or separator not in (".", "/"):
            return None
        if meta.get("order") != "C" or meta.get("filters"):
            return None
        return cls(
            tuple(meta["shape"]),
            dtype,
            tuple(meta["chunks"]),
            codec,
            fill_value,
            separator,
        )

    @classmethod
    def from_metadata_v3(cls, meta: Mapping[str, Any]) -> ChunkedLayout | None:
        """Read the ``zarr.json`` of an array without shards; None when this engine does not.

        Shape, data type and chunks must have been checked; the rest may be anything.
        """
        dtype = np.dtype(meta["data_type"]).newbyteorder("<")
        codec = Codec.from_metadata(meta.get("codecs"))
        given = meta.get("fill_value")
        fill_value = None if given is None else read_fill(given, dtype)
        keys = named_steps([meta.get("chunk_key_encoding")])
        is_regular = meta["chunk_grid"].get("name") == "regular"
        if codec is None or fill_value is None or not keys or not is_regular:
            return None
        (name, how), *_ = keys
        separator = how.get("separator", {"default": "/", "v2": "."}.get(name))
        if name not in ("default", "v2") or separator not in (".", "/"):
            return None
        if meta.get("storage_transformers"):
            return None
        return cls(
            tuple(meta["shape"]),
            dtype,
            tuple(meta["chunk_grid"]["configuration"]["chunk_shape"]),
            codec,
            fill_value,
            separator,
            f"c{separator}" if name == "default" else "",
        )


class ChunkedArray:
    """An array of one file a chunk, on disk, read box by box from many threads at once.

    Parameters
    ----------
    folder : Folder
        The array's folder.
    layout : ChunkedLayout
        As read from its metadata.
    absent_is_fill : bool
        A chunk that is not stored is the fill value, as version 2 has it. A writer that is known to
        store every chunk has lost it.
    """

    def __init__(
        self, folder: Folder, layout: ChunkedLayout, *, absent_is_fill: bool = True
    ) -> None:
        self.layout = layout
        self._absent_is_fill = absent_is_fill
        self._folder = folder

    def read(self, box: Box) -> np.ndarray:
        """Read a region.

        Raises
        ------
        MissingError
            If a chunk is not stored and that does not stand for the fill value.
        DataError
            If a chunk is not a regular file.
        DamagedError
            If a chunk does not decode to its size.
        """
        out = np.empty(box.shape, self.layout.dtype.newbyteorder("<"))
        for index in self.layout.chunks(box):
            paste(out, box, self._chunk(index), self.layout.chunk_box(index))
        return out

    def close(self) -> None:
        """Release nothing: files are open only while they are read."""

    def _chunk(self, index: tuple[int, ...]) -> np.ndarray:
        layout = self.layout
        key = layout.key(index)
        self._check_kind(key)
        try:
            data = self._folder.read(key)
        except MissingError:
            if not self._absent_is_fill:
                raise
            return np.full(layout.chunk, layout.fill_value, layout.dtype)
        n_items = math.prod(layout.chunk)
        where = str(self._folder.root / key)
        return layout.codec.decode(data, layout.dtype, n_items, where).reshape(layout.chunk)

    def _check_kind(self, key: str) -> None:
        """Refuse what is not a file before it is opened: a pipe that nobody writes would hang."""
        path = self._folder.path(key)
        if is_remote(path):  # an object is always one, and a question travels
            return
        with suppress(OSError):  # told by the reading that follows
            if not stat.S_ISREG(path.stat().st_mode):
                raise DataError(str(path), "not a regular file", id="PYR-ALL-18")


def _codec(compressor: Any, dtype: np.dtype[Any]) -> Codec | None:
    if compressor is None:
        return Codec("none", 0, checked=False)
    if not isinstance(compressor, Mapping):
        return None
    name, level = compressor.get("id"), compressor.get("clevel", compressor.get("level", 1))
    shuffle, cname = compressor.get("shuffle", 1), compressor.get("cname", "lz4")
    if not isinstance(level, int):
        return None
    if name == "blosc":
        if shuffle not in (_SHUFFLE_AUTO, 0, 1, 2) or not isinstance(cname, str):
            return None
        if shuffle == _SHUFFLE_AUTO:
            shuffle = 2 if dtype.itemsize == 1 else 1
        return Codec(f"blosc-{cname}", level, int(shuffle), checked=False)
    if name in ("zstd", "gzip", "zlib"):
        return Codec(name, level, checked=False)
    return None
