"""A TIFF of one page, as one slice of a stack."""

from __future__ import annotations

import io

import numpy as np

from pyramidion.core import Box, DataError
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._images.picture import Picture, damaged, refused
from pyramidion.formats._images.tiff_chain import Directories, check_declared, check_strips
from pyramidion.formats._images.tiff_library import FAULTS, check_readable, tifffile_module
from pyramidion.formats._images.tiff_metadata import resolution_sizes

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PLANAR = 273, 277, 278, 279, 284
_FORMAT, _TILE_WIDTH, _FILL_ORDER = 339, 322, 266
_MIN_IS_WHITE, _PALETTE = 0, 3
_KINDS = {1: "u", 2: "i", 3: "f"}


def read_header(file: FlatFile) -> Picture:
    """Read what a TIFF of one page is, without tifffile: there may be a hundred thousand.

    Raises
    ------
    DataError
        If it is none, has more pages, or a type that is not read.
    """
    directories = Directories(file, pages=1)
    if directories.has_more:
        raise DataError(
            str(file.path),
            "has more than one page, a slice of a stack has one",
            mend="convert it by itself",
            id="PYR-IMG-07",
        )
    bits = directories.number(_BITS, 1)
    kind = _KINDS.get(directories.number(_FORMAT, 1))
    if kind is None or not 1 <= bits <= 64 or (kind != "u" and bits not in (8, 16, 32, 64)):
        raise refused(file, f"TIFF of {bits} bits (kind {directories.number(_FORMAT, 1)})")
    n_bytes = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
    sizes = resolution_sizes(directories)
    picture = Picture(
        directories.number(_WIDTH, 0),
        directories.number(_HEIGHT, 0),
        directories.number(_SAMPLES, 1),
        np.dtype(f"<{kind}{n_bytes}"),
        bits,
        _remark(directories, bits),
        sizes.voxel[1:] if sizes.voxel else None,
    )
    if not 1 <= picture.samples <= 4:
        raise refused(file, f"TIFF of {picture.samples} samples", "convert it by itself")
    if directories.number(_COMPRESSION, 1) == 1:
        stored = picture.width * picture.height * picture.samples * bits // 8
        if stored > file.size:
            check_declared(file, stored, file.size)
        check_strips(file, directories)
    return picture


def decode(file: FlatFile, picture: Picture, out: np.ndarray | None) -> np.ndarray:
    """Decode the page; as :func:`pyramidion.formats._images.png.decode`."""
    offset = _flat_offset(file, picture)
    if offset is not None:
        is_big_endian = Directories(file, pages=1).layout.order == ">"
        stored = picture.dtype.newbyteorder(">" if is_big_endian else "<")
        values = file.read_box(offset, picture.shape, stored, Box.whole(picture.shape))
    else:
        values = _decoded(file, picture)
    if out is None:
        return values
    out[...] = values
    return out


def _decoded(file: FlatFile, picture: Picture) -> np.ndarray:
    data = file.read_array(0, (file.size,), np.dtype("u1"))
    try:
        with tifffile_module().TiffFile(io.BytesIO(data.data), _multifile=False) as tif:
            page = tif.pages[0]
            check_readable(file, page)
            values: np.ndarray = page.asarray(maxworkers=1)
            axes = page.axes
    except FAULTS as error:
        raise damaged(file, None, picture) from error
    if axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    if values.shape != picture.shape or values.dtype.itemsize != picture.dtype.itemsize:
        raise damaged(file, None, picture)
    return values.astype(picture.dtype, copy=False)


def _flat_offset(file: FlatFile, picture: Picture) -> int | None:
    """Return where the elements begin, if they lie uncompressed in one piece."""
    directories = Directories(file, pages=1)
    is_plain = (
        directories.number(_COMPRESSION, 1) == 1
        and not len(directories.values(_TILE_WIDTH))
        and directories.number(_FILL_ORDER, 1) == 1
        and (picture.samples == 1 or directories.number(_PLANAR, 1) == 1)
        and picture.bits == 8 * picture.dtype.itemsize
    )
    offsets = directories.values(_OFFSETS).astype(np.int64)
    counts = directories.values(_COUNTS).astype(np.int64)
    if not is_plain or not len(offsets) or len(offsets) != len(counts):
        return None
    if (offsets[1:] != offsets[:-1] + counts[:-1]).any() or counts.sum() != picture.n_bytes:
        return None
    check_declared(file, int(offsets[0]) + picture.n_bytes, file.size)
    return int(offsets[0])


def _remark(directories: Directories, bits: int) -> str:
    if bits < 8:
        return f"{bits}-bit numbers are kept as stored (0 to {2**bits - 1})"
    photometric = directories.number(_PHOTOMETRIC, 1)
    if photometric == _PALETTE:
        return "the numbers are kept as stored, the colours of the palette are not"
    if photometric == _MIN_IS_WHITE:
        return "0 is shown white in this file: its numbers are kept as stored"
    return ""
