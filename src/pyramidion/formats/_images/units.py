"""Sizes of voxels as files tell them, in the units that the rest of the program uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_KEPT = {"nm": "nm", "um": "um", "µm": "um", "μm": "um", "micron": "um", "microns": "um", "mm": "mm", "m": "m"}  # fmt: skip
_NAMED = {"nanometer": "nm", "micrometer": "um", "millimeter": "mm", "meter": "m", "\\u00b5m": "um"}
_IN_UM = {
    "pm": 1e-6,
    "nm": 1e-3,
    "um": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "km": 1e9,
    "in": 25400.0,
    "inch": 25400.0,
    "å": 1e-4,
    "angstrom": 1e-4,
}
_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """What a file tells of positions.

    Parameters
    ----------
    voxel : tuple of float, or None
        Size of an element along z, y, x.
    unit : str
        Its unit; empty when not known.
    interval : float or None
        Seconds from time step to time step.
    """

    voxel: tuple[float, float, float] | None = None
    unit: str = ""
    interval: float | None = None


def lengths_in_one_unit(
    lengths: Sequence[tuple[float | None, str]],
) -> tuple[tuple[float, float, float] | None, str]:
    """Return sizes along z, y, x in one unit; (None, "") where nothing is known.

    Parameters
    ----------
    lengths : sequence of (float or None, str)
        Size and unit along z, y, x.

    Examples
    --------
    >>> lengths_in_one_unit([(2.0, "mm"), (500.0, "µm"), (500.0, "µm")])
    ((2000.0, 500.0, 500.0), 'um')
    """
    known = [(size, _plain(unit)) for size, unit in lengths if size]
    units = {unit for _, unit in known}
    if not known or not units <= set(_IN_UM):
        return None, ""
    if len(units) == 1 and units <= set(_KEPT.values()):
        unit, factors = units.pop(), dict.fromkeys(_IN_UM, 1.0)
    else:
        unit, factors = "um", _IN_UM
    z, y, x = (size * factors[_plain(u)] if size else 1.0 for size, u in lengths)
    return (z, y, x), unit


def seconds(value: float, unit: str) -> float | None:
    """Return a time in seconds; None for a unit that is not known."""
    factor = _SECONDS.get(unit.strip().lower())
    return None if factor is None else value * factor


def _plain(unit: str) -> str:
    unit = unit.strip().lower()
    unit = _NAMED.get(unit, unit)
    return _KEPT.get(unit, unit)
