"""The parameters of the OpenVisus protocol, checked before anything is opened or allocated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from pyramidion.formats._idx.bitmask import XYZ
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.server._errors import BadRequestError, ParameterError

MAX_BLOCKS = 64
_MAX_PARAMETERS = 64
_WHOLE = re.compile("-?[0-9]{1,15}")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")


def parse_query(query: bytes) -> dict[str, str]:
    """Return the parameters of a query.

    Raises
    ------
    BadRequestError
        If one is given twice, or is not text.

    Examples
    --------
    >>> parse_query(b"action=boxquery&box=0%209+0%209")
    {'action': 'boxquery', 'box': '0 9 0 9'}
    """
    found: dict[str, str] = {}
    pairs = [pair for pair in query.split(b"&") if pair]
    if len(pairs) > _MAX_PARAMETERS:
        raise BadRequestError("too many parameters", len(pairs), id="PYR-HTTP-11")
    for pair in pairs:
        name, _, value = (_decode(part) for part in pair.partition(b"="))
        if name in found:
            raise ParameterError(name, f"{found[name]}, {value}", "one value")
        found[name] = value
    return found


def parse_time(query: Mapping[str, str], header: IdxHeader) -> int:
    """Return the time step asked for, as a float or a whole number; by default the first."""
    text = query.get("time", "")
    if not text:
        return header.times[0]
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value) or int(value) not in header.times:
        first, last = header.times[0], header.times[-1]
        raise ParameterError("time", text, f"{first}..{last}" if first != last else f"{first}")
    return int(value)


def parse_resolution(query: Mapping[str, str], header: IdxHeader) -> int:
    """Return the finest level asked for (``toh``); by default the finest there is.

    ``maxh`` may say which level the client takes for the finest; an answer always begins at
    level 0.
    """
    maxh = header.bitmask.maxh
    allowed = _whole(query, "maxh", maxh, 0, maxh)
    _whole(query, "fromh", 0, 0, 0)
    return _whole(query, "toh", allowed, 0, allowed)


def parse_box(query: Mapping[str, str], header: IdxHeader) -> tuple[XYZ, XYZ]:
    """Return the box [p1, p2) asked for (``box=x1 x2 y1 y2 ...``, both ends included there).

    It lies inside the power-of-two box of the bitmask; by default it is that of the data.
    """
    if "box" not in query:
        return header.p1, header.p2
    text = query["box"]
    size = header.bitmask.size
    n_axes = header.n_axes
    shown = " ".join(f"0..{n - 1} 0..{n - 1}" for n in size[:n_axes])
    words = text.split()
    if len(words) != 2 * n_axes or not all(map(_WHOLE.fullmatch, words)):
        raise ParameterError("box", text, shown)
    low = [*map(int, words[::2]), *(0,) * (3 - n_axes)]
    high = [*map(int, words[1::2]), *(0,) * (3 - n_axes)]
    if any(not 0 <= a <= b < n for a, b, n in zip(low, high, size, strict=True)):
        raise ParameterError("box", text, shown)
    x1, y1, z1 = low
    x2, y2, z2 = (b + 1 for b in high)
    return (x1, y1, z1), (x2, y2, z2)


def parse_blocks(query: Mapping[str, str], header: IdxHeader) -> list[int]:
    """Return the blocks asked for: ``block=3 4 5``, or the one with HZ address ``from``."""
    n_blocks = header.n_blocks
    if "block" in query:
        words = query["block"].split()
        numbers = [int(word) if _WHOLE.fullmatch(word) else -1 for word in words]
        field = "block"
    else:
        text = query.get("from", "")
        numbers = [int(text) >> header.bitsperblock if _WHOLE.fullmatch(text) else -1]
        field = "block" if not text else "from"
    if not 1 <= len(numbers) <= MAX_BLOCKS or not _all_in(numbers, n_blocks):
        allowed = f"up to {MAX_BLOCKS} of 0..{n_blocks - 1}"
        raise ParameterError(field, query.get(field, ""), allowed)
    return numbers


def parse_number(query: Mapping[str, str], name: str) -> float | None:
    """Return a number; None if it is not given.

    Raises
    ------
    ParameterError
        If it is anything else.
    """
    text = query.get(name, "")
    if not text:
        return None
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ParameterError(name, text, "a number")
    return value


def _whole(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise ParameterError(name, text, f"{low}..{high}" if low != high else f"{low}")
    return int(text)


def _all_in(numbers: Sequence[int], n: int) -> bool:
    return all(0 <= number < n for number in numbers)


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequestError("a parameter is not UTF-8", part, id="PYR-HTTP-11") from None
