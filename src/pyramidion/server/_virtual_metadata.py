"""The metadata of a virtual OME-Zarr store (OME-Zarr 0.5, Zarr v3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyramidion.core import IMAGE_AXES, Axis, Channel, PyramidionError
from pyramidion.formats._ome.units import ome_unit
from pyramidion.server._describe import axes_shown
from pyramidion.server._image_view import ImageView, ViewLevel
from pyramidion.server._preview import Window, preview, window_of
from pyramidion.shards import Codec

CODEC = Codec("blosc-lz4", 3)
_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_COLORS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF", "FF8000", "FFFFFF")
_RGB = ("FF0000", "00FF00", "0000FF", "FFFFFF")
_SHOWN = 4
"""Channels that are shown at first."""


def group_document(view: ImageView, name: str) -> dict[str, Any]:
    """Return ``zarr.json`` of the group, with the documents of its arrays."""
    arrays = {str(number): array_document(view, level) for number, level in enumerate(view.levels)}
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {"ome": _ome(view, name)} | _own(view),
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": arrays,
        },
    }


def array_document(view: ImageView, level: ViewLevel) -> dict[str, Any]:
    """Return ``zarr.json`` of one level."""
    axes = axes_shown(view.spec)
    dtype = view.spec.dtype
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": _shown(level.shape, axes),
        "data_type": dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": _shown(level.chunk, axes)},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0 if dtype.kind == "f" else 0,
        "codecs": CODEC.metadata(dtype),
        "attributes": {},
        "dimension_names": list(axes),
    }


def _own(view: ImageView) -> dict[str, Any]:
    """Return what our viewer asks for, to know whether a recording still grows."""
    if not view.recording:
        return {}
    return {"pyramidion": {"kind": "recording", "state": view.recording}}


def _ome(view: ImageView, name: str) -> dict[str, Any]:
    axes = axes_shown(view.spec)
    by_name = dict(zip(IMAGE_AXES, view.spec.axes, strict=True))
    datasets = [
        {"path": str(number), "coordinateTransformations": _transforms(view, level, axes)}
        for number, level in enumerate(view.levels)
    ]
    scales = {
        "name": name.rpartition("/")[2],
        "axes": [_axis(by_name[axis]) for axis in axes],
        "datasets": datasets,
    }
    return {"version": "0.5", "multiscales": [scales], "omero": _omero(view)}


def _axis(axis: Axis) -> dict[str, str]:
    unit = ome_unit(axis.unit)
    return {"name": axis.name, "type": _KINDS[axis.name]} | ({"unit": unit} if unit else {})


def _transforms(view: ImageView, level: ViewLevel, axes: tuple[str, ...]) -> list[dict[str, Any]]:
    scale, translation = [], []
    for i, axis in enumerate(view.spec.axes):
        if axis.name in axes:
            scale.append(axis.scale * level.factors[i])
            translation.append(axis.offset + axis.scale * level.shift[i])
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        found.append({"type": "translation", "translation": translation})
    return found


def _omero(view: ImageView) -> dict[str, Any]:
    n = view.spec.shape[1]
    known = (*view.spec.channels, *(Channel() for _ in range(n)))[:n]
    channels = [_channel(view, number, channel) for number, channel in enumerate(known)]
    model = "color" if n > 1 else "greyscale"
    middle = view.spec.shape[2] // 2
    return {"channels": channels, "rdefs": {"defaultT": 0, "defaultZ": middle, "model": model}}


def _channel(view: ImageView, number: int, channel: Channel) -> dict[str, Any]:
    colors = _RGB if view.spec.is_rgb else _COLORS if view.spec.shape[1] > 1 else _COLORS[-1:]
    low, high = channel.limits or _limits(view.spec.dtype)
    start, end = _window(view, number, channel) or (low, high)
    return {
        "label": channel.label or (f"Channel {number}" if number else view.spec.name),
        "color": channel.color or colors[number % len(colors)],
        "active": number < _SHOWN,
        "window": {"min": low, "max": high, "start": start, "end": end},
    }


def _window(view: ImageView, number: int, channel: Channel) -> Window | None:
    """Return the values shown darkest and brightest: as the dataset says, or as its values are."""
    if channel.window is not None and channel.window[0] < channel.window[1]:
        return channel.window
    if number >= _SHOWN or (view.spec.is_rgb and view.spec.dtype == np.uint8):
        return None
    try:
        return window_of(preview(view, number + 1)[number])
    except PyramidionError:
        return None  # the metadata are good; whoever reads the chunks is told of the fault


def _limits(dtype: np.dtype[Any]) -> Window:
    if dtype.kind not in "iu":
        return 0.0, 1.0
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _shown(values: tuple[int, ...], axes: tuple[str, ...]) -> list[int]:
    return [value for value, axis in zip(values, IMAGE_AXES, strict=True) if axis in axes]
