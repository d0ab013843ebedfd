"""Names of units: short inside pyramidion (``um``), long in OME-Zarr (``micrometer``).

An axis whose unit OME-Zarr does not know is written without one: neuroglancer does not open a
picture with an unknown unit.

Source: OME-Zarr 0.5, "axes" (the units of UDUNITS-2 that it lists).
"""

from __future__ import annotations

SPACE = (
    "angstrom", "attometer", "centimeter", "decimeter", "exameter", "femtometer", "foot",
    "gigameter", "hectometer", "inch", "kilometer", "megameter", "meter", "micrometer", "mile",
    "millimeter", "nanometer", "parsec", "petameter", "picometer", "terameter", "yard",
    "yoctometer", "yottameter", "zeptometer", "zettameter",
)  # fmt: skip
TIME = (
    "attosecond", "centisecond", "day", "decisecond", "exasecond", "femtosecond", "gigasecond",
    "hectosecond", "hour", "kilosecond", "megasecond", "microsecond", "millisecond", "minute",
    "nanosecond", "petasecond", "picosecond", "second", "terasecond", "yoctosecond", "yottasecond",
    "zeptosecond", "zettasecond",
)  # fmt: skip

_SHORT = {
    "micrometer": "um",
    "nanometer": "nm",
    "picometer": "pm",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "kilometer": "km",
    "second": "s",
    "millisecond": "ms",
    "microsecond": "us",
    "nanosecond": "ns",
    "minute": "min",
    "hour": "h",
}
_LONG = {short: long for long, short in _SHORT.items()} | {
    "\N{MICRO SIGN}m": "micrometer",
    "\N{GREEK SMALL LETTER MU}m": "micrometer",
    "micron": "micrometer",
    "\N{MICRO SIGN}s": "microsecond",
}


def ome_unit(unit: str) -> str:
    """Return what OME-Zarr calls a unit; empty when it does not know it.

    Examples
    --------
    >>> ome_unit("um"), ome_unit("nanometer"), ome_unit("pixel")
    ('micrometer', 'nanometer', '')
    """
    long = _LONG.get(unit, unit)
    return long if long in SPACE or long in TIME else ""


def short_unit(unit: str) -> str:
    """Return what pyramidion calls a unit of OME-Zarr; one without a short name keeps its own."""
    return _SHORT.get(unit, unit)
