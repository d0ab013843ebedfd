"""The metadata of an OME-Zarr image, read with suspicion.

Source: OME-Zarr 0.1 to 0.5, "multiscales", "axes", "coordinateTransformations", "omero".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramidion.core import IMAGE_AXES, Channel, DataError, escape
from pyramidion.formats._ome.units import short_unit

_VERSIONS = ("0.1", "0.2", "0.3", "0.4", "0.5", "0.5-dev")
_MOST_LEVELS = 64


@dataclass(frozen=True)
class Dataset:
    """One level as the metadata have it.

    Parameters
    ----------
    path : str
        Its array, relative to the group.
    scale, translation : tuple of float
        Along the array's axes.
    """

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Multiscale:
    """One image as the metadata have it.

    Parameters
    ----------
    name : str
        For people; empty where it has none.
    stat : str
        How coarser levels were made, in the writer's words.
    axes : tuple of str
        Which of :data:`IMAGE_AXES` each axis of the arrays is.
    units : tuple of str
        One per axis; empty where unknown.
    datasets : tuple of Dataset
        Level 0 first.
    """

    name: str
    stat: str
    axes: tuple[str, ...]
    units: tuple[str, ...]
    datasets: tuple[Dataset, ...]


def ome_of(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the part of a group's attributes that describes an image or a set of them."""
    inner = attributes.get("ome")
    if isinstance(inner, Mapping):
        return inner
    known = ("multiscales", "plate", "well", "bioformats2raw.layout")
    # A waveform store has "multiscales" too: those of another convention, an object.
    if isinstance(attributes.get("multiscales"), list):
        return attributes
    return attributes if any(name in attributes for name in known[1:]) else None


def read_multiscale(ome: Mapping[str, Any], where: str) -> Multiscale:
    """Read the first image that is described.

    Raises
    ------
    DataError
        If a level leaves the store, axes are unknown, or numbers make no sense.
    """
    described = ome.get("multiscales")
    if not isinstance(described, list) or not described or not isinstance(described[0], Mapping):
        raise _fault(where, "multiscales: no image in it", described)
    first = described[0]
    _check_version(ome.get("version", first.get("version")), where)
    axes, units = _axes(first.get("axes"), where)
    datasets = first.get("datasets")
    if not isinstance(datasets, list) or not 1 <= len(datasets) <= _MOST_LEVELS:
        raise _fault(where, f"multiscales: 1 to {_MOST_LEVELS} datasets needed", datasets)
    whole = _transformation(first.get("coordinateTransformations"), len(axes), where)
    found = tuple(_dataset(d, whole, len(axes), where) for d in datasets)
    name, stat = first.get("name"), first.get("type")
    return Multiscale(
        name if isinstance(name, str) else "",
        stat if isinstance(stat, str) else "",
        axes,
        units,
        found,
    )


def read_channels(ome: Mapping[str, Any], n_channels: int) -> tuple[Channel, ...]:
    """Return what viewers are told of the channels; what makes no sense is left out."""
    omero = ome.get("omero")
    given = omero.get("channels") if isinstance(omero, Mapping) else None
    if not isinstance(given, list) or len(given) != n_channels:
        return ()
    return tuple(_channel(c) if isinstance(c, Mapping) else Channel() for c in given)


