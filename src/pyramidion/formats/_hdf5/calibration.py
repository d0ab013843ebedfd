"""Seconds and volts from what an HDF5 file says about its samples.

Pure: takes the pieces of metadata that were found, in the order in which they count. Values are
``code * gain - offset``, sample k lies at ``horiz_offset + k * horiz_interval``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyramidion.core import (
    DataError,
    UsageError,
    WaveformSpec,
    plain_dtype,
    shortest_decimal,
    waveform_axes,
)
from pyramidion.formats._hdf5.child import Value

_INTERVAL = ("horiz_interval", "Xspacing", "XInc", "dt")
_RATE = ("sample_rate", "sampling_rate")
_START = ("horiz_offset", "Xstart", "XOrg")
_TIME_UNIT = ("horiz_unit", "Xunits", "XUnits")
_GAIN = ("vertical_gains", "vertical_gain", "gain")
_OFFSET = ("vertical_offsets", "vertical_offset", "offset")
_UNIT = ("vertical_unit", "Yunits", "YUnits", "units", "unit")
_REST = ("trigger_times", "trigger_offsets", "clip_codes", "start_time", "instrument")
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "ps": 1e-12}

JSON_NAMES = "pyramidion_json"
"""Root attribute that lists the attributes kept as JSON text, because HDF5 has no form for them."""

WRITTEN = {
    "pyramidion",
    JSON_NAMES,
    "horiz_interval",
    "horiz_offset",
    "horiz_unit",
    "vertical_gains",
    "vertical_offsets",
    "vertical_unit",
    *_REST,
}
"""Root attributes of a file of ours that are not copied, because they say what the spec says."""

_OWN = WRITTEN | {
    *_INTERVAL, *_RATE, *_START, *_TIME_UNIT, *_GAIN, *_OFFSET, *_UNIT,
    "YInc", "YOrg",
}  # fmt: skip

_PLAIN_WORDS = {"gain", "offset", "dt", *_RATE}
"""Names so common that a text under one of them is a remark ("gain": "high") and no fault."""

Place = Mapping[str, Value]


def waveform_words(places: Sequence[Place]) -> list[str]:
    """Return the names in the metadata that only a waveform has."""
    words = {*_INTERVAL, *_RATE, *_START, *_GAIN, *_OFFSET, "YInc", "YOrg", *_REST[:3]}
    words -= {"gain", "offset", "start_time", "instrument"}  # cameras have these too
    return sorted({name for place in places for name in place if name in words})


@dataclass
class _Reader:
    """Reads quantities of one file."""

    where: str
    lead: tuple[int, int, int]
    warnings: list[str] = field(default_factory=list)

    def number(self, value: Value, name: str) -> float:
        """Read one number; a float32 is the shortest decimal that it stands for."""
        array = self.array(value, name)
        if array.size != 1:
            raise DataError(
                self.where, f"{name} has {array.size} values, one expected", id="PYR-H5-18"
            )
        plain = float(array.reshape(-1)[0])
        if value.dtype.endswith("f4") and math.isfinite(plain):
            return shortest_decimal(plain)
        return plain

    def array(self, value: Value, name: str) -> np.ndarray:
        """Read numbers of any shape."""
        try:
            return np.array(value.data, np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                self.where, f"{name}: not a number", value.data, id="PYR-H5-18"
            ) from error

    def per_trace(self, value: Value, name: str) -> np.ndarray:
        """Read one number per (channel, trc), per channel, or for all."""
        channels, trcs = self.lead[:2]
        array = self.array(value, name)
        if array.shape == (channels, trcs):
            return array
        if array.size == 1:
            return np.full((channels, trcs), array.reshape(-1)[0])
        if array.shape in ((channels,), (channels, 1)):
            return np.repeat(array.reshape(-1, 1), trcs, axis=1)
        raise DataError(
            self.where,
            f"{name} has {array.size} values for {_counted(channels, 'channel')}"
            + (f" and {trcs} trcs" if trcs > 1 else ""),
            array.shape if array.ndim > 1 else None,
            "correct the file, or say with --axes which axis is the channel",
            id="PYR-H5-18",
        )

    def exact(self, place: Place, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """Read an array that has one shape only; None when it is missing."""
        if name not in place:
            return None
        array = self.array(place[name], name)
        if array.shape != shape:
            raise DataError(
                self.where, f"{name} has shape {array.shape}, {shape} expected", id="PYR-H5-18"
            )
        return array


def calibrate(
    where: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    places: Sequence[Place],
    root: Place,
    refused: Mapping[str, str],
    interval: float | None,
) -> WaveformSpec:
    """Describe a waveform.

    Parameters
    ----------
    where : str
        The file, named in errors.
    shape : tuple of int
        (channels, trcs, segments, samples).
    dtype : numpy.dtype
        As stored.
    places : sequence of mapping
        The metadata that counts, one mapping for the whole waveform or one per channel; what the
        file says about itself is part of each already.
    root : mapping
        Attributes of the file; those that are not calibration are copied.
    refused : mapping
        Attributes of the file that cannot be copied, with the reason.
    interval : float or None
        Distance of two samples in seconds as the user gave it.

    Returns
    -------
    WaveformSpec
        With a warning for each quantity that had to be assumed.

    Raises
    ------
    DataError
        If a quantity has the wrong length, or a value that cannot be.
    UsageError
        If the user's interval is not above 0.
    """
    reader = _Reader(where, (shape[0], shape[1], shape[2]))
    places = [
        {name: value for name, value in place.items() if not _is_remark(name, value)}
        for place in places
    ]
    first = decode_json(places[0], where)
    scale, time_unit = _time_unit(first)
    step = _interval(reader, first, scale, interval)
    start = _first(first, _START)
    begin = reader.number(first[start], start) * scale if start else 0.0
    _check_finite(where, start, begin)
    gains, offsets = _volts(reader, places, dtype)
    unit = _first(first, _UNIT)
    attributes, left_out = copied(
        decode_json(root, where), refused, WRITTEN if "pyramidion" in root else _OWN
    )
    if left_out:
        reader.warnings.append(f"attributes not copied: {', '.join(left_out)}")
    instrument = first["instrument"].data if "instrument" in first else {}
    return WaveformSpec(
        axes=waveform_axes(shape, step, begin, time_unit),
        dtype=plain_dtype(dtype, where, id="PYR-H5-10"),
        gains=gains,
        offsets=offsets,
        unit=str(first[unit].data) if unit else "V",
        trigger_times=reader.exact(first, "trigger_times", reader.lead),
        trigger_offsets=reader.exact(first, "trigger_offsets", reader.lead),
        clip_codes=reader.exact(first, "clip_codes", (*reader.lead[:2], 2)),
        start_time=str(first["start_time"].data) if "start_time" in first else None,
        instrument=instrument if isinstance(instrument, dict) else {},
        attributes=attributes,
        warnings=tuple(reader.warnings),
    )


def n_gains(places: Sequence[Place]) -> int | None:
    """Return for how many channels a file has a gain, None when it has one for all or none."""
    name = _first(places[0], _GAIN)
    data = places[0][name].data if name else None
    return len(data) if isinstance(data, list | np.ndarray) and np.ndim(data) else None


def _interval(reader: _Reader, place: Place, scale: float, asked: float | None) -> float:
    if asked is not None:
        if not (asked > 0 and math.isfinite(asked)):
            raise UsageError("--dt", "must be above 0", asked, id="PYR-H5-19")
        return asked
    name = _first(place, (*_INTERVAL, *_RATE))
    if name is None:
        reader.warnings.append("horiz_interval is not in the file: 1 ns assumed; set it with --dt")
        return 1e-9
    value = reader.number(place[name], name)
    if not (value > 0 and math.isfinite(value)):
        raise DataError(
            f"{reader.where}: {name}", "must be above 0", value, "use --dt", id="PYR-H5-19"
        )
    return 1 / value if name in _RATE else _scaled(value, scale)


def _volts(
    reader: _Reader, places: Sequence[Place], dtype: np.dtype[Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return gains and offsets, (channels, trcs) each."""
    if len(places) == 1:
        return _volts_of(reader, places[0], dtype)
    single = [
        _volts_of(_Reader(reader.where, (1, 1, 1), reader.warnings), place, dtype)
        for place in places
    ]
    # What is missing is missing from each of the channels: told once.
    reader.warnings[:] = dict.fromkeys(reader.warnings)
    return np.concatenate([g for g, _ in single]), np.concatenate([o for _, o in single])


