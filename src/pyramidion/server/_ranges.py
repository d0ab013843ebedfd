"""The Range header of a request (RFC 9110, 14.2), against a file of known size."""

from __future__ import annotations

import re

from pyramidion.server._errors import BadRequestError, RangeError

MAX_RANGES = 8
_ONE = re.compile(rb"[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*")
_DIGITS = 18  # more than any file has; longer numbers are not worth converting


def parse_ranges(value: bytes, size: int) -> list[tuple[int, int]] | None:
    """Return the ranges asked for, half-open and inside the file.

    Parameters
    ----------
    value : bytes
        The header, ``bytes=0-9`` or ``bytes=-500`` or several with commas.
    size : int
        Bytes in the file.

    Returns
    -------
    list of (start, stop), or None
        None if the whole file is the answer: a unit other than bytes is ignored.

    Raises
    ------
    RangeError
        If no range lies in the file, or one is reversed or malformed. The standard would also
        allow the whole file there; nobody who asked for a few bytes wants a gigabyte.
    BadRequestError
        If there are more than ``MAX_RANGES``, or together they are longer than the file.

    Examples
    --------
    >>> parse_ranges(b"bytes=0-9", 100), parse_ranges(b"bytes=-5", 100), parse_ranges(b"x=1-2", 9)
    ([(0, 10)], [(95, 100)], None)
    """
    unit, equals, spec = value.partition(b"=")
    if not equals or unit.strip().lower() != b"bytes":
        return None
    specs = spec.split(b",")
    if len(specs) > MAX_RANGES:
        what = f"more than {MAX_RANGES} ranges"
        raise BadRequestError(what, len(specs), "ask one by one", id="PYR-HTTP-10")
    found = [each for each in (_parse_one(one, size) for one in specs) if each is not None]
    if not found:
        raise unsatisfiable(size)
    if len(found) > 1 and sum(stop - start for start, stop in found) > size:
        raise BadRequestError("ranges longer than the file", id="PYR-HTTP-10")
    return found


def parse_single(value: bytes) -> tuple[int, int | None] | None:
    """Return the one range asked for, for a file whose size is not known yet.

    Parameters
    ----------
    value : bytes
        The header.

    Returns
    -------
    (start, stop) or None
        `stop` is None for all from `start` on, and `start` negative for so many bytes at the end.
        None if it takes the size to know what is asked, or whether it can be.

    Examples
    --------
    >>> parse_single(b"bytes=0-9"), parse_single(b"bytes=5-"), parse_single(b"bytes=-5")
    ((0, 10), (5, None), (-5, None))
    >>> parse_single(b"bytes=0-1,4-5") is None
    True
    """
    unit, equals, spec = value.partition(b"=")
    match = _ONE.fullmatch(spec) if equals and unit.strip().lower() == b"bytes" else None
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = _number(suffix)
        return (-length, None) if length else None
    start, stop = _number(first), _number(last) + 1 if last else None
    return (start, stop) if stop is None or stop > start else None


def unsatisfiable(size: int) -> RangeError:
    """Return the error for a range that has no byte in a file of this size."""
    told = ((b"content-range", b"bytes */%d" % size),)
    return RangeError("no such range", f"the file has {size} bytes", id="PYR-HTTP-10", headers=told)


def _parse_one(spec: bytes, size: int) -> tuple[int, int] | None:
    """Return one range, or None if it lies beyond the end."""
    match = _ONE.fullmatch(spec)
    if match is None:
        raise unsatisfiable(size)
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(_number(suffix), size)
        return (size - length, size) if length else None
    start = _number(first)
    stop = _number(last) + 1 if last else size
    if last and stop <= start:
        raise unsatisfiable(size)
    return (start, min(stop, size)) if start < size else None


def _number(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _DIGITS else 10**_DIGITS
