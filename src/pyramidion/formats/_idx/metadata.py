"""What an image knows beyond the header's own keys: units, channel names, attributes.

Texts become keys of their own, which OpenVisus keeps and shows; all else is one line of JSON under
``(pyramidion)``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pyramidion.core import Axis, Channel, ImageSpec
from pyramidion.formats._idx.header import is_plain, read_keys

KEY = "pyramidion"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,80}")
_HEADER_KEYS = {
    *("version", "box", "fields", "bits", "bitsperblock", "blocksperfile", "filename_template"),
    *("interleave", "interleave block", "time", "arco", "missing_blocks", "axis", "physic_box"),
    *("logic_to_physic", KEY),
}


def to_metadata(specs: Sequence[ImageSpec]) -> dict[str, str]:
    """Return the free keys of the header of a dataset.

    Parameters
    ----------
    specs : sequence of ImageSpec
        Its fields; axes and attributes are those of the first.
    """
    spec = specs[0]
    texts = {k: v for k, v in spec.attributes.items() if isinstance(v, str) and _keeps(k, v)}
    others = {k: v for k, v in spec.attributes.items() if k not in texts}
    told: dict[str, Any] = {}
    if any(axis.unit for axis in spec.axes):
        told["units"] = {axis.name: axis.unit for axis in spec.axes if axis.unit}
    if spec.axes[0].scale != 1.0:
        told["interval"] = spec.axes[0].scale
    channels = {s.name: [asdict(c) for c in s.channels] for s in specs if s.channels}
    if channels:
        told["channels"] = channels
    if spec.shape[1] in (3, 4) and not spec.is_rgb:
        told["is_rgb"] = False
    if others:
        told["attributes"] = others
    return texts | ({KEY: _one_line(told)} if told else {})


def from_metadata(metadata: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the free keys apart.

    Returns
    -------
    attributes : dict
        As :attr:`pyramidion.core.ImageSpec.attributes` had them.
    told : dict
        ``units`` by axis, ``interval``, ``channels`` by field, ``is_rgb``; what is not known is
        absent.
    """
    attributes: dict[str, Any] = {k: v for k, v in metadata.items() if k != KEY}
    try:
        told = json.loads(metadata.get(KEY, "{}"))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return dict(metadata), {}
    others = told.pop("attributes", {})
    return attributes | (others if isinstance(others, dict) else {}), told


def channels_of(told: Mapping[str, Any], field: str) -> tuple[Channel, ...]:
    """Return the channels of a field as :func:`from_metadata` told them; empty when not known."""
    found = told.get("channels")
    listed = found.get(field) if isinstance(found, dict) else None
    channels = []
    for entry in listed if isinstance(listed, list) else ():
        known = entry if isinstance(entry, dict) else {}
        pairs = {k: _pair(known.get(k)) for k in ("window", "limits")}
        label, color = known.get("label"), known.get("color")
        channels.append(
            Channel(
                label if isinstance(label, str) else "",
                color if isinstance(color, str) else "",
                **pairs,
            )
        )
    return tuple(channels)


def physic_box(axes: Sequence[Axis], n_axes: int) -> tuple[float, ...] | None:
    """Return the bounds of an image in its own units; None where its axes are plain indices.

    Parameters
    ----------
    axes : sequence of Axis
        t, c, z, y, x.
    n_axes : int
        2 or 3.

    Returns
    -------
    tuple of float
        x1 x2 y1 y2 (z1 z2), the upper one the end of the last voxel.
    """
    named = axes[::-1][:n_axes]
    if all(not a.unit and a.scale == 1.0 and a.offset == 0.0 for a in named):
        return None
    return tuple(bound for a in named for bound in (a.offset, a.offset + a.size * a.scale))


def _keeps(key: str, value: str) -> bool:
    """Tell whether key and value read back from the text form as they are."""
    if not _NAME.fullmatch(key) or key in _HEADER_KEYS or not value or not is_plain(value):
        return False
    return read_keys(f"({key})\n{value}\n") == {key: value}


def _one_line(value: object) -> str:
    """Write JSON that has no mark of the text form in it: ``#``, and several blanks."""
    text = json.dumps(value, separators=(",", ":"), default=str).replace("#", "\\u0023")
    return re.sub("  +", lambda found: "\\u0020" * len(found[0]), text)


def _pair(value: object) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    low, high = value
    is_pair = isinstance(low, int | float) and isinstance(high, int | float)
    return (low, high) if is_pair else None
