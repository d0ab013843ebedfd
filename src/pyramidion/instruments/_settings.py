"""Values of camera properties as they are typed, checked, and refused in one line."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence

from pyramidion.core import UsageError

_SHOWN = 20  # names in a line; a camera may have hundreds


def settings_in(text: str) -> list[tuple[str, str]]:
    """Read ``KEY=VALUE,...``; a value may hold commas.

    Raises
    ------
    UsageError
        If it does not begin with a key.

    Examples
    --------
    >>> settings_in("roi=0,0,64,64,rate=10")
    [('roi', '0,0,64,64'), ('rate', '10')]
    """
    found: list[tuple[str, str]] = []
    for piece in text.split(",") if text else ():
        name, sign, value = piece.partition("=")
        if sign:
            found.append((name.strip(), value.strip()))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]},{piece.strip()}")
        else:
            raise UsageError(
                "CAMERA", "not a setting", piece, "write for example rate=100", id="PYR-CAM-05"
            )
    return found


def number_in(name: str, text: str, low: float, high: float, unit: str = "") -> float:
    """Read a number within limits.

    Parameters
    ----------
    name : str
        The property, named in the error.
    text : str
        As typed.
    low, high : float
        Limits, both allowed.
    unit : str
        Shown behind the limits.

    Raises
    ------
    UsageError
        ``exposure: 0.001 to 10 s (20)``.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise refused(name, text, f"{limits(low, high)} {unit}".rstrip())
    return value


def whole_in(name: str, text: str, low: int, high: int) -> int:
    """Read a whole number within limits; raises as :func:`number_in` does."""
    value = number_in(name, text, low, high)
    if value != int(value):
        raise refused(name, text, f"whole number, {limits(low, high)}")
    return int(value)


def one_of(name: str, text: str, allowed: Iterable[str]) -> str:
    """Return one of the allowed words; raises as :func:`number_in` does."""
    words = tuple(allowed)
    if text not in words:
        raise refused(name, text, f"one of {', '.join(words)}")
    return text


def region_in(
    text: str, sensor: tuple[int, int], step: tuple[int, int] = (1, 1)
) -> tuple[int, int, int, int]:
    """Read a region of the sensor.

    Parameters
    ----------
    text : str
        ``x,y,width,height``.
    sensor : (int, int)
        Height and width of the sensor.
    step : (int, int)
        What y and height, x and width are multiples of; the whole height or width always fits.

    Returns
    -------
    x, y, width, height : int

    Raises
    ------
    UsageError
        ``roi.width: multiple of 4 (1001): 1000 or 1004``.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise UsageError("roi", "4 numbers needed", text, "write x,y,width,height", id="PYR-CAM-06")
    starts = {}
    for name, size, multiple, start, length in (
        ("x", sensor[1], step[1], parts[0], parts[2]),
        ("y", sensor[0], step[0], parts[1], parts[3]),
    ):
        first = _part(f"roi.{name}", start, 0, size - 1, multiple)
        side = {"x": "roi.width", "y": "roi.height"}[name]
        n = _part(side, length, 1, size - first, 1 if length.strip() == str(size) else multiple)
        starts[name] = first, n
    (x, width), (y, height) = starts["x"], starts["y"]
    return x, y, width, height


def _part(name: str, text: str, low: int, high: int, multiple: int) -> int:
    value = text.strip()
    if not (value.isascii() and value.isdigit() and low <= int(value[:12]) <= high):
        raise refused(name, text.strip(), limits(low, high), id="PYR-CAM-06")
    number = int(value)
    if number % multiple:
        below = number - number % multiple
        near = [n for n in (below, below + multiple) if low <= n <= high]
        raise UsageError(
            name,
            f"multiple of {multiple}",
            number,
            " or ".join(map(str, near)) or None,
            id="PYR-CAM-06",
        )
    return number


def refused(name: str, value: str, allowed: str, *, id: str = "PYR-CAM-05") -> UsageError:  # noqa: A002
    """Return the error for a value that is not allowed: ``exposure: 0.001 to 10 s (20)``."""
    return UsageError(name, allowed, value or "nothing", id=id)


def read_only(name: str) -> UsageError:
    """Return the error for a property that cannot be written."""
    return UsageError(name, "cannot be set", "read only", id="PYR-CAM-05")


def unknown_property(name: str, names: Sequence[str]) -> UsageError:
    """Return the error for a property that this camera does not have."""
    close = difflib.get_close_matches(name, names, n=1)
    some = ", ".join([*names[:_SHOWN], *(["..."] if len(names) > _SHOWN else [])])
    mend = f"did you mean {close[0]}?" if close else f"it has {some or 'none'}"
    return UsageError(name or "CAMERA", "not a property of this camera", mend=mend, id="PYR-CAM-05")


def running(name: str) -> UsageError:
    """Return the error for setting a property of a camera that runs."""
    return UsageError(
        name, "cannot be set while the camera runs", mend="stop it first", id="PYR-CAM-05"
    )


def limits(low: float, high: float) -> str:
    """Write limits: ``0.001 to 10``.

    >>> limits(0.001, 1e6)
    '0.001 to 1000000'
    """
    shown = (f"{n:.0f}" if n == int(n) and abs(n) < 1e15 else f"{n:g}" for n in (low, high))
    return " to ".join(shown)
