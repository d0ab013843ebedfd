"""The WAVEDESC block of a LeCroy `.trc` file: read, checked, explained.

Nothing in a header is trusted: every length is compared with the file before it is used. Where the
fields lie is in ``fields``.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from pyramidion.core import DataError, escape, format_bytes, shortest_decimal
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._trc.fields import DESCRIPTOR_BYTES, FIELDS, PREFIX_LIMIT, TEMPLATE

Clock = tuple[int, float]
"""Local time of an instrument: whole minutes since the year 1, and seconds within the minute."""

_BLOCKS = (
    "WAVE_DESCRIPTOR",
    "USER_TEXT",
    "RES_DESC1",
    "TRIGTIME_ARRAY",
    "RIS_TIME_ARRAY",
    "RES_ARRAY1",
)
_RECORD_SIZES = {"TRIGTIME_ARRAY": 16, "RIS_TIME_ARRAY": 8}
_RECORD_TYPES = {5: "complex", 6: "extrema", 9: "peak detect"}
_USER_TEXT_LIMIT = 1 << 16
_MOST_SEGMENTS = 1 << 20
_LARGEST_VALUE, _LARGEST_TIME_S, _SMALLEST_INTERVAL = 1e30, 1e12, 1e-24


@dataclass(frozen=True)
class TrcHeader:
    """One `.trc` file, checked.

    Parameters
    ----------
    data_offset : int
        Byte of the file at which the samples begin.
    dtype : numpy.dtype
        Type of the samples in the file.
    segments, samples : int
        Segments, and samples in each.
    gain, offset : float
        Value = code * gain - offset.
    unit, time_unit : str
        Of the values and of the sample axis.
    interval : float
        Distance of two samples.
    horiz_offset : float
        Position of sample 0 relative to the trigger.
    clip_codes : tuple of float, or None
        Codes at the bottom and the top of the grid.
    trigger_times, trigger_offsets : ndarray, shape (segments,), float64, or None
        Seconds from the first trigger; seconds from a segment's trigger to its sample 0.
        None where the file has no such table.
    start : Clock or None
        Wall clock of the trigger.
    fields : dict
        The header as it was read (JSON values).
    warnings : tuple of str
        Faults that left the result right.
    """

    data_offset: int
    dtype: np.dtype[Any]
    segments: int
    samples: int
    gain: float
    offset: float
    unit: str
    time_unit: str
    interval: float
    horiz_offset: float
    clip_codes: tuple[float, float] | None
    trigger_times: np.ndarray | None
    trigger_offsets: np.ndarray | None
    start: Clock | None
    fields: dict[str, Any]
    warnings: tuple[str, ...]


def read_header(file: FlatFile, interval: float | None = None) -> TrcHeader:
    """Read and check the header of a `.trc` file.

    Parameters
    ----------
    file : FlatFile
        The file.
    interval : float, optional
        Distance of two samples, over what the file says.

    Returns
    -------
    TrcHeader

    Raises
    ------
    DataError
        If it is not such a file, or something in it cannot be right.
    """
    where = str(file.path)
    begin, raw = _raw_fields(file)
    warnings: list[str] = []
    block_offsets = _block_offsets(raw, begin, file)
    itemsize = 1 + _flag(raw, "COMM_TYPE", where)
    dtype = np.dtype(f"{'<' if raw['COMM_ORDER'] else '>'}i{itemsize}")
    data_offset = block_offsets["WAVE_ARRAY_1"]
    _check_data(raw, data_offset, itemsize, file, warnings)
    segments = _segments(raw, where)
    _check_plain(raw, where)
    _check_numbers(raw, where, interval)
    times, offsets = _trigger_times(raw, block_offsets["TRIGTIME_ARRAY"], segments, file, warnings)
    fields = {name: _json_value(value) for name, value in raw.items()}
    text = _user_text(raw, block_offsets["USER_TEXT"], file, warnings)
    return TrcHeader(
        data_offset=data_offset,
        dtype=dtype,
        segments=segments,
        samples=raw["WAVE_ARRAY_COUNT"] // segments,
        gain=raw["VERTICAL_GAIN"],
        offset=raw["VERTICAL_OFFSET"],
        unit=_text(raw["VERTUNIT"]) or "V",
        time_unit={"S": "s", "": "s"}.get(_text(raw["HORUNIT"]), _text(raw["HORUNIT"])),
        interval=shortest_decimal(raw["HORIZ_INTERVAL"]) if interval is None else interval,
        horiz_offset=raw["HORIZ_OFFSET"],
        clip_codes=_clip_codes(raw),
        trigger_times=times,
        trigger_offsets=offsets,
        start=_start(raw, warnings),
        fields=fields | ({"USERTEXT": text} if text else {}),
        warnings=tuple(warnings),
    )


def iso_time(start: Clock) -> str:
    """Return a wall clock as ISO 8601, to the microsecond.

    Examples
    --------
    >>> iso_time((_minutes(2022, 11, 9, 9, 26), 40.3291655))
    '2022-11-09T09:26:40.329165'
    """
    minutes, seconds = start
    days, minute = divmod(minutes, 24 * 60)
    whole = int(seconds)
    day = datetime.fromordinal(days)
    micros = int((seconds - whole) * 1e6)
    return day.replace(
        hour=minute // 60, minute=minute % 60, second=whole, microsecond=micros
    ).isoformat(timespec="microseconds")


def _raw_fields(file: FlatFile) -> tuple[int, dict[str, Any]]:
    """Return where WAVEDESC begins, and the fields as they are."""
    where = str(file.path)
    head = file.read_head(PREFIX_LIMIT + DESCRIPTOR_BYTES)
    begin = head[:PREFIX_LIMIT].find(b"WAVEDESC")
    if begin < 0:
        found = f"starts with `{head[:4].hex(' ')}`" if head else "0 bytes"
        raise DataError(where, "not a LeCroy waveform", found, id="PYR-TRC-01")
    block = head[begin:]
    if len(block) < DESCRIPTOR_BYTES:
        found = f"{len(block)} of {DESCRIPTOR_BYTES} B of the header"
        raise DataError(where, "truncated", found, "copy it again", id="PYR-TRC-04")
    template = block[16:32].split(b"\0")[0]
    if template != TEMPLATE.encode():
        raise DataError(where, "unknown template", template, f"{TEMPLATE} is read", id="PYR-TRC-02")
    # 0 is the same in both byte orders, and 1 means little-endian: the first byte tells.
    order = _flag({"COMM_ORDER": block[34]}, "COMM_ORDER", where)
    mark = "<" if order else ">"
    raw = {name: struct.unpack_from(mark + code, block, at)[0] for name, at, code in FIELDS}
    return begin, raw | {"COMM_ORDER": order}


def _flag(raw: dict[str, Any], name: str, where: str) -> int:
    value: int = raw[name]
    if value not in (0, 1):
        raise DataError(where, f"{name}: 0 or 1 expected", value, "copy it again", id="PYR-TRC-06")
    return value


def _block_offsets(raw: dict[str, Any], begin: int, file: FlatFile) -> dict[str, int]:
    """Return the byte at which each block begins, all of them inside the file."""
    where = str(file.path)
    if 0 <= raw["WAVE_DESCRIPTOR"] < DESCRIPTOR_BYTES:
        found, needed = raw["WAVE_DESCRIPTOR"], DESCRIPTOR_BYTES
        raise DataError(
            where, f"WAVE_DESCRIPTOR says {found} B, the template has {needed} B", id="PYR-TRC-03"
        )
    offsets, position = {}, begin
    for name in _BLOCKS:
        offsets[name] = position
        position += raw[name]
        if raw[name] < 0 or position > file.size:
            raise _beyond(where, name, raw[name], file.size)
        record = _RECORD_SIZES.get(name, 1)
        if raw[name] % record:
            what = f"{name}: a multiple of {record} B expected"
            raise DataError(where, what, raw[name], "copy it again", id="PYR-TRC-03")
    return offsets | {"WAVE_ARRAY_1": position}


def _beyond(where: str, name: str, said: int, size: int) -> DataError:
    what = f"{name} says {format_bytes(said)}, file has {format_bytes(size)}"
    return DataError(where, what, mend="copy it again", id="PYR-TRC-03")


def _check_data(
    raw: dict[str, Any], data_offset: int, itemsize: int, file: FlatFile, warnings: list[str]
) -> None:
    """Check that count, length and file agree about the samples."""
    where, count, length = str(file.path), raw["WAVE_ARRAY_COUNT"], raw["WAVE_ARRAY_1"]
    here = file.size - data_offset
    needed = count * itemsize
    if count < 1:
        raise DataError(
            where, f"WAVE_ARRAY_COUNT: {count} samples", mend="copy it again", id="PYR-TRC-04"
        )
    if length != needed:
        # Above 2 GiB the 32-bit length has wrapped; the count and the file tell the truth.
        if (length - needed) % 2**32 == 0 and needed <= here:
            warnings.append(f"WAVE_ARRAY_1 is {length}, {grouped(needed)} B taken from the count")
            return
        if not 0 <= length <= here:
            raise _beyond(where, "WAVE_ARRAY_1", length, file.size)
    found = min(length, here) // itemsize
    if found != count:
        what = "truncated" if found < count else "truncated or damaged"
        counts = f"{grouped(found)} of {grouped(count)} samples"
        raise DataError(where, what, counts, "copy it again", id="PYR-TRC-04")


def _segments(raw: dict[str, Any], where: str) -> int:
    segments: int = raw["SUBARRAY_COUNT"] or 1
    count = raw["WAVE_ARRAY_COUNT"]
    if not 1 <= segments <= _MOST_SEGMENTS:
        raise DataError(
            where,
            f"SUBARRAY_COUNT: 1 to {grouped(_MOST_SEGMENTS)} expected",
            segments,
            id="PYR-TRC-05",
        )
    if count % segments:
        what = f"{grouped(segments)} segments do not divide {grouped(count)} samples"
        raise DataError(where, what, mend="copy it again", id="PYR-TRC-05")
    return segments


def _check_plain(raw: dict[str, Any], where: str) -> None:
    """Refuse what cannot be shown as one value per time without loss."""
    if raw["WAVE_ARRAY_2"]:
        kind = _RECORD_TYPES.get(raw["RECORD_TYPE"], raw["RECORD_TYPE"])
        raise DataError(
            where,
            "has a second array of samples",
            f"RECORD_TYPE {kind}",
            "save a plain trace",
            id="PYR-TRC-10",
        )
    for name, plain in (("FIRST_POINT", (0,)), ("SPARSING_FACTOR", (0, 1))):
        if raw[name] not in plain:
            raise DataError(
                where,
                f"{name}: {plain[-1]} expected",
                raw[name],
                "save the whole trace",
                id="PYR-TRC-10",
            )


def _check_numbers(raw: dict[str, Any], where: str, interval: float | None) -> None:
    ranges = {
        "VERTICAL_GAIN": (1 / _LARGEST_VALUE, _LARGEST_VALUE),
        "VERTICAL_OFFSET": (0.0, _LARGEST_VALUE),
        "HORIZ_OFFSET": (0.0, _LARGEST_TIME_S),
    }
    for name, (least, most) in ranges.items():
        if not least <= abs(raw[name]) <= most:  # NaN fails every comparison
            raise DataError(
                where, f"{name}: not usable", raw[name], "copy it again", id="PYR-TRC-07"
            )
    if interval is None and not _SMALLEST_INTERVAL <= raw["HORIZ_INTERVAL"] <= _LARGEST_TIME_S:
        value = f"{raw['HORIZ_INTERVAL']:g}"
        raise DataError(where, "HORIZ_INTERVAL: not usable", value, "use --dt", id="PYR-TRC-07")


def _trigger_times(
    raw: dict[str, Any], position: int, segments: int, file: FlatFile, warnings: list[str]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return time and offset of each segment; unknown times are NaN, never invented."""
    kept = raw["TRIGTIME_ARRAY"] // 16
    if segments == 1 and kept == 0:
        return None, None
    if kept != segments:
        warnings.append(f"{kept} trigger times for {segments} segments, the others are unknown")
    n = min(kept, segments)
    times = np.full(segments, np.nan)
    offsets = np.full(segments, raw["HORIZ_OFFSET"], np.float64)
    dtype = np.dtype("<f8" if raw["COMM_ORDER"] else ">f8")
    if n:
        table = file.read_array(position, (n, 2), dtype)
        table[~(np.abs(table) <= _LARGEST_TIME_S)] = np.nan
        times[:n] = table[:, 0]
        offsets[:n] = np.where(np.isnan(table[:, 1]), offsets[:n], table[:, 1])
        if np.isnan(table).any():
            warnings.append("some trigger times are not usable and left empty")
    return times, offsets


