"""What the viewer makes of the metadata of a Zarr array: the rules of its ``store/metadata.js``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ITEM_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4,
    "int64": 8, "uint64": 8, "float16": 2, "float32": 4, "float64": 8,
}  # fmt: skip
COMPRESSORS = ("blosc", "zstd", "gzip", "zlib")
BLOSC_CODECS = ("lz4", "lz4hc", "zstd")
CHUNK_LIMIT = 100 * 2**20
_SIZE_LIMIT = 2**50
_V2_KINDS = {"i": "int", "u": "uint", "f": "float", "b": "uint"}


class NotViewableError(Exception):
    """The viewer does not show this array; the text says why."""


@dataclass(frozen=True)
class ViewableArray:
    """An array that the viewer reads.

    Parameters
    ----------
    path : str
        In the store; empty for its root.
    first, last : str
        Keys of the objects with its first and its last samples.
    index_bytes : int
        Size of the index of a shard; 0 where each chunk is an object.
    is_index_at_end : bool
        Where the index of a shard is.
    """

    path: str
    first: str
    last: str
    index_bytes: int = 0
    is_index_at_end: bool = True


def read_v3(path: str, node: Mapping[str, Any]) -> ViewableArray:
    """Read the ``zarr.json`` of an array.

    Raises
    ------
    NotViewableError
        If the viewer cannot show it.
    """
    shape = _sizes(node.get("shape"), "shape")
    outer = inner = _sizes(_configuration(node.get("chunk_grid")).get("chunk_shape"), "chunk_shape")
    dtype = node.get("data_type")
    codecs = _codecs(node.get("codecs"))
    index_bytes, at_end = 0, True
    if codecs and codecs[0][0] == "sharding_indexed":
        sharding = codecs[0][1]
        inner = _sizes(sharding.get("chunk_shape"), "chunk_shape")
        index_bytes = _index_bytes(sharding, outer, inner)
        at_end = sharding.get("index_location") != "start"
        codecs = _codecs(sharding.get("codecs"))
    _check_codecs(codecs, len(shape))
    _check_elements(dtype, shape, inner)
    grid = [math.ceil(n / size) for n, size in zip(shape, outer, strict=True)]
    keys = _keys_v3(path, node.get("chunk_key_encoding"), grid)
    return ViewableArray(path, *keys, index_bytes, at_end)


def read_v2(path: str, node: Mapping[str, Any]) -> ViewableArray:
    """Read the ``.zarray`` of an array.

    Raises
    ------
    NotViewableError
        If the viewer cannot show it.
    """
    shape, chunks = _sizes(node.get("shape"), "shape"), _sizes(node.get("chunks"), "chunks")
    code = str(node.get("dtype"))
    kind, n_bytes = _V2_KINDS.get(code[1:2], ""), code[2:]
    dtype = f"{kind}{8 * int(n_bytes)}" if kind and n_bytes in ("1", "2", "4", "8") else code
    if node.get("filters"):
        raise NotViewableError("filters are not known to the viewer")
    if node.get("order") == "F" and sum(n > 1 for n in chunks) > 1:
        raise NotViewableError("chunks in Fortran order are not supported")
    compressor = node.get("compressor")
    if compressor is not None:
        _check_compressor(str(_mapping(compressor).get("id")), _mapping(compressor))
    _check_elements(dtype, shape, chunks)
    separator = "/" if node.get("dimension_separator") == "/" else "."
    last = [max(math.ceil(n / size), 1) - 1 for n, size in zip(shape, chunks, strict=True)]
    names = [separator.join(map(str, at)) or "0" for at in ([0] * len(last), last)]
    prefix = f"{path}/" if path else ""
    return ViewableArray(path, prefix + names[0], prefix + names[1])


def _check_elements(dtype: object, shape: Sequence[int], chunk: Sequence[int]) -> None:
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise NotViewableError(f"element type {dtype} cannot be drawn")
    if len(shape) != len(chunk):
        raise NotViewableError("chunks and shape have different numbers of axes")
    if math.prod(chunk) * ITEM_BYTES[dtype] > CHUNK_LIMIT:
        raise NotViewableError(f"chunks over {CHUNK_LIMIT >> 20} MiB are too large for a browser")


def _check_codecs(codecs: list[tuple[str, Mapping[str, Any]]], n_axes: int) -> None:
    kept = [c for c in codecs if c[0] != "transpose" or c[1].get("order") != list(range(n_axes))]
    if not kept or kept[0][0] != "bytes":
        raise NotViewableError(
            f"codec {kept[0][0] if kept else '(none)'} is not known to the viewer"
        )
    packers = [codec for codec in kept[1:] if codec[0] != "crc32c"]
    for name, configuration in packers:
        _check_compressor(name, configuration)
    if len(packers) > 1:
        raise NotViewableError(f"codec {' over '.join(name for name, _ in packers)} is not known")


def _check_compressor(name: str, configuration: Mapping[str, Any]) -> None:
    inner = configuration.get("cname", "lz4")
    if name not in COMPRESSORS:
        raise NotViewableError(f"codec {name} is not known to the viewer")
    if name == "blosc" and inner not in BLOSC_CODECS:
        raise NotViewableError(f"codec blosc with {inner} is not known to the viewer")


def _index_bytes(sharding: Mapping[str, Any], outer: list[int], inner: list[int]) -> int:
    if len(outer) != len(inner) or any(o % i for o, i in zip(outer, inner, strict=True)):
        raise NotViewableError("shards are no whole number of chunks")
    names = [name for name, _ in _codecs(sharding.get("index_codecs"))]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise NotViewableError(f"codec {', '.join(names)} of the shard index is not known")
    n_chunks = math.prod(o // i for o, i in zip(outer, inner, strict=True))
    return 16 * n_chunks + (4 if len(names) == 2 else 0)


def _keys_v3(path: str, encoding: object, grid: list[int]) -> tuple[str, str]:
    told = _mapping(encoding)
    name, configuration = told.get("name"), _mapping(told.get("configuration"))
    if name not in ("default", "v2"):
        raise NotViewableError(f"chunk key encoding {name} is not supported")
    separator = str(configuration.get("separator") or ("." if name == "v2" else "/"))
    prefix = f"{path}/" if path else ""
    start = ["c"] if name == "default" else []
    ends = ([0] * len(grid), [max(n, 1) - 1 for n in grid])
    first, last = (prefix + (separator.join([*start, *map(str, at)]) or "0") for at in ends)
    return first, last


def _codecs(value: object) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(value, list):
        raise NotViewableError("codecs are missing")
    return [
        (one, {})
        if isinstance(one, str)
        else (str(_mapping(one).get("name")), _mapping(_mapping(one).get("configuration")))
        for one in value
    ]


def _sizes(value: object, name: str) -> list[int]:
    least = 0 if name == "shape" else 1
    if isinstance(value, list) and all(
        isinstance(n, int) and least <= n <= _SIZE_LIMIT for n in value
    ):
        return value
    raise NotViewableError(f"{name} is not a list of sizes")


def _configuration(value: object) -> Mapping[str, Any]:
    return _mapping(_mapping(value).get("configuration"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
