"""What a request for a live picture asks for: the query of ``/latest``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyramidion.kernels import MOST_TO_A_SIDE
from pyramidion.server._errors import ParameterError

MOST_WAIT_MS = 30_000
_REGION = ("x", "y", "w", "h")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_PARTIAL = "All ROI parameters (x, y, w, h) must be provided together"
_INVALID = "Invalid ROI parameters"
_OUTSIDE = "ROI exceeds frame bounds"


class RegionError(ParameterError):
    """A region that is no part of the frame; the answer also has the words of dcam2zarr.

    Parameters
    ----------
    detail : str
        Its words, which clients compare.
    field, value, allowed
        As in :class:`~pyramidion.server._errors.ParameterError`.
    """

    def __init__(self, detail: str, field: str, value: object, allowed: str) -> None:
        super().__init__(field, value, allowed)
        self.detail = detail


@dataclass(frozen=True)
class FrameQuery:
    """A part of a frame, at a scale, and how new it shall be.

    Parameters
    ----------
    x, y, width, height : int
        Pixels of the frame.
    scale : int
        Pixels to a side of the squares that become one by their mean.
    after : int or None
        Number of the frame that the client has: it wants another one.
    wait_s : float
        How long to wait for that.
    """

    x: int
    y: int
    width: int
    height: int
    scale: int = 1
    after: int | None = None
    wait_s: float = 0.0

    @property
    def region(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the answer."""
        return -(-self.height // self.scale), -(-self.width // self.scale)

    @property
    def picture(self) -> tuple[int, int, int, int, int]:
        """Return what decides on the pixels of the answer, but for the frame."""
        return self.x, self.y, self.width, self.height, self.scale


def parse_frame_query(pairs: Sequence[tuple[str, str]], frame_shape: tuple[int, int]) -> FrameQuery:
    """Read the query of ``/latest``.

    What is unknown is passed over (pages add numbers against caches). A value that is no whole
    number is a 400 like every other wrong value; dcam2zarr's framework said 422 there.

    Parameters
    ----------
    pairs : sequence of (str, str)
        Names and values, decoded.
    frame_shape : (int, int)
        Height and width of a frame.

    Raises
    ------
    ParameterError
        If a value makes no sense; a :class:`RegionError` for ``x``, ``y``, ``w``, ``h``.

    Examples
    --------
    >>> parse_frame_query([("scale", "4")], (2304, 4096)).shape
    (576, 1024)
    """
    known = (*_REGION, "scale", "after", "wait")
    sent: dict[str, list[str]] = {name: [] for name in known}
    for name, value in pairs:
        if name in sent:
            sent[name].append(value)
    height, width = frame_shape
    x, y, w, h = (
        _region(sent, frame_shape) if any(map(sent.get, _REGION)) else (0, 0, width, height)
    )
    scale = _number(sent, "scale", 1, MOST_TO_A_SIDE)
    after = _number(sent, "after", -1, 2**62)
    wait_ms = _number(sent, "wait", 0, MOST_WAIT_MS)
    return FrameQuery(x, y, w, h, scale or 1, after, (wait_ms or 0) / 1000)


def _region(
    sent: Mapping[str, Sequence[str]], frame_shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Check a region as dcam2zarr did, and in that order."""
    height, width = frame_shape
    allowed = {"x": f"0..{width - 1}", "y": f"0..{height - 1}", "w": f"1..{width}", "h": f"1..{height}"}  # fmt: skip
    missing = [name for name in _REGION if not sent[name]]
    if missing:
        raise RegionError(_PARTIAL, missing[0], None, allowed[missing[0]])
    numbers: dict[str, int] = {}
    for name in _REGION:
        value = _single(sent[name])
        if value is None or value < (name in "wh"):
            raise RegionError(_INVALID, name, "&".join(sent[name]), allowed[name])
        numbers[name] = value
    for start, length, size in (("x", "w", width), ("y", "h", height)):
        first = numbers[start]
        if first + numbers[length] > size:
            field, rest = (
                (start, allowed[start]) if first >= size else (length, f"1..{size - first}")
            )
            raise RegionError(_OUTSIDE, field, numbers[field], rest)
    return numbers["x"], numbers["y"], numbers["w"], numbers["h"]


def _number(
    sent: Mapping[str, Sequence[str]], name: str, smallest: int, largest: int
) -> int | None:
    values = sent[name]
    if not values:
        return None
    value = _single(values)
    if value is None or not smallest <= value <= largest:
        raise ParameterError(name, "&".join(values), f"{smallest}..{largest}")
    return value


def _single(values: Sequence[str]) -> int | None:
    """Return a whole number that was sent once; None for everything else."""
    return int(values[0]) if len(values) == 1 and _WHOLE.fullmatch(values[0]) else None