def _clip_codes(raw: dict[str, Any]) -> tuple[float, float] | None:
    low, high = raw["MIN_VALUE"], raw["MAX_VALUE"]
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low < high else None


def _start(raw: dict[str, Any], warnings: list[str]) -> Clock | None:
    """Return the wall clock, or None where it is unknown (all zero) or impossible."""
    date = tuple(raw[f"TRIGGER_{part}"] for part in ("YEAR", "MONTHS", "DAYS", "HOURS", "MINUTES"))
    seconds = raw["TRIGGER_SECONDS"]
    if not any(date) and seconds == 0:
        return None
    try:
        if not 0 <= seconds < 60:
            raise ValueError("seconds")
        return _minutes(*date), seconds
    except ValueError:
        year, month, day, hour, minute = date
        shown = f"{year}-{month}-{day} {hour}:{minute}:{seconds:g}"
        warnings.append(f"impossible TRIGGER_TIME ({shown}), left empty")
        return None


def _minutes(year: int, month: int, day: int, hour: int, minute: int) -> int:
    """Return minutes since the year 1; a float of seconds since then would lose nanoseconds."""
    moment = datetime(year, month, day, hour, minute)  # the instrument's local time
    return (moment.toordinal() * 24 + hour) * 60 + minute


def _user_text(raw: dict[str, Any], position: int, file: FlatFile, warnings: list[str]) -> str:
    length = raw["USER_TEXT"]
    if length > _USER_TEXT_LIMIT:
        warnings.append(f"USERTEXT of {format_bytes(length)} left out")
        return ""
    block = file.read_array(position, (length,), np.dtype("u1")).tobytes() if length else b""
    return _text(block, _USER_TEXT_LIMIT)


def _text(value: bytes, limit: int = 80) -> str:
    return escape(value.split(b"\0")[0].decode("latin-1").strip(), limit)


def _json_value(value: bytes | int | float) -> str | int | float | None:
    if isinstance(value, bytes):
        return _text(value)
    return value if math.isfinite(value) else None
