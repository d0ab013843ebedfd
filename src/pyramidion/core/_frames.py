"""Camera frames: what one is, which of them are missing, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

LOST_REASONS = ("unknown", "camera", "driver", "ring", "disk", "interrupted")
"""Why a frame is missing; its place in this list is the code that is stored.

``camera``: the camera's or the driver's own count jumped. ``driver``: the ring of the driver was
overrun before a frame was fetched. ``ring``: our ring was full because the disk was slower than
the camera. ``disk``: it was in the ring when writing had to end. ``interrupted``: it came between
the end of an interrupted recording and its resumption.
"""


class Lost(NamedTuple):
    """A run of frames that were taken and are not stored.

    Parameters
    ----------
    first : int
        Number of the first, in the camera's own count from 0.
    n_frames : int
        How many.
    reason : str
        One of :data:`LOST_REASONS`.
    """

    first: int
    n_frames: int
    reason: str


class Stamps(NamedTuple):
    """Number and times of a run of frames.

    Parameters
    ----------
    number : ndarray of int64, shape (k,)
        The camera's own count, 0 for the first frame after its start. A gap is a loss.
    time_camera : ndarray of float64, shape (k,)
        Seconds on the camera's clock; NaN where it has none.
    time_host : ndarray of float64, shape (k,)
        Unix time in seconds, from the host's monotonic clock: it never jumps.
    """

    number: np.ndarray
    time_camera: np.ndarray
    time_host: np.ndarray

    def part(self, start: int, stop: int) -> Stamps:
        """Return those of a part of the run."""
        return Stamps(*(values[start:stop] for values in self))


@dataclass(frozen=True)
class FrameSpec:
    """What every frame of a camera is.

    Parameters
    ----------
    height, width : int
        Pixels.
    dtype : numpy.dtype
        Little-endian.
    camera : str
        Name for people (``C15440-20UP 500123``).
    rate_hz : float
        Frames a second that are expected; 0 when not known.
    pixel_um : (float, float), optional
        Size of a pixel along y and x, binning included.
    origin : (int, int)
        Place (y, x) on the sensor of the first pixel, in pixels of a frame.
    properties : mapping
        The camera's properties as they are set (JSON values), kept with the recording.
    """

    height: int
    width: int
    dtype: np.dtype[Any]
    camera: str = ""
    rate_hz: float = 0.0
    pixel_um: tuple[float, float] | None = None
    origin: tuple[int, int] = (0, 0)
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.height * self.width * self.dtype.itemsize