def axis_names(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return which of :data:`IMAGE_AXES` the named axes are.

    Raises
    ------
    DataError
        If one is unknown or given twice, or y or x is missing.
    """
    axes = tuple(name.lower() for name in names)
    unknown = next((name for name in axes if name not in IMAGE_AXES), None)
    if unknown is not None:
        raise _fault(where, f"axis {escape(unknown)} not known", mend="t, c, z, y and x are")
    if len(set(axes)) != len(axes) or not {"y", "x"} <= set(axes):
        raise _fault(where, "axes: y and x are needed, each axis once", ", ".join(axes))
    return axes


def _check_version(version: Any, where: str) -> None:
    told = str(version)
    if version is None or any(told == v or told.startswith(f"{v}-") for v in _VERSIONS):
        return
    if told.startswith("0.5-dev"):
        return
    raise DataError(
        where, f"OME-Zarr {escape(version)} not supported", "0.1 to 0.5 are", id="PYR-ZAR-03"
    )


def _axes(given: Any, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if given is None:  # 0.1 and 0.2 had no axes: always these five
        return IMAGE_AXES, ("",) * 5
    if not isinstance(given, list) or not 2 <= len(given) <= 5:
        raise _fault(where, "axes: 2 to 5 needed", given)
    names, units = [], []
    for axis in given:
        name = axis.get("name") if isinstance(axis, Mapping) else axis  # 0.3 has names alone
        if not isinstance(name, str):
            raise _fault(where, "axes: a name is not text", name)
        kind = axis.get("type") if isinstance(axis, Mapping) else None
        unit = axis.get("unit") if isinstance(axis, Mapping) else None
        short = {"time": "t", "channel": "c"}.get(kind) if isinstance(kind, str) else None
        names.append(short or name)
        units.append(short_unit(unit) if isinstance(unit, str) else "")
    return axis_names(tuple(names), where), tuple(units)


Transformation = tuple[tuple[float, ...], tuple[float, ...]]


def _dataset(given: Any, whole: Transformation, n_axes: int, where: str) -> Dataset:
    if not isinstance(given, Mapping):
        raise _fault(where, "multiscales: a dataset is not an object", given)
    path = _checked_path(given.get("path"), where)
    scale, translation = _transformation(given.get("coordinateTransformations"), n_axes, where)
    return Dataset(
        path,
        tuple(a * b for a, b in zip(scale, whole[0], strict=True)),
        tuple(a * s + b for a, s, b in zip(translation, *whole, strict=True)),
    )


def _checked_path(path: Any, where: str) -> str:
    if not isinstance(path, str) or not path:
        raise _fault(where, "multiscales path: not text", path)
    parts = path.split("/")
    if "\\" in path or "\0" in path or ":" in path or any(p in ("", ".", "..") for p in parts):
        raise _fault(where, "multiscales path leaves the store", path, "put the levels inside")
    return path


def _transformation(given: Any, n_axes: int, where: str) -> Transformation:
    """Return scale and translation of a list of transformations, applied in order."""
    scale, translation = (1.0,) * n_axes, (0.0,) * n_axes
    if given is None:
        return scale, translation
    if not isinstance(given, list):
        raise _fault(where, "coordinateTransformations: not a list", given)
    for step in given:
        kind = step.get("type") if isinstance(step, Mapping) else None
        if kind == "identity":
            continue
        if kind not in ("scale", "translation"):
            raise _fault(where, f"transformation {escape(kind)} not supported", "scale and translation are")  # fmt: skip
        values = _numbers(step.get(kind), n_axes, where, kind)
        if kind == "scale":
            if not all(v > 0 for v in values):
                raise _fault(where, "scale: must be above 0", step.get(kind))
            scale = tuple(a * v for a, v in zip(scale, values, strict=True))
            translation = tuple(a * v for a, v in zip(translation, values, strict=True))
        else:
            translation = tuple(a + v for a, v in zip(translation, values, strict=True))
    return scale, translation


def _numbers(values: Any, n: int, where: str, what: str) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != n:
        raise _fault(where, f"{what}: {n} numbers needed, one per axis", values)
    if not all(_is_finite(v) for v in values):
        raise _fault(where, f"{what}: not numbers", values)
    return tuple(float(v) for v in values)


def _is_finite(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # whole numbers of 400 digits
        return False


def _channel(given: Mapping[str, Any]) -> Channel:
    label, color, window = given.get("label"), given.get("color"), given.get("window")
    found = window if isinstance(window, Mapping) else {}
    is_color = isinstance(color, str) and re.fullmatch("[0-9A-Fa-f]{6}", color)
    return Channel(
        label if isinstance(label, str) else "",
        str(color) if is_color else "",
        _pair(found.get("start"), found.get("end")),
        _pair(found.get("min"), found.get("max")),
    )


def _pair(low: Any, high: Any) -> tuple[float, float] | None:
    return (low, high) if _is_finite(low) and _is_finite(high) else None


def _fault(where: str, what: str, value: object = None, mend: str | None = None) -> DataError:
    return DataError(where, what, value, mend, id="PYR-ZAR-09")
