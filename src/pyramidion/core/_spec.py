"""What an array is, before any of it moves: axes, type, units, calibration.

Every source describes itself with an :class:`ArraySpec`; waveforms with a :class:`WaveformSpec`,
which adds what an oscilloscope knows. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyramidion.core._errors import DataError

WAVEFORM_AXES = ("channel", "trc", "segment", "sample")


@dataclass(frozen=True)
class Axis:
    """One axis of an array.

    Parameters
    ----------
    name : str
        ``sample``, ``channel``, ``z``...
    size : int
        Number of elements.
    unit : str
        Unit of `scale` and `offset` (``s``, ``um``); empty where positions are plain indices.
    scale, offset : float
        Position of element i is ``offset + i * scale``.
    """

    name: str
    size: int
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class ArraySpec:
    """An array's axes and element type.

    Parameters
    ----------
    axes : tuple of Axis
        Slowest axis first.
    dtype : numpy.dtype
        Element type as stored by the source.
    """

    axes: tuple[Axis, ...]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of elements per axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def n_bytes(self) -> int:
        """Bytes of the whole array, uncompressed."""
        return int(np.prod([int(n) for n in self.shape], dtype=object)) * self.dtype.itemsize


@dataclass(frozen=True)
class WaveformSpec(ArraySpec):
    """An oscilloscope recording: codes of shape (channels, trcs, segments, samples).

    Volts are ``code * gain - offset``; the time of sample k of a segment, relative to the trigger
    of that segment, is ``trigger_offset + k * interval``.

    Parameters
    ----------
    gains, offsets : ndarray, shape (channels, trcs), float64
        Value per code, and value at code 0 with its sign turned, in `unit`.
    unit : str
        Unit of the values (``V``).
    trigger_times : ndarray, shape (channels, trcs, segments), float64, or None
        Seconds from the first trigger of the recording to this segment's; NaN where unknown.
    trigger_offsets : ndarray, shape (channels, trcs, segments), float64, or None
        Seconds from this segment's trigger to its sample 0; None when it is the axis offset
        everywhere.
    clip_codes : ndarray, shape (channels, trcs, 2), float64, or None
        Lowest and highest code of the converter; values there are clipped.
    start_time : str or None
        Wall clock of the first trigger, ISO 8601 in the instrument's local time.
    instrument : mapping
        The instrument's own header, kept as it was read (JSON values).
    attributes : mapping
        Further root attributes of the source, copied to the destination (JSON values).
    warnings : tuple of str
        Faults that left the result right; told once to the user.
    """

    gains: np.ndarray = field(default_factory=lambda: np.ones((1, 1)))
    offsets: np.ndarray = field(default_factory=lambda: np.zeros((1, 1)))
    unit: str = "V"
    trigger_times: np.ndarray | None = None
    trigger_offsets: np.ndarray | None = None
    clip_codes: np.ndarray | None = None
    start_time: str | None = None
    instrument: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def interval(self) -> float:
        """Distance of two samples, in `time_unit` (seconds unless the source says otherwise)."""
        return self.axes[-1].scale

    @property
    def offset(self) -> float:
        """Position of sample 0 relative to the trigger, in `time_unit`."""
        return self.axes[-1].offset

    @property
    def time_unit(self) -> str:
        """Unit of the sample axis."""
        return self.axes[-1].unit


def waveform_axes(
    shape: tuple[int, ...], interval: float, offset: float = 0.0, unit: str = "s"
) -> tuple[Axis, ...]:
    """Return the four axes of a waveform.

    Parameters
    ----------
    shape : tuple of int
        (channels, trcs, segments, samples), or fewer trailing axes: (segments, samples)...
    interval, offset : float
        Distance of two samples, and position of sample 0, in `unit`.
    unit : str
        Unit of the sample axis.

    Returns
    -------
    tuple of Axis
        Always four; missing leading axes have size 1.
    """
    full = (1,) * (4 - len(shape)) + tuple(int(n) for n in shape)
    channel, trc, segment = (Axis(n, s) for n, s in zip(WAVEFORM_AXES[:3], full[:3], strict=True))
    return channel, trc, segment, Axis("sample", full[3], unit, float(interval), float(offset))


def plain_dtype(dtype: np.dtype[Any], where: str, *, id: str) -> np.dtype[Any]:  # noqa: A002
    """Return the little-endian form of a numeric type.

    Parameters
    ----------
    dtype : numpy.dtype
        As found in the file.
    where : str
        The file or dataset, named in the error.
    id : str
        Identifier of the error.

    Raises
    ------
    DataError
        If it is not an integer of 8 to 64 bits or a float of 16 to 64.
    """
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise DataError(
            where, "unsupported type", dtype, "integers and floats of up to 64 bits are read", id=id
        )
    return dtype.newbyteorder("<")
