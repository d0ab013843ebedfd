"""The documents of a recording: ``zarr.json`` of its groups and arrays, in either state.

Source: Zarr v3 core specification; ZEP 2 (sharding codec); OME-Zarr 0.5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pyramidion import __version__
from pyramidion.core import LOST_REASONS
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._waveform.attributes import plain
from pyramidion.shards import ArrayLayout

LAYOUT = 1
"""Version of the layout; a newer one is refused by an older program."""

State = Literal["recording", "finished"]

SIDE_DTYPES = {"frame_number": "<i8", "time_camera": "<f8", "time_host": "<f8"}
"""Arrays of one value per frame."""

LOST = "lost"
LOST_COLUMNS = ("first", "count", "reason")
SIDE_ENTRIES = 2**16
"""Entries of one file of an array beside the pixels."""

OME_VERSION = "0.5"
_DESCRIPTIONS = {
    "mean": "mean of the raw pixels of each box, rounded half to even",
    "min": "smallest of the raw pixels of each box, NaN ignored",
    "max": "largest of the raw pixels of each box, NaN ignored",
}


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document as it is stored: strictly valid JSON."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def level_metadata(layout: ArrayLayout, n_frames: int, state: State, synced: int = 0) -> dict[str, Any]:  # fmt: skip
    """Return the document of a level.

    Parameters
    ----------
    layout : ArrayLayout
        The level.
    n_frames : int
        Frames that are there.
    state : str
        While recording, the index that counts is the one at the start of a shard, and has no
        checksum: its entries are written one frame after the other.
    synced : int
        Frames that were on the disk, not only in memory, before this document was written.
    """
    is_open = state == "recording"
    attributes = {"pyramidion": {"synced": synced}} if is_open else {}
    return replace(
        layout,
        shape=(n_frames, *layout.shape[1:]),
        index_at="start" if is_open else "end",
        index_checked=not is_open,
        attributes=attributes,
    ).metadata()


def side_metadata(name: str, n_entries: int) -> dict[str, Any]:
    """Return the document of an array beside the pixels: a value per frame, or ``lost``."""
    dtype = np.dtype(SIDE_DTYPES.get(name, "<i8"))
    attributes: dict[str, Any] = {}
    shape, chunk, names = [n_entries], [SIDE_ENTRIES], ["t"]
    if name == LOST:
        shape, chunk, names = [n_entries, 3], [SIDE_ENTRIES, 3], ["run", "column"]
        attributes = {"columns": list(LOST_COLUMNS), "reasons": list(LOST_REASONS)}
    elif name != "frame_number":
        attributes = {"unit": "second"}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0 if dtype.kind == "i" else 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": attributes,
        "storage_transformers": [],
        "dimension_names": names,
    }


def own_attributes(plan: RecordingPlan, started: float) -> dict[str, Any]:
    """Return what the root says of a recording that begins."""
    spec = plan.spec
    own: dict[str, Any] = plain(
        {
            "kind": "recording",
            "layout": LAYOUT,
            "version": __version__,
            "state": "recording",
            "camera": spec.camera,
            "properties": spec.properties,
            "rate_hz": spec.rate_hz,
            "pixel_um": spec.pixel_um,
            "origin": spec.origin,
            "started": started,
            "stat": plan.options.levels,
            "levels_when": plan.options.levels_when,
            "writer": plan.options.writer,
            "plan": plan.stored(),
        }
    )
    return own


def root_metadata(
    own: Mapping[str, Any], n_levels: int, window: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the document of the root.

    Parameters
    ----------
    own : mapping
        Of :func:`own_attributes`.
    n_levels : int
        Levels that are there.
    window : mapping, optional
        ``min``, ``max``, ``start`` and ``end`` of what is shown; the whole range of the type at
        first.
    """
    return group_metadata({"ome": _ome(own, n_levels, window), "pyramidion": dict(own)})


def frames_metadata(
    own: Mapping[str, Any], n_levels: int, window: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the document of the group ``frames``, where the levels are in it."""
    return group_metadata({"ome": _ome(own, n_levels, window, prefix="frames/")})


def group_metadata(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a group."""
    return {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)}


def _ome(
    own: Mapping[str, Any],
    n_levels: int,
    window: Mapping[str, float] | None,
    prefix: str = "",
) -> dict[str, Any]:
    levels = own["plan"]["levels"][:n_levels]
    datasets = []
    for level in levels:
        path = level["path"].removeprefix(prefix)
        datasets.append({"path": path, "coordinateTransformations": _transformations(own, level)})
    stat = own["stat"]
    described: dict[str, Any] = {}
    if stat:
        method = {"method": own["writer"]}
        if own["writer"] == "pyramidion":
            method |= {"version": __version__, "description": _DESCRIPTIONS[stat]}
        described = {"type": stat, "metadata": method}
    shown = dict(window or whole_range(np.dtype(own["plan"]["dtype"])))
    label = own["camera"] or "camera"
    channel = {"label": label, "color": "FFFFFF", "window": shown, "active": True}
    return {
        "version": OME_VERSION,
        "multiscales": [
            {"name": "recording", "axes": _axes(own), "datasets": datasets, **described}
        ],
        "omero": {
            "channels": [channel],
            "rdefs": {"defaultT": 0, "defaultZ": 0, "model": "greyscale"},
        },
    }


def _axes(own: Mapping[str, Any]) -> list[dict[str, str]]:
    unit = {"unit": "micrometer"} if own["pixel_um"] else {}
    plane = [{"name": name, "type": "space", **unit} for name in "yx"]
    return [{"name": "t", "type": "time", "unit": "second"}, *plane]


def _transformations(own: Mapping[str, Any], level: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return where the pixels of a level are: its first box is centred over level 0's first ones."""
    interval = 1 / own["rate_hz"] if own["rate_hz"] else 1.0
    pixel = own["pixel_um"] or (1.0, 1.0)
    scale, translation = [interval], [0.0]
    for n, full, size, at in zip(
        level["shape"], own["plan"]["frame"], pixel, own["origin"], strict=True
    ):
        factor = 1
        while -(-full // factor) > n:
            factor *= 2
        scale.append(size * factor)
        translation.append(at * size + size * (factor - 1) / 2)
    steps: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        steps.append({"type": "translation", "translation": translation})
    return steps


def whole_range(dtype: np.dtype[Any]) -> dict[str, float]:
    """Return a window over everything that a type can hold; floats are taken for fractions."""
    if dtype.kind == "f":
        return {"min": 0.0, "max": 1.0, "start": 0.0, "end": 1.0}
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    return {"min": low, "max": high, "start": low, "end": high}
