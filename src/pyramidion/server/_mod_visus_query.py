"""The parameters of the OpenVisus protocol, checked before anything is opened or allocated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from pyramidion.formats._idx.bitmask import XYZ
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.server._array_body import CODECS
from pyramidion.server._errors import BadRequestError, ParameterError
from pyramidion.server._palettes import NAMES
from pyramidion.server._parameters import MOST_DIGITS, Text, Whole, Word, whole

MAX_BLOCKS = 64
_MAX_PARAMETERS = 64
_MAX_LEVEL = 255
_NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?"
_WHOLES = "[0-9]{1,15}( [0-9]{1,15})"
ACTIONS = ("list", "ping", "readdataset", "boxquery", "query", "rangequery", "blockquery")

ACTION = Word("action", ACTIONS, "what is asked; `readdataset` if there is a dataset, else `list`")
DATASET = Text("dataset", "[^\\x00]*", "a name of action=list", "name of a dataset")
FIELD = Text("field", "[^\\x00]*", "a field of the dataset", "by default the first")
TIME = Text("time", _NUMBER, "a time step", "time step; by default the first")
BOX = Text("box", _WHOLES + "{1,5}", "x1 x2 y1 y2 z1 z2", "both ends included, inside the power-of-two box")  # fmt: skip
TO_LEVEL = Whole("toh", 0, _MAX_LEVEL, "finest level of the answer")
MAX_LEVEL = Whole("maxh", 0, _MAX_LEVEL, "what the client takes for the finest level")
FROM_LEVEL = Whole("fromh", 0, 0, "an answer always begins at level 0")
COMPRESSION = Word("compression", CODECS, "of the answer; png and jpg hold one slice")
PALETTE = Word("palette", NAMES, "colours for a field of one component")
PALETTE_MIN = Text("palette_min", _NUMBER, "a number", "value with the first colour")
PALETTE_MAX = Text("palette_max", _NUMBER, "a number", "value with the last colour")
BLOCK = Text("block", _WHOLES + f"{{0,{MAX_BLOCKS - 1}}}", f"up to {MAX_BLOCKS} blocks", f"up to {MAX_BLOCKS} blocks")  # fmt: skip
FROM = Whole("from", 0, MOST_DIGITS, "HZ address of the first sample of a block")
FORMAT = Word("format", ("xml", "json"), "of a list; a header is text unless it is xml")
PROTOCOL = Text("protocol", "https?", "http, https", "filled into the addresses of a list")
HOSTNAME = Text("hostname", r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]", "a name or an address", "likewise")  # fmt: skip
PORT = Whole("port", 1, 65535, "likewise")
PARAMETERS = (
    *(ACTION, DATASET, FIELD, TIME, BOX, TO_LEVEL, MAX_LEVEL, FROM_LEVEL, COMPRESSION),
    *(PALETTE, PALETTE_MIN, PALETTE_MAX, BLOCK, FROM, FORMAT, PROTOCOL, HOSTNAME, PORT),
)


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


def check_place(query: Mapping[str, str]) -> None:
    """Check what a client wants filled into the addresses of a list.

    Raises
    ------
    ParameterError
        If it can be no part of an address: it is repeated for every dataset.
    """
    for parameter in (PROTOCOL, HOSTNAME, PORT):
        if parameter.name in query:
            parameter.parse(query[parameter.name])


def parse_time(query: Mapping[str, str], header: IdxHeader) -> int:
    """Return the time step asked for, as a float or a whole number; by default the first."""
    text = query.get("time", "")
    if not text:
        return header.times[0]
    value = float(text) if re.fullmatch(_NUMBER, text) else math.nan
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
    allowed = _whole(query, MAX_LEVEL, maxh)
    _whole(query, FROM_LEVEL, 0)
    return _whole(query, TO_LEVEL, allowed)


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
    numbers = [whole(word) for word in text.split()]
    known = [number for number in numbers if number is not None]
    if len(numbers) != 2 * n_axes or len(known) != len(numbers):
        raise ParameterError("box", text, shown)
    low = [*known[::2], *(0,) * (3 - n_axes)]
    high = [*known[1::2], *(0,) * (3 - n_axes)]
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
        found = [whole(word) for word in words]
        field = "block"
    else:
        text = query.get("from", "")
        address = whole(text)
        found = [None if address is None else address >> header.bitsperblock]
        field = "block" if not text else "from"
    numbers = [-1 if number is None else number for number in found]
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
    value = float(text) if re.fullmatch(_NUMBER, text) else math.nan
    if not math.isfinite(value):
        raise ParameterError(name, text, "a number")
    return value


def _whole(query: Mapping[str, str], parameter: Whole, largest: int) -> int:
    """Return a number up to the largest of this dataset, which is also the default."""
    text = query.get(parameter.name, "")
    return parameter.parse(text, high=largest) if text else largest


def _all_in(numbers: Sequence[int], n: int) -> bool:
    return all(0 <= number < n for number in numbers)


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequestError("a parameter is not UTF-8", part, id="PYR-HTTP-11") from None
