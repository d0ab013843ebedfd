"""The geometry of a sharded Zarr v3 array, and its ``zarr.json``.

An array is cut into shards (files), a shard into inner chunks (what is compressed). Metadata is
plain JSON written here, because importing a Zarr library costs more than writing it does; the
tests hold it equal to what zarr-python writes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyramidion.core import Box
from pyramidion.shards._codec import Codec

Index = tuple[int, ...]


@dataclass(frozen=True)
class ArrayLayout:
    """Shape, cutting and coding of one array.

    Parameters
    ----------
    shape : tuple of int
        Elements per axis.
    dtype : numpy.dtype
        Little-endian.
    chunk : tuple of int
        Inner chunk.
    shard : tuple of int
        A multiple of `chunk` on every axis.
    codec : Codec
        How an inner chunk is compressed.
    dimension_names : tuple of str
        One per axis.
    attributes : mapping
        The array's attributes (JSON values).
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    codec: Codec = field(default_factory=Codec)
    dimension_names: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(s % c for s, c in zip(self.shard, self.chunk, strict=True)):
            raise ValueError(f"shard {self.shard} is not a multiple of chunk {self.chunk}")

    @property
    def grid(self) -> Index:
        """Number of shards per axis."""
        return tuple(-(-n // s) for n, s in zip(self.shape, self.shard, strict=True))

    @property
    def chunks_per_shard(self) -> Index:
        """Number of inner chunks per axis of a shard."""
        return tuple(s // c for s, c in zip(self.shard, self.chunk, strict=True))

    @property
    def n_chunks_per_shard(self) -> int:
        """Number of inner chunks of a shard; entries of its index."""
        return math.prod(self.chunks_per_shard)

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one decoded inner chunk."""
        return math.prod(self.chunk) * self.dtype.itemsize

    def shards(self) -> Iterator[Index]:
        """Return the index of every shard, in C order."""
        return itertools.product(*(range(n) for n in self.grid))

    def shard_box(self, index: Index) -> Box:
        """Return the region of a shard, cut to the array."""
        start = tuple(i * s for i, s in zip(index, self.shard, strict=True))
        stop = tuple(a + s for a, s in zip(start, self.shard, strict=True))
        return Box(start, stop).clipped(self.shape)

    def chunks(self, shard: Index) -> Iterator[tuple[int, Box]]:
        """Return number and region of each inner chunk of a shard that holds elements.

        Yields
        ------
        number : int
            Position in the shard's index (C order over the whole shard).
        box : Box
            Region of the array, cut to its shape.
        """
        begin = self.shard_box(shard)
        for number, place in enumerate(
            itertools.product(*(range(n) for n in self.chunks_per_shard))
        ):
            start = tuple(a + p * c for a, p, c in zip(begin.start, place, self.chunk, strict=True))
            if all(a < n for a, n in zip(start, self.shape, strict=True)):
                stop = tuple(a + c for a, c in zip(start, self.chunk, strict=True))
                yield number, Box(start, stop).clipped(self.shape)

    def key(self, shard: Index) -> str:
        """Return a shard's key relative to the array.

        Examples
        --------
        >>> ArrayLayout((4, 9), np.dtype("i2"), (2, 3), (2, 6)).key((1, 0))
        'c/1/0'
        """
        return "/".join(["c", *map(str, shard)])

    def metadata(self) -> dict[str, Any]:
        """Return the array's ``zarr.json``.

        Notes
        -----
        Source: Zarr v3 core specification; ZEP 2 (sharding codec) for ``sharding_indexed``.
        """
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0.0 if self.dtype.kind == "f" else 0,
            "codecs": [
                {
                    "name": "sharding_indexed",
                    "configuration": {
                        "chunk_shape": list(self.chunk),
                        "codecs": self.codec.metadata(self.dtype),
                        "index_codecs": [
                            {"name": "bytes", "configuration": {"endian": "little"}},
                            {"name": "crc32c"},
                        ],
                        "index_location": "end",
                    },
                }
            ],
            "attributes": dict(self.attributes),
            "storage_transformers": [],
            **({"dimension_names": list(self.dimension_names)} if self.dimension_names else {}),
        }

    @classmethod
    def from_metadata(cls, meta: Mapping[str, Any]) -> ArrayLayout | None:
        """Read a ``zarr.json`` back; None when the array is not one that this engine reads."""
        grid, codecs = meta.get("chunk_grid", {}), meta.get("codecs", [])
        if len(codecs) != 1 or codecs[0].get("name") != "sharding_indexed":
            return None
        sharding = codecs[0].get("configuration", {})
        codec = Codec.from_metadata(sharding.get("codecs", []))
        index = [c.get("name") for c in sharding.get("index_codecs", [])]
        keys = meta.get("chunk_key_encoding", {})
        separator = keys.get("configuration", {}).get("separator", "/")
        ours = (
            codec is not None
            and grid.get("name") == "regular"
            and index == ["bytes", "crc32c"]
            and sharding.get("index_location", "end") == "end"
            and (keys.get("name"), separator) == ("default", "/")
            and meta.get("fill_value") in (0, 0.0)
            and not meta.get("storage_transformers")
        )
        if not ours or codec is None:
            return None
        return cls(
            tuple(meta["shape"]),
            np.dtype(meta["data_type"]).newbyteorder("<"),
            tuple(sharding["chunk_shape"]),
            tuple(grid["configuration"]["chunk_shape"]),
            codec,
            tuple(meta.get("dimension_names") or ()),
            meta.get("attributes", {}),
        )
