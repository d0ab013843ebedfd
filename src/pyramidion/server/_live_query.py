"""What a request for a live picture asks for: the query of ``/latest``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyramidion.kernels import MOST_TO_A_SIDE
from pyramidion.server._errors import ParameterError, TooLargeError
from pyramidion.server._parameters import MOST_DIGITS, Whole, whole

MOST_WAIT_MS = 30_000
MOST_PIXELS = 2**24
_MOST_TO_A_SIDE = 2**31 - 1
X = Whole("x", 0, _MOST_TO_A_SIDE, "first column; x, y, w and h are given together")
Y = Whole("y", 0, _MOST_TO_A_SIDE, "first row")
W = Whole("w", 1, _MOST_TO_A_SIDE, "columns")
H = Whole("h", 1, _MOST_TO_A_SIDE, "rows")
SCALE = Whole("scale", 1, MOST_TO_A_SIDE, "means of squares of so many pixels to a side")
AFTER = Whole(
    "after", -1, MOST_DIGITS, "number of the frame that the client has: it wants another one"
)
WAIT = Whole("wait", 0, MOST_WAIT_MS, "milliseconds to wait for that")
PARAMETERS = (X, Y, W, H, SCALE, AFTER, WAIT)
_REGION = ("x", "y", "w", "h")
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
    TooLargeError
        If the answer would have more than :data:`MOST_PIXELS`.

    Examples
    --------
    >>> parse_frame_query([("scale", "4")], (2304, 4096)).shape
    (576, 1024)
    """
    sent: dict[str, list[str]] = {parameter.name: [] for parameter in PARAMETERS}
    for name, value in pairs:
        if name in sent:
            sent[name].append(value)
    height, width = frame_shape
    x, y, w, h = (
        _region(sent, frame_shape) if any(map(sent.get, _REGION)) else (0, 0, width, height)
    )
    scale, after, wait_ms = (_number(sent, each) for each in (SCALE, AFTER, WAIT))
    query = FrameQuery(x, y, w, h, scale or 1, after, (wait_ms or 0) / 1000)
    _check_size(query)
    return query


def _check_size(query: FrameQuery) -> None:
    """Refuse what is over the limit, and name the scale that is not."""
    rows, columns = query.shape
    if rows * columns > MOST_PIXELS:
        fits = next(
            k
            for k in range(2, MOST_TO_A_SIDE + 1)
            if -(-query.height // k) * -(-query.width // k) <= MOST_PIXELS
        )
        what = f"over the limit of {MOST_PIXELS} pixels an answer"
        mend = f"scale={fits} fits, or ask for a region"
        raise TooLargeError(what, rows * columns, mend, id="PYR-HTTP-12")


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


def _number(sent: Mapping[str, Sequence[str]], parameter: Whole) -> int | None:
    values = sent[parameter.name]
    # Two of them are none that can be read.
    return parameter.parse("&".join(values)) if values else None


def _single(values: Sequence[str]) -> int | None:
    """Return a whole number that was sent once; None for everything else."""
    return whole(values[0]) if len(values) == 1 else None
