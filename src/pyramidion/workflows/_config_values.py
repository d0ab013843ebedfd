"""Values of a recording's configuration, from JSON or from the command line, checked one by one.

Each function returns what the program uses, or raises :class:`WrongValueError`, whose words fit
behind the name of a key as well as behind that of an option.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError, parse_count, parse_size

Check = Callable[[Any], Any]

_SECONDS = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,12})?(?:[eE]-?[0-9]{1,2})?) ?([a-z]*)$")
_VARIABLE = re.compile(r"\$(\$|\w+|\{[^{}]*\})")


class WrongValueError(ValueError):
    """A value is not what is needed.

    Parameters
    ----------
    what : str
        What is needed: ``whole number needed``, ``0 to 9``.
    mend : str, optional
        What to write instead.
    row : int
        Row of the catalogue: 4 for the type, 5 for the range, 6 for a combination, 8 for a path.
    """

    def __init__(self, what: str, mend: str | None = None, row: int = 4) -> None:
        super().__init__(what)
        self.what, self.mend, self.row = what, mend, row


def whole(low: int, high: int | None = None) -> Check:
    """Return a check for a whole number of JSON, not below `low` nor above `high`."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongValueError("whole number needed")
        if value < low or (high is not None and value > high):
            what = f"at least {low}" if high is None else f"{low} to {high}"
            raise WrongValueError(what, row=5)
        return value

    return check


def or_null(check: Check) -> Check:
    """Return a check that lets null pass, which stands for "not limited" or "chosen"."""
    return lambda value: None if value is None else check(value)


def flag(value: Any) -> bool:
    """Check a boolean."""
    if not isinstance(value, bool):
        raise WrongValueError("true or false needed")
    return value


def text(value: Any) -> str:
    """Check a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise WrongValueError("text needed")
    return value


def one_of(*names: str) -> Check:
    """Return a check for one of some words."""

    def check(value: Any) -> str:
        if text(value) not in names:
            raise WrongValueError(f"one of {', '.join(names)}", row=5)
        return str(value)

    return check


def seconds(value: Any) -> float:
    """Check a duration: a number of seconds above 0, or ``10ms``, ``90s``, ``1.5m``, ``2h``.

    Examples
    --------
    >>> seconds("10ms"), seconds("1.5m"), seconds(90)
    (0.01, 90.0, 90.0)
    """
    found = _DURATION.match(value.strip().lower()) if isinstance(value, str) else None
    if found and found[2] in _SECONDS:
        # Decimal places of milliseconds stay what was typed: 10 ms is 0.01, not 0.010000000000000002.
        number = float(f"{float(found[1]) * _SECONDS[found[2]]:.12g}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    else:
        raise WrongValueError("not a time", "write for example 10ms, 90s, 1.5m or 2h")
    if not 0 < number < math.inf:
        raise WrongValueError("must be above 0 s", row=5)
    return number


def patience(value: Any) -> float:
    """Check a time-out: a duration, or 0 for ever."""
    return 0.0 if value in (0, "0") and not isinstance(value, bool) else seconds(value)


def frequency(value: Any) -> float:
    """Check frames a second: a number above 0."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise WrongValueError("number needed", "write for example 100") from None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise WrongValueError("number needed")
    if not 0 < value < math.inf:
        raise WrongValueError("must be above 0", row=5)
    return float(value)


def size(value: Any) -> int:
    """Check a number of bytes: ``2GiB``."""
    try:
        return parse_size(text(value), "")
    except UsageError as error:
        raise WrongValueError(error.what, error.mend) from None


def region(value: Any) -> str:
    """Check a region of the sensor: ``X,Y,WIDTH,HEIGHT`` or a list of these.

    Returns
    -------
    str
        ``x,y,width,height``.
    """
    parts = value.replace(" ", "").split(",") if isinstance(value, str) else value
    wrong = WrongValueError("not a region", "write X,Y,WIDTH,HEIGHT in pixels, as 0,0,512,512")
    if not isinstance(parts, list) or len(parts) != 4:
        raise wrong
    try:
        numbers = [parse_count(p, "") if isinstance(p, str) else whole(0)(p) for p in parts]
    except (UsageError, WrongValueError):
        raise wrong from None
    if min(numbers) < 0 or min(numbers[2:]) < 1:
        raise WrongValueError("a region has no negative place and at least 1 pixel", row=5)
    return ",".join(map(str, numbers))


def names(value: Any) -> tuple[str, ...]:
    """Check a text, or a list of texts."""
    return tuple(map(text, value)) if isinstance(value, list) else (text(value),)


def path(value: Any) -> str:
    """Check a path, with ``~`` and ``$NAME`` replaced; ``$$`` stands for a dollar sign.

    Returns
    -------
    str
        Relative paths stay so: they count from the folder where the program is started.
    """
    given = text(value)
    if "\0" in given:
        raise WrongValueError("not a path", row=8)
    expanded = _VARIABLE.sub(_variable, given)
    try:
        return str(Path(expanded).expanduser()) if expanded.startswith("~") else expanded
    except RuntimeError:
        raise WrongValueError("~ is not known: there is no such user", row=8) from None


def _variable(found: re.Match[str]) -> str:
    name = found[1].strip("{}")
    if name == "$":
        return "$"
    if name not in os.environ:
        mend = "set it, or write $$ for a dollar sign"
        raise WrongValueError(f"${name} is not set", mend, row=8)
    return os.environ[name]


def property_value(name: str, value: Any) -> str:
    """Check the value of a camera's property; those that every camera has are known.

    Returns
    -------
    str
        As the camera takes it: seconds, pixels, Hz, words.
    """
    known: Mapping[str, Check] = {"exposure": seconds, "rate": frequency, "roi": region}
    if name in known:
        checked = known[name](value)
        return checked if isinstance(checked, str) else f"{checked:.12g}"
    if value is None or isinstance(value, (list, dict)):
        raise WrongValueError("text or number needed")
    return value if isinstance(value, str) else json.dumps(value)
