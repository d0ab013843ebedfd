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
from typing import Any, Literal

import numpy as np

from pyramidion.core import Box
from pyramidion.shards._codec import Codec, is_little_endian, named_steps

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
    fill_value : int or float
        What a chunk that is not stored holds, in arrays that leave some out.
    index_at : str
        Where a shard has its index: ``end`` or ``start``.
    index_checked : bool
        A crc32c follows the index. An index that grows while others read it has none.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    codec: Codec = field(default_factory=Codec)
    dimension_names: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    fill_value: float = 0
    index_at: Literal["end", "start"] = "end"
    index_checked: bool = True

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
        # Per axis first, (share of the number, start, stop): a shard has thousands of chunks.
        axes = []
        stride = self.n_chunks_per_shard
        region = self.shard_box(shard)
        for a, b, c, n in zip(
            region.start, region.stop, self.chunk, self.chunks_per_shard, strict=True
        ):
            stride //= n
            axes.append([(i * stride, s, min(s + c, b)) for i, s in enumerate(range(a, b, c))])
        for place in itertools.product(*axes):
            shares, start, stop = zip(*place, strict=True)
            yield sum(shares), Box(start, stop)

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
            "fill_value": _fill_to_json(self.fill_value, self.dtype),
            "codecs": [
                {
                    "name": "sharding_indexed",
                    "configuration": {
                        "chunk_shape": list(self.chunk),
                        "codecs": self.codec.metadata(self.dtype),
                        "index_codecs": [
                            {"name": "bytes", "configuration": {"endian": "little"}},
                            *([{"name": "crc32c"}] if self.index_checked else []),
                        ],
                        "index_location": self.index_at,
                    },
                }
            ],
            "attributes": dict(self.attributes),
            "storage_transformers": [],
            **({"dimension_names": list(self.dimension_names)} if self.dimension_names else {}),
        }

    @classmethod
    def from_metadata(cls, meta: Mapping[str, Any]) -> ArrayLayout | None:
        """Read a ``zarr.json`` back; None when the array is not one that this engine reads.

        Shape, data type and chunks must have been checked; the rest may be anything.
        """
        outer = named_steps(meta.get("codecs"))
        if [name for name, _ in outer] != ["sharding_indexed"]:
            return None
        sharding = outer[0][1]
        codec = Codec.from_metadata(sharding.get("codecs"))
        index = named_steps(sharding.get("index_codecs"))
        dtype = np.dtype(meta["data_type"]).newbyteorder("<")
        fill_value = (
            None if meta.get("fill_value") is None else read_fill(meta["fill_value"], dtype)
        )
        names = meta.get("dimension_names") or []
        steps = [name for name, _ in index]
        index_at = sharding.get("index_location", "end")
        ours = (
            steps in (["bytes", "crc32c"], ["bytes"])
            and is_little_endian(index)
            and index_at in ("end", "start")
            and meta["chunk_grid"].get("name") == "regular"
            and _has_default_keys(meta.get("chunk_key_encoding"))
            and isinstance(names, list)
            and not meta.get("storage_transformers")
        )
        if not ours or codec is None or fill_value is None:
            return None
        return cls(
            tuple(meta["shape"]),
            dtype,
            tuple(sharding["chunk_shape"]),
            tuple(meta["chunk_grid"]["configuration"]["chunk_shape"]),
            codec,
            tuple(names),
            meta.get("attributes") or {},
            fill_value,
            index_at,
            steps[-1] == "crc32c",
        )


def read_fill(value: Any, dtype: np.dtype[Any]) -> float | None:
    """Return the fill value that a document gives, None when it is not one of this type.

    Notes
    -----
    Source: Zarr core specifications version 2 and 3, "fill value": JSON has no NaN and no infinity,
    so that these are words there.

    Examples
    --------
    >>> read_fill("NaN", np.dtype("<f4")), read_fill(-1, np.dtype("u1"))
    (nan, None)
    """
    if dtype.kind == "f" and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if dtype.kind == "f":
        # JSON's numbers have no limit: one beyond the type's would silently become infinite.
        is_within = abs(value) <= float(np.finfo(dtype).max) or value in (math.inf, -math.inf)
        return float(value) if is_within else None
    limits = np.iinfo(dtype)
    return int(value) if limits.min <= value <= limits.max and value == int(value) else None


def _fill_to_json(value: float, dtype: np.dtype[Any]) -> float | str:
    if dtype.kind != "f":
        return int(value)
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def _has_default_keys(encoding: Any) -> bool:
    steps = named_steps([encoding])
    return bool(steps) and steps[0][0] == "default" and steps[0][1].get("separator", "/") == "/"
