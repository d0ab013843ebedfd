"""What the catalogue says of a dataset, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyramidion.core import escape, format_bytes, format_si
from pyramidion.server._catalogue import Found
from pyramidion.server._dataset import Dataset, Extent

_WAVEFORM_AXES = ("channel", "trc", "segment")
_METRES = {
    "angstrom": 1e-10, "picometer": 1e-12, "nanometer": 1e-9, "nm": 1e-9,
    "micrometer": 1e-6, "micron": 1e-6, "um": 1e-6, "\u00b5m": 1e-6, "\u03bcm": 1e-6,
    "millimeter": 1e-3, "mm": 1e-3, "centimeter": 1e-2, "cm": 1e-2, "meter": 1.0, "m": 1.0,
}  # fmt: skip
_SECONDS = {
    "nanosecond": 1e-9, "ns": 1e-9, "microsecond": 1e-6, "us": 1e-6, "\u00b5s": 1e-6,
    "millisecond": 1e-3, "ms": 1e-3, "second": 1.0, "s": 1.0,
    "minute": 60.0, "min": 60.0, "hour": 3600.0, "h": 3600.0, "day": 86400.0, "d": 86400.0,
}  # fmt: skip
_LONG_S = 120.0


def facts_of(dataset: Dataset) -> list[str]:
    """Return what the metadata say, most important first: shape, extent, unit, type."""
    told = _waveform(dataset) if dataset.kind == "waveform" else _image(dataset)
    return [*told, escape(dataset.dtype)] if dataset.dtype else told


def size_of(found: Found) -> str:
    """Return the size of a dataset: of its files if that is known, else decoded and said so."""
    if found.stored_bytes is None and not found.n_bytes:
        return ""
    return f"{format_bytes(found.n_bytes)} {'decoded' if found.stored_bytes is None else 'on disk'}"


def format_count(number: int) -> str:
    """Write a whole number with thin spaces.

    Examples
    --------
    >>> format_count(1234567) == "1\u2009234\u2009567"
    True
    """
    return f"{number:,}".replace(",", "\u2009")


def format_duration(seconds: float) -> str:
    """Write a duration: SI prefixes up to two minutes, then the units of the clock.

    Examples
    --------
    >>> format_duration(0.002), format_duration(7500), format_duration(200_000)
    ('2 ms', '2 h 5 min', '2 d 8 h')
    """
    if seconds < _LONG_S:
        return format_si(seconds, "s")
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = round(seconds)
    parts: list[str] = []
    for unit, length in units:
        n, left = divmod(left, length)
        if n or parts:
            parts.append(f"{format_count(n)} {unit}" if n else "")
    return " ".join(part for part in parts[:2] if part)


def _waveform(dataset: Dataset) -> list[str]:
    *counts, n_samples = dataset.shape
    named = [_counted(n, axis) for n, axis in zip(counts, _WAVEFORM_AXES, strict=True) if n != 1]
    facts = [" \u00d7 ".join([_counted(n_samples, "sample"), *named])]
    interval = dataset.interval_s
    if interval is not None and 0 < n_samples * interval < math.inf:
        facts.append(_extent((n_samples * interval, dataset.time_unit)))
    if dataset.unit:
        facts.append(f"in {escape(dataset.unit, limit=20)}")
    return facts


def _image(dataset: Dataset) -> list[str]:
    """Return the sizes as people say them: width first."""
    sizes = dict(zip(dataset.axes, dataset.shape, strict=True))
    extents = dict(zip(dataset.axes, dataset.extents, strict=False))
    space = [axis for axis in ("x", "y", "z") if axis in sizes]
    facts = []
    if space:
        what = "voxels" if sizes.get("z", 1) > 1 else "pixels"
        facts.append(" \u00d7 ".join(format_count(sizes[axis]) for axis in space) + f" {what}")
        facts += _space([extents.get(axis) for axis in space])
    facts += [_counted(sizes["c"], "channel")] if sizes.get("c", 1) != 1 else []
    if "t" in sizes and (sizes["t"] != 1 or dataset.state):
        lasting = extents.get("t")
        facts.append(_counted(sizes["t"], "frame" if dataset.state else "time"))
        facts += [_extent(lasting)] if lasting else []
    if len(dataset.fields) > 1:
        facts.append(f"{len(dataset.fields)} fields")
    return facts


def _space(extents: Sequence[Extent | None]) -> list[str]:
    known = [extent for extent in extents if extent is not None]
    return [" \u00d7 ".join(map(_extent, known))] if len(known) == len(extents) else []


def _extent(extent: Extent) -> str:
    value, unit = extent
    if unit.lower() in _SECONDS:
        return format_duration(value * _SECONDS[unit.lower()])
    if unit in _METRES or unit.lower() in _METRES:
        return format_si(value * _METRES[unit if unit in _METRES else unit.lower()], "m")
    return f"{value:.4g} {escape(unit, limit=20)}"


def _counted(number: int, noun: str) -> str:
    return f"{format_count(number)} {noun}{'' if number == 1 else 's'}"
