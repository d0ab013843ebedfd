"""The attributes of an OME-Zarr image: written from a spec.

Source: OME-Zarr 0.5 ("multiscales", "axes", "coordinateTransformations", "omero").
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pyramidion import __version__
from pyramidion.core import IMAGE_AXES, Axis, Channel, ImageSpec
from pyramidion.formats._ome.geometry import ImageGeometry
from pyramidion.formats._ome.units import ome_unit
from pyramidion.formats._waveform.attributes import plain as plain_json

OME_VERSION = "0.5"
LAYOUT = 1
"""Version of the layout; a newer one is refused by an older program."""

OWN = ("ome", "multiscales", "omero", "pyramidion", "bioformats2raw.layout", "plate", "well", "labels")  # fmt: skip
"""Attributes that describe the store itself and are not copied from a source."""

_TYPES = {"t": "time", "c": "channel"}
_COLORS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF", "FF8000", "FFFFFF")
_RGB = ("FF0000", "00FF00", "0000FF", "FFFFFF")
_DESCRIPTIONS = {
    "mean": "mean of the raw elements of each box, rounded half to even",
    "min": "smallest of the raw elements of each box, NaN ignored",
    "max": "largest of the raw elements of each box, NaN ignored",
    "nearest": "first raw element of each box",
    "mode": "most frequent element of each box of the level before, the smallest of several",
}


def to_attributes(
    spec: ImageSpec,
    geometry: ImageGeometry,
    stat: str,
    shift: float,
    found: Mapping[int, Mapping[str, float]],
) -> dict[str, Any]:
    """Return the root attributes: strictly valid JSON.

    Parameters
    ----------
    spec : ImageSpec
        What was written.
    geometry : ImageGeometry
        How it was cut.
    stat : str
        What coarser levels hold.
    shift : float
        Position of an element in its box, from its first (0) to its last (1).
    found : mapping
        Limits and window of each channel, of :func:`windows`.
    """
    kept = {name: value for name, value in spec.attributes.items() if name not in OWN}
    ome = {
        "version": OME_VERSION,
        "multiscales": [_multiscale(spec, geometry, stat, shift)],
        "omero": {
            "channels": [_channel(spec, number, found[number]) for number in sorted(found)],
            "rdefs": {
                "defaultT": 0,
                "defaultZ": spec.shape[2] // 2,
                "model": "color" if spec.shape[1] > 1 else "greyscale",
            },
        },
    }
    own: dict[str, Any] = {"kind": "image", "layout": LAYOUT, "version": __version__}
    own |= {"field": spec.name, "present": spec.present, "stat": stat}
    if spec.is_rgb:
        own["is_rgb"] = True
    if spec.times:
        own["times"] = list(spec.times)
    if any(spec.origin):
        own["origin"] = list(spec.origin)
    plain: dict[str, Any] = plain_json({**kept, "ome": ome, "pyramidion": own})
    return plain


def _multiscale(
    spec: ImageSpec, geometry: ImageGeometry, stat: str, shift: float
) -> dict[str, Any]:
    return {
        "name": spec.name,
        "axes": [_axis(spec.axes[axis]) for axis in geometry.kept],
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": _transformations(spec, geometry, level, shift),
            }
            for level in range(geometry.plan.n_levels)
        ],
        "type": stat,
        "metadata": {
            "method": "pyramidion",
            "version": __version__,
            "description": _DESCRIPTIONS[stat],
            "factors": [list(geometry.plan.factors(k)) for k in range(geometry.plan.n_levels)],
        },
    }


def _axis(axis: Axis) -> dict[str, str]:
    described = {"name": axis.name, "type": _TYPES.get(axis.name, "space")}
    unit = "" if axis.name == "c" else ome_unit(axis.unit)
    return described | ({"unit": unit} if unit else {})


def _transformations(
    spec: ImageSpec, geometry: ImageGeometry, level: int, shift: float
) -> list[dict[str, Any]]:
    factors = (1, 1, *geometry.plan.factors(level))
    scales = [_scale(axis) for axis in spec.axes]
    scale = [s * f for s, f in zip(scales, factors, strict=True)]
    translation = [
        at + s * (f - 1) * shift for at, s, f in zip(_offsets(spec), scales, factors, strict=True)
    ]
    steps = [{"type": "scale", "scale": [scale[axis] for axis in geometry.kept]}]
    if any(translation):
        steps.append(
            {"type": "translation", "translation": [translation[axis] for axis in geometry.kept]}
        )
    return steps


def _scale(axis: Axis) -> float:
    return float(axis.scale) if math.isfinite(axis.scale) and axis.scale > 0 else 1.0


def _offsets(spec: ImageSpec) -> Sequence[float]:
    """Return the position of the first element; of its index, where the source has no position."""
    origin = dict(zip(IMAGE_AXES[2:], spec.origin, strict=True))
    offsets = [float(axis.offset) if math.isfinite(axis.offset) else 0.0 for axis in spec.axes]
    if any(offsets[2:]):
        return offsets
    return [at or origin.get(axis.name, 0) * _scale(axis) for at, axis in zip(offsets, spec.axes, strict=True)]  # fmt: skip


def _channel(spec: ImageSpec, number: int, found: Mapping[str, float]) -> dict[str, Any]:
    given = spec.channels[number] if number < len(spec.channels) else Channel()
    window = dict(found)
    if given.window is not None and given.window[0] < given.window[1]:
        window["start"], window["end"] = given.window
    elif spec.is_rgb and spec.dtype.kind == "u":  # colours are kept as they are
        window["start"], window["end"] = 0, 2 ** (8 * spec.dtype.itemsize) - 1
    return {
        "label": given.label or (spec.name if spec.shape[1] == 1 else f"Channel {number}"),
        "color": _color(spec, number, given.color),
        "window": window,
        "active": True,
    }


def _color(spec: ImageSpec, number: int, given: str) -> str:
    if re.fullmatch("[0-9A-Fa-f]{6}", given):
        return given.upper()
    if spec.is_rgb:
        return _RGB[number % len(_RGB)]
    return "FFFFFF" if spec.shape[1] == 1 else _COLORS[number % len(_COLORS)]
