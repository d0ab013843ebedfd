"""Voxel sizes, channels and names that a TIFF tells: OME-XML, ImageJ, or the resolution tags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import Channel, escape
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._images.ome import labels, read_ome
from pyramidion.formats._images.tiff_chain import Directories
from pyramidion.formats._images.units import Sizes, lengths_in_one_unit, seconds

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_UNIT_BYTES = {2: 25400.0, 3: 1e4}
"""Micrometres of an inch and a centimetre, by the number of the unit."""
_PRINT_DPI = {72, 96}
"""What programs write where nothing is known: it tells how a picture is shown, not its scale."""


@dataclass(frozen=True)
class TiffMetadata:
    """What a TIFF tells beside its elements.

    Parameters
    ----------
    sizes : Sizes
        Of voxels and time steps.
    channels : tuple of Channel
        One per channel; empty where nothing is known.
    name : str
        What the image is called.
    """

    sizes: Sizes
    channels: tuple[Channel, ...] = ()
    name: str = ""


def read_metadata(file: FlatFile, directories: Directories, tif: Any, number: int) -> TiffMetadata:
    """Read what a TIFF tells about one of its series.

    Parameters
    ----------
    file : FlatFile
        The file.
    directories : Directories
        Its directories, walked.
    tif : tifffile.TiffFile
        The open file.
    number : int
        Which series.
    """
    if tif.is_ome:
        images = read_ome(file, directories.description())
        if number < len(images):
            image = images[number]
            return TiffMetadata(image.sizes, labels(image.channels), escape(image.name))
    if tif.is_imagej and isinstance(tif.imagej_metadata, Mapping):
        return _imagej(directories, tif.imagej_metadata)
    return TiffMetadata(resolution_sizes(directories))


def resolution_sizes(directories: Directories) -> Sizes:
    """Return the size of an element by the resolution tags, in micrometres."""
    unit = _UNIT_BYTES.get(directories.number(_RESOLUTION_UNIT, 2))
    x, y = (_per_unit(directories, tag) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    if unit is None or not x or not y:
        return Sizes()
    if unit == _UNIT_BYTES[2] and {x, y} <= _PRINT_DPI:
        return Sizes()
    return Sizes((1.0, unit / y, unit / x), "um")


def _per_unit(directories: Directories, tag: int) -> float | None:
    values = directories.values(tag)
    if len(values) != 2 or not values[1] or not values[0]:
        return None
    return float(values[0]) / float(values[1])


def _imagej(directories: Directories, told: Mapping[str, Any]) -> TiffMetadata:
    unit = str(told.get("unit", ""))
    spacing = told.get("spacing")
    z = abs(float(spacing)) if isinstance(spacing, int | float) and spacing else None
    y, x = (
        1 / n if (n := _per_unit(directories, tag)) else None
        for tag in (_Y_RESOLUTION, _X_RESOLUTION)
    )
    voxel, name = lengths_in_one_unit([(z, unit), (y, unit), (x, unit)])
    return TiffMetadata(Sizes(voxel, name, _interval(told)), labels(_imagej_channels(told)))


def _interval(told: Mapping[str, Any]) -> float | None:
    step = told.get("finterval")
    if not isinstance(step, int | float) or not math.isfinite(step) or step <= 0:
        return None
    return seconds(float(step), str(told.get("tunit", "s")))


def _imagej_channels(told: Mapping[str, Any]) -> list[Channel]:
    n = told.get("channels", 1)
    tables, ranges = told.get("LUTs") or [], told.get("Ranges") or []
    found = []
    for i in range(n if isinstance(n, int) and 0 < n < 1000 else 1):
        color = _brightest(tables[i]) if i < len(tables) else ""
        window = tuple(float(v) for v in ranges[2 * i : 2 * i + 2])
        found.append(Channel("", color, window if len(window) == 2 else None))
    return found


def _brightest(table: Any) -> str:
    """Return the last colour of a table of ImageJ (3, 256)."""
    table = np.asarray(table)
    if table.shape != (3, 256):
        return ""
    return "".join(f"{int(v):02X}" for v in table[:, -1])
