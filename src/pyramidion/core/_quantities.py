"""Counts and SI numbers as people write and read them.

Reading: ``1e8``, ``100_000_000``. Writing: ``1.5 ms``, ``12.4 GB``.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

from pyramidion.core._errors import UsageError

_COUNT = re.compile(r"[+-]?[0-9][0-9_]*(\.[0-9]*)?([eE][+-]?[0-9]{1,4})?$")
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([kmgt]?)i?b$", re.IGNORECASE)
_SIZE_UNITS = ("", "k", "m", "g", "t")
_PREFIXES = {
    -18: "a",
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
    15: "P",
}


def parse_count(text: str, option: str) -> int:
    """Read a whole number: ``1000``, ``1e8``, ``100_000_000``.

    Parameters
    ----------
    text : str
        What the user typed.
    option : str
        The option it was typed for, named in the error.

    Returns
    -------
    int

    Raises
    ------
    UsageError
        If it is not a whole number (``1.5``, ``1,000``, ``1e8x``).

    Examples
    --------
    >>> parse_count("1e8", "--samples")
    100000000
    """
    number = text.strip()
    if _COUNT.match(number):
        try:
            value = Decimal(number.replace("_", ""))
        except InvalidOperation:
            value = Decimal("NaN")
        # A huge exponent is kept huge instead of being expanded to a billion digits.
        if value.is_finite() and value.adjusted() > 40:
            return 10**40 if value > 0 else -(10**40)
        if value.is_finite() and value == value.to_integral_value():
            return int(value)
    plain = number.replace(",", "").replace(" ", "")
    mend = (
        f"write {plain}"
        if plain.isascii() and plain.isdigit() and plain != number
        else "write for example 1000 or 1e8"
    )
    raise UsageError(option, "not a whole number", text, mend, id="PYR-ALL-14")


def parse_size(text: str, option: str) -> int:
    """Read a number of bytes: ``4mb``, ``1.5MB``, ``512KiB``; units count by 1024.

    Parameters
    ----------
    text : str
        What the user typed.
    option : str
        The option it was typed for, named in the error.

    Returns
    -------
    int
        Bytes, at least 1.

    Raises
    ------
    UsageError
        If the number or the unit is missing or unknown (``4m``, ``4mb2``, ``-1``).

    Examples
    --------
    >>> parse_size("1.5mb", "--arco"), parse_size("512KiB", "--arco")
    (1572864, 524288)
    """
    found = _SIZE.match(text.strip())
    n_bytes = Decimal(found[1]) * 1024 ** _SIZE_UNITS.index(found[2].lower()) if found else 0
    if not found or not 1 <= n_bytes < 2**62:
        raise UsageError(
            option, "not a size", text, "write for example 4MB or 4MiB", id="PYR-ALL-13"
        )
    return int(n_bytes)


def format_bytes(n_bytes: float) -> str:
    """Write a number of bytes in decimal units.

    Examples
    --------
    >>> format_bytes(12_400_000_000)
    '12.4 GB'
    """
    return format_si(n_bytes, "B", digits=3)


def format_si(value: float, unit: str, digits: int = 4) -> str:
    """Write a number with an SI prefix.

    Parameters
    ----------
    value : float
        The quantity in `unit`.
    unit : str
        Base unit such as ``s``, ``V`` or ``B``.
    digits : int
        Significant digits.

    Examples
    --------
    >>> format_si(2e-9, "s"), format_si(0.0, "V"), format_si(1536, "B", 3)
    ('2 ns', '0 V', '1.54 kB')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    power = 3 * math.floor(math.log10(abs(value)) / 3 + 1e-12)
    power = min(15, max(-18, power))
    shown = f"{value / 10.0**power:.{digits}g}"
    if shown.startswith(("1000", "-1000", "1e+03", "-1e+03")) and power < 15:
        power += 3
        shown = f"{value / 10.0**power:.{digits}g}"
    return f"{shown} {_PREFIXES[power]}{unit}"


def shortest_decimal(value: float) -> float:
    """Return the shortest decimal that is the same float32.

    Instruments keep intervals as float32: 2 ns is stored as 1.999999943e-9, which is 28 samples of
    drift after 1e9 samples. The number meant is the shortest decimal with the same float32.

    Examples
    --------
    >>> import numpy as np
    >>> shortest_decimal(float(np.float32(2e-9)))
    2e-09
    """
    import numpy as np  # late: the command line reads quantities without numpy

    return float(np.format_float_scientific(np.float32(value), unique=True))
