"""HDF5 volumes, stacks and movies: the dataset, its axes, and the size of a voxel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    Axis,
    Box,
    Channel,
    DataError,
    ImageSpec,
    PyramidionError,
    image_axes,
    plain_dtype,
)
from pyramidion.formats._array.image_axes import StoredAxes, find_axes
from pyramidion.formats._array.kind import IMAGE_NAMES, kind_of_array
from pyramidion.formats._array.slabs import run_shape
from pyramidion.formats._array.source import ArrayImage
from pyramidion.formats._format import Kind, OpenOptions
from pyramidion.formats._hdf5.calibration import JSON_NAMES, copied, decode_json, waveform_words
from pyramidion.formats._hdf5.child import Description, Value, describe
from pyramidion.formats._hdf5.choose import own_kind
from pyramidion.formats._hdf5.file import SourceFile
from pyramidion.formats._hdf5.layout import Layout
from pyramidion.formats._hdf5.readers import open_reader
from pyramidion.formats._hdf5.superblock import check_superblock

ELEMENT_SIZE = "element_size_um"
"""Attribute with the size of a voxel along z, y, x (ilastik and the HDF5 plugin of Fiji use it)."""
GEOMETRY = "axis_scales"
"""Attribute of our own with five numbers, for t, c, z, y, x; units and offsets beside it."""
GEOMETRY_NAMES = frozenset(
    {GEOMETRY, "axis_units", "axis_offsets", ELEMENT_SIZE, "is_rgb", "channels", "times", "origin"}
)
_SIZES = (ELEMENT_SIZE, "voxel_size", "pixel_size", "spacing")
_SIZE_UNITS = ("voxel_unit", "pixel_unit", "spacing_unit", "unit", "units")
_UNITS = {
    "um": "um", "\N{MICRO SIGN}m": "um", "\N{GREEK SMALL LETTER MU}m": "um", "micron": "um",
    "microns": "um", "micrometer": "um", "micrometre": "um", "nm": "nm", "nanometer": "nm",
    "mm": "mm", "millimeter": "mm", "m": "m", "meter": "m",
}  # fmt: skip
_NOT_COPIED = GEOMETRY_NAMES | {
    *_SIZES, *_SIZE_UNITS, "pyramidion", JSON_NAMES, "DIMENSION_LABELS", "DIMENSION_LIST",
    "REFERENCE_LIST", "CLASS", "NAME",
}  # fmt: skip

Place = Mapping[str, Value]


class HDF5Image(ArrayImage):
    """An image in an HDF5 file; :meth:`read` may be called from many threads at once.

    Parameters
    ----------
    path : Path
        The file.
    options : OpenOptions
        Dataset or field, axes, voxel size, sparse.

    Raises
    ------
    DataError, UsageError
        If the file, the dataset or its description is refused.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self._file = SourceFile(path)
        try:
            check_superblock(self._file)
            asked = options.dataset or options.field
            found = describe(path, asked, sparse=options.sparse, want="image")
            self._file.check_unchanged()
            layout = found.layouts[0]
            axes = _axes(found, options, f"{path}:/{layout.path}")
            self._map = axes.map
            spec = _understand(str(path), found, axes, options)
            self._reader = open_reader(self._file, layout)
        except BaseException:
            self._file.close()
            raise
        stored = layout.chunk or run_shape(layout.shape, layout.dtype.itemsize)
        block = tuple(map(min, self._map.spread(stored), spec.shape))
        super().__init__(spec, block, _own_fields(found) or (spec.name,))

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._reader.close()
        self._file.close()

    def _read(self, box: Box) -> np.ndarray:
        return self._map.from_stored(self._reader.read(self._map.to_stored(box)), box)


def kind_of(path: Path, options: OpenOptions) -> Kind:
    """Tell a waveform from an image; what cannot be read counts as a waveform."""
    if options.axes:
        return kind_of_array((), np.dtype("u1"), axes=options.axes)
    try:
        with SourceFile(path) as file:
            check_superblock(file)
        asked = options.dataset or options.field
        found = describe(path, asked, sparse=options.sparse, want="any")
    except PyramidionError:
        return "waveform"  # which is refused in the same words
    told = own_kind(_root_text(found))[0]
    if told in ("waveform", "image"):
        return "image" if told == "image" else "waveform"
    layout, places = found.layouts[0], [*found.places, found.root, found.neighbours]
    return kind_of_array(
        layout.shape,
        layout.dtype,
        labels=found.labels,
        waveform_words=waveform_words(places),
        image_words=IMAGE_NAMES & set(found.places[0]),
    )


