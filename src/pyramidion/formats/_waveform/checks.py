"""What an array's metadata may say; checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyramidion.core import DataError

CHUNK_LIMIT = 2**30
REFUSED = ("pickle", "json", "msgpack", "categorize", "vlen")
KNOWN_V2 = (
    "blosc",
    "zstd",
    "gzip",
    "zlib",
    "lz4",
    "bz2",
    "lzma",
    "delta",
    "fixedscaleoffset",
    "shuffle",
    "crc32",
    "quantize",
    "astype",
    "packbits",
)


def check_node(meta: Mapping[str, Any], where: str, kind: str) -> None:
    """Refuse a node of another Zarr version or kind, or with fields that must be understood."""
    if meta.get("zarr_format") != 3:
        raise DataError(
            where,
            f"Zarr format {meta.get('zarr_format')} not supported",
            "2 and 3 are",
            id="PYR-ZAR-03",
        )
    if meta.get("node_type") != kind:
        raise DataError(
            where,
            f"is not {kind}",
            meta.get("node_type"),
            f"a Zarr {kind} is needed",
            id="PYR-ZAR-03",
        )
    known = {
        "zarr_format", "node_type", "attributes", "consolidated_metadata", "shape", "data_type",
        "chunk_grid", "chunk_key_encoding", "fill_value", "codecs", "dimension_names",
        "storage_transformers",
    }  # fmt: skip
    for name in set(meta) - known:
        field = meta[name]
        if not (isinstance(field, dict) and field.get("must_understand") is False):
            raise DataError(
                where, f"unknown field {name}", "it must be understood", id="PYR-ZAR-03"
            )


def numeric_type(name: Any, where: str) -> np.dtype[Any]:
    """Return the type that a document names; refuse what is not a plain number."""
    try:
        dtype = np.dtype(name) if isinstance(name, str) else None
    except TypeError:
        dtype = None
    if dtype is None or dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise DataError(
            where,
            "unsupported type",
            name,
            "integers and floats of up to 64 bits are read",
            id="PYR-ZAR-05",
        )
    return dtype


def check_shape(shape: Any, chunk: Any, where: str) -> None:
    """Refuse a shape or chunk that is not made of sensible whole numbers."""

    def whole(values: Any, least: int, most: int) -> bool:
        return isinstance(values, list) and all(
            isinstance(n, int) and not isinstance(n, bool) and least <= n <= most for n in values
        )

    if not whole(shape, 0, 2**40):
        raise DataError(where, "shape must be whole numbers up to 2^40", shape, id="PYR-ZAR-04")
    if not whole(chunk, 1, 2**40) or len(chunk) != len(shape):
        raise DataError(
            where, "chunk does not fit the shape", f"{chunk} for {shape}", id="PYR-ZAR-04"
        )


def check_inner(meta: Mapping[str, Any], where: str) -> None:
    """Refuse shards that their inner chunks do not divide."""
    shard = meta["chunk_grid"]["configuration"]["chunk_shape"]
    for codec in meta.get("codecs", []):
        if isinstance(codec, dict) and codec.get("name") == "sharding_indexed":
            inner = codec.get("configuration", {}).get("chunk_shape")
            check_shape(meta["shape"], inner, where)
            if any(s % c for s, c in zip(shard, inner, strict=True)):
                told = f"{inner} in shards of {shard}"
                raise DataError(where, "chunk does not divide the shard", told, id="PYR-ZAR-04")


def check_chunk(chunk: Any, dtype: np.dtype[Any], where: str) -> None:
    """Refuse a chunk that would not fit in memory."""
    size = int(np.prod([int(n) for n in chunk], dtype=object)) * dtype.itemsize
    if size > CHUNK_LIMIT:
        raise DataError(
            where,
            f"chunk {_binary(size)} is over the limit {_binary(CHUNK_LIMIT)}",
            id="PYR-ZAR-04",
        )


def _binary(n_bytes: int) -> str:
    size = float(n_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"
