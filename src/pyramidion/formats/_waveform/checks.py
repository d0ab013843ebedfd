"""What an array's metadata may say; checked before anything is allocated."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyramidion.core import DataError, escape
from pyramidion.kernels import bin_count

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
            f"Zarr format {escape(meta.get('zarr_format'))} not supported",
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
                where, f"unknown field {escape(name)}", "it must be understood", id="PYR-ZAR-03"
            )


def mapping_of(value: Any, what: str, where: str) -> Mapping[str, Any]:
    """Return a part of a document that must be an object; an absent one is empty."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DataError(where, f"{what}: not an object", value, id="PYR-ZAR-03")
    return value


def check_codecs(names: list[str], where: str) -> None:
    """Refuse a Zarr v3 codec that could run code or has no plain numbers."""
    for name in names:
        if any(word in name for word in REFUSED):
            raise DataError(where, f"codec {escape(name)} refused", id="PYR-ZAR-05")


def check_codecs_v2(meta: Mapping[str, Any], where: str) -> list[str]:
    """Return the names of a version 2 array's codecs; refuse pickles and what is not known."""
    filters = meta.get("filters") or []
    if not isinstance(filters, list):
        raise DataError(where, "filters: not a list", filters, id="PYR-ZAR-05")
    codecs = [c for c in (meta.get("compressor"), *filters) if c is not None]
    names = [str(c.get("id")) if isinstance(c, Mapping) else str(c) for c in codecs]
    if "O" in str(meta.get("dtype")) or any("pickle" in name for name in names):
        raise DataError(
            where, "pickled objects are never loaded", meta.get("dtype"), id="PYR-ZAR-06"
        )
    for name in names:
        if name not in KNOWN_V2:
            raise DataError(where, f"codec {escape(name)} not known", id="PYR-ZAR-05")
    return names


def numeric_type(name: Any, where: str) -> np.dtype[Any]:
    """Return the type that a document names; refuse what is not a plain number."""
    try:
        dtype = np.dtype(name) if isinstance(name, str) else None
    except (TypeError, ValueError, SyntaxError):
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


def check_inner(meta: Mapping[str, Any], where: str) -> list[int]:
    """Return the shape of what is decoded at once; refuse shards that it does not divide."""
    shard: list[int] = meta["chunk_grid"]["configuration"]["chunk_shape"]
    for codec in meta["codecs"]:
        if isinstance(codec, Mapping) and codec.get("name") == "sharding_indexed":
            how = mapping_of(codec.get("configuration"), "sharding_indexed", where)
            inner: list[int] = how.get("chunk_shape", [])
            check_shape(meta["shape"], inner, where)
            if any(s % c for s, c in zip(shard, inner, strict=True)):
                told = f"{inner} in shards of {shard}"
                raise DataError(where, "chunk does not divide the shard", told, id="PYR-ZAR-04")
            return inner
    return shard


def check_factors(factors: list[int], where: str) -> None:
    """Refuse levels, finest first, of which one does not consist of whole bins of the one before."""
    for fine, coarse in itertools.pairwise(factors):
        if coarse % fine:
            told = f"{coarse} and {fine} samples a bin"
            raise DataError(where, "levels do not divide each other", told, id="PYR-ZAR-04")


def samples_per_bin(given: Any, n_samples: int, n_bins: int, where: str) -> int:
    """Return how many samples a bin of an overview covers.

    Parameters
    ----------
    given : object
        What the level's attributes say. ZoomingOnline stored none: it divided the record by the
        number of bins it wanted, ``samples // 4000`` by default, and dropped the rest.
    n_samples, n_bins : int
        Lengths of the record and of the level.
    where : str
        The level, named in the error.

    Raises
    ------
    DataError
        If it is no number of samples, or does not make that many bins.

    Examples
    --------
    >>> samples_per_bin(None, 30_001, 4285, "w"), samples_per_bin(None, 30_001, 1000, "w")
    (7, 30)
    """
    if given is not None:
        if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 2**40:
            raise DataError(
                where, "samples_per_bin: not a number of samples", given, id="PYR-ZAR-04"
            )
        tried = [given]
    else:
        tried = [max(1, n_samples // 4000), n_samples // max(1, n_bins)]
        tried.append(bin_count(n_samples, max(1, n_bins)))
    for factor in tried:
        if factor and n_bins in (n_samples // factor, bin_count(n_samples, factor)):
            return factor
    told = f"{n_bins} bins for {n_samples} samples"
    raise DataError(where, "does not fit the samples", told, id="PYR-ZAR-04")


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