def _axes(found: Description, options: OpenOptions, where: str) -> StoredAxes:
    shape, dtype = found.layouts[0].shape, found.layouts[0].dtype
    if len(shape) < 2:
        raise DataError(
            where,
            f"shape {shape}: 2 to 5 axes needed",
            "t, c, z, y, x",
            "choose another with --dataset",
            id="PYR-H5-08",
        )
    return find_axes(shape, dtype, where, asked=options.axes, labels=found.labels)


def _understand(
    where: str, found: Description, axes: StoredAxes, options: OpenOptions
) -> ImageSpec:
    layout = found.layouts[0]
    place = decode_json(found.places[0], where)
    root = decode_json(found.root, where)
    attributes, left_out = copied(root | place, found.refused, _NOT_COPIED)
    warnings = [f"attributes not copied: {', '.join(left_out)}"] if left_out else []
    own = {k: v.data for k, v in place.items()} if GEOMETRY in place else {}
    origin = own.get("origin", ())
    return ImageSpec(
        axes=_positions(where, axes, place, options),
        dtype=plain_dtype(layout.dtype, where, id="PYR-H5-10"),
        name=_field_name(layout),
        present=axes.present,
        channels=_channels(own.get("channels")),
        is_rgb=axes.is_rgb or bool(own.get("is_rgb", False)),
        times=tuple(int(t) for t in own.get("times", ())),
        origin=(int(origin[0]), int(origin[1]), int(origin[2])) if len(origin) == 3 else (0, 0, 0),
        attributes=attributes,
        warnings=tuple(warnings),
    )


def _positions(
    where: str, axes: StoredAxes, place: Place, options: OpenOptions
) -> tuple[Axis, ...]:
    """Return the axes with their sizes: as the user says, as we wrote them, as others write them."""
    shape = axes.map.shape
    time: dict[str, Any] = {}
    if options.interval:
        time = {"interval": options.interval, "time_unit": "s"}
    elif GEOMETRY in place and len(place[GEOMETRY].data) == len(shape):
        written = _own_positions(where, shape, place)
        if not options.voxel:
            return written
        time = {"interval": written[0].scale, "time_unit": written[0].unit}
    if options.voxel:
        return image_axes(shape, options.voxel, options.voxel_unit, **time)
    voxel, unit = _voxel(where, place)
    return image_axes(shape, voxel, unit, **time)


def _own_positions(where: str, shape: tuple[int, ...], place: Place) -> tuple[Axis, ...]:
    scales = _numbers(where, GEOMETRY, place)
    offsets = _numbers(where, "axis_offsets", place) if "axis_offsets" in place else [0.0] * 5
    units = [str(u) for u in place["axis_units"].data] if "axis_units" in place else [""] * 5
    return tuple(
        Axis(name, n, unit, scale, offset)
        for name, n, unit, scale, offset in zip("tczyx", shape, units, scales, offsets, strict=True)
    )


def _voxel(where: str, place: Place) -> tuple[tuple[float, float, float], str]:
    """Return the size of a voxel along z, y, x and its unit; without a unit where there is none."""
    name = next((n for n in _SIZES if n in place and place[n].dtype), None)
    if name is None:
        return (1.0, 1.0, 1.0), ""
    sizes = _numbers(where, name, place)
    if len(sizes) not in (1, 2, 3):
        raise DataError(
            where,
            f"{name} has {len(sizes)} values, 3 expected",
            "z, y, x",
            "correct the file, or use --voxel",
            id="PYR-H5-18",
        )
    for size in sizes:
        if not (size > 0 and math.isfinite(size)):
            raise DataError(
                f"{where}: {name}", "must be above 0", size, "use --voxel", id="PYR-H5-19"
            )
    if len(sizes) == 1:
        sizes = sizes * 3
    z, y, x = sizes if len(sizes) == 3 else (1.0, *sizes)
    told = next((str(place[n].data) for n in _SIZE_UNITS if n in place), "")
    return (z, y, x), "um" if name == ELEMENT_SIZE else _UNITS.get(told.strip().lower(), "")


def _numbers(where: str, name: str, place: Place) -> list[float]:
    try:
        return [float(v) for v in np.asarray(place[name].data, np.float64).reshape(-1)]
    except (TypeError, ValueError) as error:
        raise DataError(where, f"{name}: not a number", place[name].data, id="PYR-H5-18") from error


def _channels(found: Any) -> tuple[Channel, ...]:
    def pair(value: Any) -> tuple[float, float] | None:
        return (float(value[0]), float(value[1])) if value else None

    return tuple(
        Channel(c["label"], c["color"], pair(c["window"]), pair(c["limits"])) for c in found or ()
    )


def _root_text(found: Description) -> object:
    return found.root["pyramidion"].data if "pyramidion" in found.root else None


def _own_fields(found: Description) -> tuple[str, ...]:
    return own_kind(_root_text(found))[1]


def _field_name(layout: Layout) -> str:
    return layout.path.rsplit("/", 1)[-1]
