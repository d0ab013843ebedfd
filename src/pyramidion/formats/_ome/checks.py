"""What viewers stumble over and the usual validators let pass."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pyramidion.core import escape
from pyramidion.formats._ome.units import SPACE, TIME

_UNITS = {"space": SPACE, "time": TIME}
_WINDOW = ("min", "max", "start", "end")


def check_ome(attributes: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an image's OME metadata, one line each.

    Parameters
    ----------
    attributes : mapping
        Of the group: ``{"ome": {...}}``, or with ``multiscales`` at the top as in 0.4.

    Notes
    -----
    An unknown unit keeps neuroglancer from opening the image; a window without ``start`` or
    ``end``, or a colour that is not six hexadecimal digits, keeps others from showing it.
    """
    inner = attributes.get("ome")
    ome = inner if isinstance(inner, Mapping) else attributes
    return [*_units(ome), *_channels(ome)]


def _units(ome: Mapping[str, Any]) -> Iterator[str]:
    for multiscale in _mappings(ome.get("multiscales")):
        for axis in _mappings(multiscale.get("axes")):
            unit, kind = axis.get("unit"), axis.get("type")
            known = _UNITS.get(kind) if isinstance(kind, str) else None
            if unit is not None and known is not None and unit not in known:
                yield f"axis {escape(axis.get('name'))}: unknown unit {escape(unit)}"


def _channels(ome: Mapping[str, Any]) -> Iterator[str]:
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, Mapping) else None
    for number, channel in enumerate(_mappings(channels)):
        color = channel.get("color")
        if not (isinstance(color, str) and re.fullmatch("[0-9A-Fa-f]{6}", color)):
            yield f"channel {number}: colour {escape(color)} is not six hexadecimal digits"
        window = channel.get("window")
        if window is None:
            continue
        for name in _WINDOW:
            value = window.get(name) if isinstance(window, Mapping) else None
            if not _is_number(value):
                yield f"channel {number}: window has no {name}"


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [v for v in values if isinstance(v, Mapping)] if isinstance(values, list) else []