def _volts_of(reader: _Reader, place: Place, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    is_code = dtype.kind != "f"  # floats are values already
    gain, offset = _first(place, _GAIN), _first(place, _OFFSET)
    gains, offsets = np.ones(reader.lead[:2]), np.zeros(reader.lead[:2])
    if gain:
        gains = reader.per_trace(place[gain], gain)
    elif is_code and "YInc" in place:
        gains = reader.per_trace(place["YInc"], gain := "YInc")
    elif is_code:
        reader.warnings.append("vertical_gains is not in the file: 1 V per code assumed")
    if offset:
        offsets = reader.per_trace(place[offset], offset)
    elif is_code and "YOrg" in place:  # the value at code 0: the other sign
        offsets = 0.0 - reader.per_trace(place["YOrg"], offset := "YOrg")
    elif is_code:
        reader.warnings.append("vertical_offsets is not in the file: 0 V assumed")
    for value in gains[(gains == 0) | ~np.isfinite(gains)][:1]:
        raise DataError(
            f"{reader.where}: {gain}",
            "must be a finite number other than 0",
            float(value),
            "correct it in the file",
            id="PYR-H5-19",
        )
    for value in offsets[~np.isfinite(offsets)][:1]:
        _check_finite(reader.where, offset, float(value))
    return gains, offsets


def _check_finite(where: str, name: str | None, value: float) -> None:
    if not math.isfinite(value):
        raise DataError(
            f"{where}: {name}",
            "must be a finite number",
            value,
            "correct it in the file",
            id="PYR-H5-19",
        )


def _time_unit(place: Place) -> tuple[float, str]:
    """Return seconds per unit of the file, and the unit of the result."""
    name = _first(place, _TIME_UNIT)
    text = str(place[name].data).strip() if name else "s"
    plain = "s" if text.lower() in ("second", "seconds", "sec", "") else text
    return (_SECONDS[plain], "s") if plain in _SECONDS else (1.0, plain)


def _scaled(value: float, scale: float) -> float:
    # 3 ns are 3e-9 s and not 3.0000000000000004e-09.
    return value if scale == 1 else float(f"{value * scale:.15g}")


def _first(place: Place, names: Sequence[str]) -> str | None:
    return next((n for n in names if n in place and place[n].data is not None), None)


def decode_json(place: Place, where: str) -> dict[str, Value]:
    """Undo what ``sink`` does to attributes for which HDF5 has no form.

    Raises
    ------
    DataError
        If what is to be JSON is not.
    """
    decoded = dict(place)
    names = place[JSON_NAMES].data if JSON_NAMES in place else []
    for name in names if isinstance(names, list) else []:
        if name in place:
            try:
                decoded[name] = Value(json.loads(str(place[name].data)))
            except (ValueError, RecursionError) as error:
                raise DataError(
                    where, f"{name}: not valid JSON", place[name].data, id="PYR-H5-18"
                ) from error
    return decoded


def copied(
    root: Place, refused: Mapping[str, str], own: Set[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the attributes to copy, and those that cannot be, each with the reason.

    Parameters
    ----------
    root : mapping
        All attributes.
    refused : mapping
        Those without a JSON form, with the reason.
    own : set of str
        Those that are not copied, because a spec says what they say.
    """
    kept: dict[str, Any] = {}
    left_out = [f"{name} ({reason})" for name, reason in refused.items() if name not in own]
    for name, value in root.items():
        if name in own and not _is_remark(name, value):
            continue
        if value.dtype[1:2] == "f" and not np.all(np.isfinite(np.array(value.data))):
            left_out.append(f"{name} (not a finite number)")
        else:
            kept[name] = value.data
    return kept, left_out


def _is_remark(name: str, value: Value) -> bool:
    return name in _PLAIN_WORDS and not value.dtype


def _counted(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
