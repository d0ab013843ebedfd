"""What a waveform or an image is, in one report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import IMAGE_AXES, WaveformSource
from pyramidion.formats import (
    OpenOptions,
    WaveformStore,
    format_of_source,
    is_at_hand,
    is_recording,
    kind_of_source,
    open_image,
    open_source,
)
from pyramidion.workflows._fetch import at_hand
from pyramidion.workflows._files import size_of

_SHOWN = 1000


def describe(path: Path, options: OpenOptions | None = None, *, kind: str = "") -> dict[str, Any]:
    """Describe anything that can be read.

    Parameters
    ----------
    path : Path
        A file, a store, or a name with ``*``.
    options : OpenOptions, optional
        What is known about it.
    kind : str
        ``waveform`` or ``image``, where a file may be either; empty to find out.

    Returns
    -------
    dict
        JSON values: format, shape, dtype, time axis, gains, triggers, levels, bytes, warnings.
    """
    if not is_at_hand(path):
        with at_hand(path) as fetched:
            return describe(fetched, options, kind=kind) | {"path": str(path)}
    found = format_of_source(path)
    if (kind or kind_of_source(path, options)) == "image":
        return _image(path, found.name, options)
    with open_source(path, options) as opened:
        report = {
            "path": str(path),
            "format": found.name,
            "kind": "waveform",
            **_about(opened),
            "bytes_on_disk": size_of(path),
            "warnings": list(opened.spec.warnings),
        }
        if isinstance(opened, WaveformStore):
            report["zarr_format"] = opened.zarr_format
            report["arrays"] = _arrays(opened)
    return report


def _image(path: Path, name: str, options: OpenOptions | None) -> dict[str, Any]:
    with open_image(path, options) as opened:
        spec = opened.spec
        report: dict[str, Any] = {
            "path": str(path),
            "format": name,
            "kind": "image",
            "shape": dict(zip(IMAGE_AXES, spec.shape, strict=True)),
            "axes": spec.present,
            "dtype": spec.dtype.name,
            "bytes": spec.n_bytes,
            "fields": list(opened.fields),
            "field": spec.name,
            "rgb": spec.is_rgb,
            "times": list(spec.time_steps)[:_SHOWN],
            "origin": list(spec.origin),
            "voxel": {a.name: {"size": a.scale, "unit": a.unit} for a in spec.axes[2:]},
            "interval": {"size": spec.axes[0].scale, "unit": spec.axes[0].unit},
            "channels": [asdict(channel) for channel in spec.channels],
            "levels": [
                {"shape": list(level.shape), "factors": list(level.factors)}
                for level in opened.levels
            ],
            **getattr(opened, "details", {}),
            "bytes_on_disk": size_of(path),
            "warnings": [*spec.warnings, *opened.notes()],
        }
        if is_recording(path):
            from pyramidion.formats._recording.about import describe_recording

            report["recording"] = describe_recording(path)
    return report


def _about(opened: WaveformSource) -> dict[str, Any]:
    spec = opened.spec
    about: dict[str, Any] = {
        "shape": dict(zip(("channels", "trcs", "segments", "samples"), spec.shape, strict=True)),
        "dtype": spec.dtype.name,
        "bytes": spec.n_bytes,
        "interval": spec.interval,
        "offset": spec.offset,
        "time_unit": spec.time_unit,
        "duration": spec.interval * spec.shape[-1],
        "value_unit": spec.unit,
        "gains": np.asarray(spec.gains).tolist(),
        "offsets": np.asarray(spec.offsets).tolist(),
        "start_time": spec.start_time,
    }
    if spec.trigger_times is not None:
        times = spec.trigger_times
        about["trigger_times"] = [
            None if np.isnan(t) else float(t) for t in times.reshape(-1)[:_SHOWN]
        ]
    if spec.instrument:
        about["instrument"] = dict(spec.instrument)
    return about


def _arrays(store: WaveformStore) -> dict[str, Any]:
    arrays: dict[str, dict[str, Any]] = {}
    for array in [store.raw, *(overview.array for overview in store.overviews)]:
        arrays[array.key] = {
            "shape": list(array.shape),
            "chunk": list(array.chunk),
            "shard": list(array.shard),
            "codec": array.codec,
        }
    for overview in store.overviews:
        arrays[overview.array.key]["samples_per_bin"] = overview.factor
    return arrays
