"""Opening one Zarr array of either version, as the image and the waveform reader need it.

Bulk reads go through the shard engine; an array that it does not read (another codec, a start
index, an unusual order) is read through zarr-python. Whatever the metadata say is checked before
anything is allocated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pyramidion.core import Box, DataError
from pyramidion.formats._waveform.checks import (
    check_chunk,
    check_codecs,
    check_codecs_v2,
    check_inner,
    check_node,
    check_shape,
    mapping_of,
    numeric_type,
)
from pyramidion.formats._waveform.documents import read_json
from pyramidion.shards import ArrayLayout, ChunkedArray, ChunkedLayout, ShardedArray
from pyramidion.storage import Folder

_FOREIGN_FAULTS = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError,
    AssertionError, MemoryError, OSError,
)  # fmt: skip
"""What zarr-python and its codecs raise for metadata and chunks that they do not understand."""


class Reader(Protocol):
    """Anything that reads boxes of one array."""

    def read(self, box: Box) -> np.ndarray: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class StoredArray:
    """One array of a store.

    Parameters
    ----------
    key : str
        Relative to the store.
    shape, chunk, shard : tuple of int
        Geometry; `shard` equals `chunk` where there are no shards.
    dtype : numpy.dtype
        Element type.
    codec : str
        For people.
    reader : Reader
        Reads boxes.
    attributes : mapping
        The array's own attributes.
    names : tuple of str
        What the array calls its axes; empty where it does not.
    """

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    codec: str
    reader: Reader
    attributes: Mapping[str, Any]
    names: tuple[str, ...] = ()


def open_array(store: Folder, key: str, zarr_format: int, *, absent_is_fill: bool) -> StoredArray:
    """Open an array.

    Parameters
    ----------
    store : Folder
        The store.
    key : str
        The array in it; empty where the store is one array.
    zarr_format : int
        2 or 3.
    absent_is_fill : bool
        A chunk that is not stored holds the fill value; otherwise it is missing.

    Raises
    ------
    MissingError
        If there is no such array.
    DataError
        If its metadata are broken, unsupported or over a limit.
    """
    opened = _open_v3 if zarr_format == 3 else _open_v2
    return opened(store, key, absent_is_fill)


def _open_v3(store: Folder, key: str, absent_is_fill: bool) -> StoredArray:
    meta = read_json(store, f"{key}/zarr.json" if key else "zarr.json")
    where = str(store.root / key)
    check_node(meta, where, "array")
    attributes = mapping_of(meta.get("attributes"), "attributes", where)
    grid = mapping_of(meta.get("chunk_grid"), "chunk_grid", where)
    how = mapping_of(grid.get("configuration"), "chunk_grid", where)
    dtype = numeric_type(meta.get("data_type"), where)
    check_shape(meta.get("shape"), how.get("chunk_shape"), where)
    if not isinstance(meta.get("codecs"), list):
        raise DataError(where, "codecs: not a list", meta.get("codecs"), id="PYR-ZAR-05")
    codecs = [str(c.get("name")) if isinstance(c, Mapping) else str(c) for c in meta["codecs"]]
    check_codecs(codecs, where)
    chunk = tuple(check_inner(meta, where))
    check_chunk(chunk, dtype, where)
    names = _names(meta.get("dimension_names"), len(chunk))
    folder = Folder(store.root / key)
    sharded = ArrayLayout.from_metadata(meta)
    if sharded is not None:
        return StoredArray(
            key,
            sharded.shape,
            sharded.dtype,
            sharded.chunk,
            sharded.shard,
            sharded.codec.name,
            ShardedArray(folder, sharded, absent_is_fill=absent_is_fill),
            attributes,
            names,
        )
    chunked = ChunkedLayout.from_metadata_v3(meta)
    if chunked is not None:
        return _chunked(key, folder, chunked, attributes, names, absent_is_fill)
    return _foreign(store, key, chunk, attributes, names, "/".join(codecs))


def _open_v2(store: Folder, key: str, absent_is_fill: bool) -> StoredArray:
    meta = read_json(store, f"{key}/.zarray" if key else ".zarray")
    where = str(store.root / key)
    codecs = check_codecs_v2(meta, where)
    dtype = numeric_type(meta.get("dtype"), where)
    check_shape(meta.get("shape"), meta.get("chunks"), where)
    check_chunk(meta["chunks"], dtype, where)
    attributes: Mapping[str, Any] = {}
    beside = f"{key}/.zattrs" if key else ".zattrs"
    if store.exists(beside):
        attributes = read_json(store, beside)
    names = _names(attributes.get("_ARRAY_DIMENSIONS"), len(meta["chunks"]))
    layout = ChunkedLayout.from_metadata(meta)
    if layout is None:
        chunk = tuple(meta["chunks"])
        return _foreign(store, key, chunk, attributes, names, "/".join(codecs))
    return _chunked(key, Folder(store.root / key), layout, attributes, names, absent_is_fill)


def _chunked(
    key: str,
    folder: Folder,
    layout: ChunkedLayout,
    attributes: Mapping[str, Any],
    names: tuple[str, ...],
    absent_is_fill: bool,
) -> StoredArray:
    reader = ChunkedArray(folder, layout, absent_is_fill=absent_is_fill)
    shape, chunk = layout.shape, layout.chunk
    return StoredArray(
        key, shape, layout.dtype, chunk, chunk, layout.codec.name, reader, attributes, names
    )


def _foreign(
    store: Folder,
    key: str,
    chunk: tuple[int, ...],
    attributes: Mapping[str, Any],
    names: tuple[str, ...],
    codec: str,
) -> StoredArray:
    reader = _ZarrArray(store.root / key)
    shape, dtype = tuple(reader.array.shape), np.dtype(reader.array.dtype)
    return StoredArray(key, shape, dtype, chunk, chunk, codec, reader, attributes, names)


def _names(given: Any, n_axes: int) -> tuple[str, ...]:
    """Return the names of an array's axes; none where they do not fit it."""
    if not isinstance(given, list) or len(given) != n_axes:
        return ()
    return tuple(given) if all(isinstance(name, str) for name in given) else ()


class _ZarrArray:
    """An array read through zarr-python."""

    def __init__(self, path: Path) -> None:
        import zarr

        self._where = str(path)
        try:
            self.array: Any = zarr.open_array(str(path), mode="r")
        except _FOREIGN_FAULTS as error:
            raise DataError(str(path), "codec or type not known", error, id="PYR-ZAR-05") from error

    def read(self, box: Box) -> np.ndarray:
        try:
            values = np.asarray(self.array[box.slices])
        except _FOREIGN_FAULTS as error:
            raise DataError(self._where, "does not decode", error, id="PYR-ZAR-07") from error
        return values.astype(values.dtype.newbyteorder("<"), copy=False)

    def close(self) -> None:
        """Nothing is held open."""
