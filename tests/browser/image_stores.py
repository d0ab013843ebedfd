"""Images written by zarr-python in the layouts the viewer must read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

LAYOUTS = ("v2", "sharded", "unsharded")


def write_image(
    path: Path,
    levels: list[np.ndarray],
    axes: str = "yx",
    *,
    layout: str = "sharded",
    chunk: int = 64,
    scale: dict[str, float] | None = None,
    unit: str = "micrometer",
    averaged: bool = True,
    omero: dict[str, Any] | None = None,
) -> Path:
    """Write levels, finest first, as OME-Zarr: 0.4 for the layout ``v2``, else 0.5.

    Factors follow from the shapes; levels of averages begin half a pixel later, as they should.
    """
    version = 2 if layout == "v2" else 3
    root = zarr.open_group(path, mode="w", zarr_format=version)
    step = {name: (scale or {}).get(name, 1.0) for name in axes}
    datasets = []
    for k, level in enumerate(levels):
        write_array(root, str(k), level, layout, chunk)
        factors = [round(a / b) for a, b in zip(levels[0].shape, level.shape, strict=True)]
        sizes = [f * step[name] for f, name in zip(factors, axes, strict=True)]
        shifts = [(f - 1) / 2 * step[n] * averaged for f, n in zip(factors, axes, strict=True)]
        transforms = [
            {"type": "scale", "scale": sizes},
            {"type": "translation", "translation": shifts},
        ]
        datasets.append({"path": str(k), "coordinateTransformations": transforms})
    kinds = {"t": ("time", "second"), "c": ("channel", "")}
    described = []
    for name in axes:
        kind, own = kinds.get(name, ("space", unit))
        described.append({"name": name, "type": kind} | ({"unit": own} if own else {}))
    image = {"name": path.stem, "axes": described, "datasets": datasets, "type": "mean"}
    if version == 2:
        root.attrs["multiscales"] = [image | {"version": "0.4"}]
        if omero:
            root.attrs["omero"] = omero
    else:
        root.attrs["ome"] = {"version": "0.5", "multiscales": [image]} | (
            {"omero": omero} if omero else {}
        )
    return path


def write_array(root: Any, name: str, data: np.ndarray, layout: str, chunk: int) -> None:
    """Write one array: chunks of `chunk` along z, y and x, of one element along t and c."""
    chunks = tuple(min(chunk, n) for n in data.shape[-2:])
    if data.ndim > 2:
        chunks = (1,) * (data.ndim - 3) + (min(8, data.shape[-3]),) + chunks
    options: dict[str, Any] = {"chunks": chunks, "fill_value": 0, "shape": data.shape}
    if layout == "v2":
        options["compressors"] = numcodecs.Blosc("zstd", 3, numcodecs.Blosc.SHUFFLE)
        options["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
    elif layout == "sharded":
        options["shards"] = tuple(2 * c for c in chunks)
        options["compressors"] = [BloscCodec(cname="lz4", shuffle="bitshuffle"), Crc32cCodec()]
    else:
        options["compressors"] = [ZstdCodec(level=3)]
    made = root.create_array(name, dtype=data.dtype, **options)
    made[...] = data


def halved(data: np.ndarray, axes: str = "yx") -> np.ndarray:
    """Return the means of pairs along z, y and x (of those with more than one element)."""
    out = data.astype(np.float64)
    for axis, name in enumerate(axes):
        if name in "zyx" and out.shape[axis] > 1:
            pairs = out.shape[axis] // 2
            out = np.take(out, range(2 * pairs), axis)
            out = out.reshape(*out.shape[:axis], pairs, 2, *out.shape[axis + 1 :]).mean(axis + 1)
    return out.round().astype(data.dtype) if data.dtype.kind in "iu" else out.astype(data.dtype)


def pyramid(data: np.ndarray, count: int, axes: str = "yx") -> list[np.ndarray]:
    """Return the data and `count` - 1 coarser levels."""
    levels = [data]
    for _ in range(count - 1):
        levels.append(halved(levels[-1], axes))
    return levels


def window(start: float, end: float, color: str = "FFFFFF", label: str = "") -> dict[str, Any]:
    """Return a channel for ``omero``."""
    span = {"min": start, "max": end, "start": start, "end": end}
    return {"color": color, "label": label, "active": True, "window": span}


def ramp(shape: tuple[int, int], dtype: Any) -> np.ndarray:
    """Return values that differ along y and x and fill a good part of the type's range."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    flat = (3 * y + x) / (3 * shape[0] + shape[1])
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (flat * 2 - 1).astype(kind)
    low, high = {1: (0, 255), 2: (0, 60_000)}.get(kind.itemsize, (0, 2.0**31 - 1))
    if kind.itemsize == 8:
        high = 2.0**52
    if kind.kind == "i":
        low, high = -(high // 2 + 1) * 0.9, high // 2 * 0.9
    return np.floor(low + flat * (high - low)).astype(kind)


def edit(path: Path, change: Any) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
