"""Writing TIFF: one page for a slice, or a file of many pages with everything that is known.

The file is laid out by tifffile before any element is there, so that tasks fill in their planes in
any order, at offsets that are known.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Axis, ImageSpec
from pyramidion.formats._images.ome import is_ome_type, ome_text
from pyramidion.formats._images.tiff_library import tifffile_module

BIG_BYTES = 2**32 - 2**25
_IN_CM = {"um": 1e-4, "nm": 1e-7, "mm": 0.1, "m": 100.0}
_CENTIMETRE = 3


def plain_tiff(values: np.ndarray, rows: Axis, columns: Axis, *, is_rgb: bool) -> bytes:
    """Encode one slice, uncompressed; `rows` and `columns` tell the size of its elements."""
    file = io.BytesIO()
    tifffile_module().imwrite(
        file,
        np.ascontiguousarray(values),
        photometric="rgb" if is_rgb else "minisblack",
        metadata=None,
        software="pyramidion",
        **_resolution(rows, columns),
    )
    return file.getvalue()


def lay_out(path: Path, spec: ImageSpec, name: str) -> int:
    """Write a file whose elements are still zero.

    Parameters
    ----------
    path : Path
        The file.
    spec : ImageSpec
        The image; its planes follow each other as :func:`page_shape` says.
    name : str
        What the image is called.

    Returns
    -------
    int
        Byte at which the elements begin.
    """
    offset, _ = tifffile_module().imwrite(
        path,
        None,
        shape=page_shape(spec),
        dtype=spec.dtype,
        returnoffset=True,
        **_layout(spec, name),
    )
    return int(offset)


def write_encoded(
    path: Path, spec: ImageSpec, name: str, pages: Iterator[bytes], level: int
) -> None:
    """Write a file from pages that are already compressed with deflate."""
    tifffile_module().imwrite(
        path,
        pages,
        shape=page_shape(spec),
        dtype=spec.dtype,
        compression="zlib",
        compressionargs={"level": level},
        predictor=_has_predictor(spec.dtype),
        rowsperstrip=spec.shape[3],
        **_layout(spec, name),
    )


def encode_page(plane: np.ndarray, level: int) -> bytes:
    """Compress a plane (y, x[, samples]) with deflate, integers as differences along x."""
    import deflate

    if _has_predictor(plane.dtype):
        plane = np.concatenate([plane[:, :1], np.diff(plane, axis=1)], axis=1)
    encoded: bytes | bytearray = deflate.zlib_compress(np.ascontiguousarray(plane).tobytes(), level)
    return bytes(encoded)


def _has_predictor(dtype: np.dtype[Any]) -> bool:
    # Differences of 64 bits are no part of TIFF.
    return dtype.kind in "iu" and dtype.itemsize <= 4


def page_shape(spec: ImageSpec) -> tuple[int, ...]:
    """Return the shape of the elements in the file: (t, c, z, y, x), or (t, z, y, x, samples)."""
    t, c, z, y, x = spec.shape
    return (t, z, y, x, c) if spec.is_rgb else (t, c, z, y, x)


def page_number(spec: ImageSpec, t: int, c: int, z: int) -> int:
    """Return where the plane of a place lies among the pages."""
    _, n_c, n_z, _, _ = spec.shape
    return t * n_z + z if spec.is_rgb else (t * n_c + c) * n_z + z


def is_big(spec: ImageSpec) -> bool:
    """Tell whether the file needs offsets of 64 bits."""
    n_pages = spec.shape[0] * spec.shape[2] * (1 if spec.is_rgb else spec.shape[1])
    return spec.n_bytes + n_pages * 300 > BIG_BYTES


def _layout(spec: ImageSpec, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "byteorder": "<",
        "bigtiff": is_big(spec),
        "photometric": "rgb" if spec.is_rgb else "minisblack",
        "software": "pyramidion",
        **_resolution(spec.axes[3], spec.axes[4]),
    }
    if is_ome_type(spec.dtype.name):
        text = ome_text(spec, name).encode()
        return told | {"description": text, "metadata": None, "ome": False}
    # 64-bit integers and half floats are no types of OME: only the axes are told.
    axes = "TZYXS" if spec.is_rgb else "TCZYX"
    return told | {"metadata": {"axes": axes}, "ome": False, "shaped": True}


def _resolution(rows: Axis, columns: Axis) -> dict[str, Any]:
    if not {rows.unit, columns.unit} <= set(_IN_CM):
        return {}
    per_cm = tuple(1 / (axis.scale * _IN_CM[axis.unit]) for axis in (columns, rows))
    return {"resolution": per_cm, "resolutionunit": _CENTIMETRE}
