"""LeCroy / Teledyne LeCroy `.trc` recordings: one file, or a set of files as channels and trcs.

Single sweeps and sequence mode, 8 and 16 bit, both byte orders. The samples are read where they are
wanted and are never held as a whole; see ``_flat_file`` for why they are not memory-mapped.
``_trc.header`` knows the header, ``_trc.set`` the names of files; here they become one waveform.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with open_trc(_example(Path(folder)), OpenOptions()) as source:
...         source.spec.shape, source.spec.attributes["channel_names"]
((2, 1, 3, 1003), ['C1', 'C2'])
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    Box,
    Closing,
    DataError,
    WaveformSource,
    WaveformSpec,
    escape,
    format_si,
    waveform_axes,
)
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._format import Format, OpenOptions, example_codes
from pyramidion.formats._trc.fields import PREFIX_LIMIT
from pyramidion.formats._trc.header import Clock, TrcHeader, iso_time, read_header
from pyramidion.formats._trc.set import TrcSet, find_set

_WARNINGS_TOLD = 5


@dataclass(frozen=True)
class _Member:
    file: FlatFile
    header: TrcHeader


class TrcSource(Closing):
    """One recording in one or more `.trc` files.

    Parameters
    ----------
    path : Path
        A file, a folder, or a name with ``*``.
    options : OpenOptions
        `interval` is used over what the files say; with `allow_mixed`, files of different lengths
        are accepted (each shorter segment repeats its last sample), and different units.

    Raises
    ------
    DataError
        If a file is damaged, or the files do not fit together.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        found = find_set(path, allow_gaps=options.allow_mixed)
        self._members = [
            [_open_member(file, options, is_first=i == 0) for i, file in enumerate(files)]
            for files in found.files
        ]
        _check_alike(self._members, allow_mixed=options.allow_mixed)
        self._spec = _describe(self._members, found)

    @property
    def spec(self) -> WaveformSpec:
        """What the recording is."""
        return self._spec

    def read(self, box: Box) -> np.ndarray:
        """Read a region of shape ``box.shape``."""
        start, stop = box.start, box.stop
        rows = Box(start[2:], stop[2:])
        if box.shape[:2] == (1, 1):
            return self._read_member(self._members[start[0]][start[1]], rows)[None, None]
        codes = np.empty(box.shape, self._spec.dtype)
        for i, members in enumerate(self._members[start[0] : stop[0]]):
            for j, member in enumerate(members[start[1] : stop[1]]):
                codes[i, j] = self._read_member(member, rows)
        return codes

    def _read_member(self, member: _Member, box: Box) -> np.ndarray:
        """Read (segments, samples) of one file; past its end, the last sample is repeated."""
        header = member.header
        shape = (header.segments, header.samples)
        inside = Box(box.start, (box.stop[0], min(box.stop[1], header.samples)))
        if inside == box:
            codes = member.file.read_box(header.data_offset, shape, header.dtype, box)
        else:
            first = min(box.start[1], header.samples - 1)
            inside = Box((box.start[0], first), inside.stop)
            codes = member.file.read_box(header.data_offset, shape, header.dtype, inside)
            columns = np.minimum(np.arange(box.start[1], box.stop[1]), header.samples - 1)
            codes = codes[:, columns - first]
        return codes.astype(self._spec.dtype, copy=False)


def open_trc(path: Path, options: OpenOptions) -> WaveformSource:
    """Open a `.trc` recording; see :class:`TrcSource`."""
    return TrcSource(path, options)


def _open_member(path: Path, options: OpenOptions, *, is_first: bool) -> _Member:
    file = FlatFile(path)
    header = read_header(file, options.interval)
    # A set may have 100,000 files: the full header is kept once per channel.
    return _Member(file, header if is_first else replace(header, fields={}))


def _check_alike(members: list[list[_Member]], *, allow_mixed: bool) -> None:
    """Refuse files that one array cannot hold; different gains and offsets are held per file."""
    first = members[0][0]
    for member in (m for row in members for m in row):
        difference, representable = _difference(member.header, first.header, first.file.path.name)
        if difference and not (allow_mixed and representable):
            mend = "use --allow-mixed" if representable else "convert these files separately"
            raise DataError(str(member.file.path), difference, mend=mend, id="PYR-TRC-09")


def _difference(this: TrcHeader, first: TrcHeader, name: str) -> tuple[str, bool]:
    """Return how two files differ, and whether one array can hold both all the same."""
    has = f"{escape(name)} has"
    if this.segments != first.segments:
        return f"{grouped(this.segments)} segments, {has} {grouped(first.segments)}", False
    if (this.interval, this.time_unit) != (first.interval, first.time_unit):
        shown = [format_si(h.interval, h.time_unit) for h in (this, first)]
        return f"interval {shown[0]}, {has} {shown[1]}", False
    if this.samples != first.samples:
        return f"{grouped(this.samples)} samples, {has} {grouped(first.samples)}", True
    if this.unit != first.unit:
        return f"unit {this.unit}, {has} {first.unit}", True
    return "", True


def _describe(members: list[list[_Member]], found: TrcSet) -> WaveformSpec:
    headers = [[m.header for m in row] for row in members]
    flat = [h for row in headers for h in row]
    first = flat[0]
    shape = (len(headers), len(headers[0]), first.segments, max(h.samples for h in flat))
    units = [row[0].unit for row in headers]
    times, offsets, start = _clock(headers)
    return WaveformSpec(
        waveform_axes(shape, first.interval, first.horiz_offset, first.time_unit),
        np.dtype(f"<i{max(h.dtype.itemsize for h in flat)}"),
        gains=np.array([[h.gain for h in row] for row in headers]),
        offsets=np.array([[h.offset for h in row] for row in headers]),
        unit=first.unit if len({h.unit for h in flat}) == 1 else "",
        trigger_times=times,
        trigger_offsets=offsets,
        clip_codes=_clip_codes(headers),
        start_time=start,
        instrument=_instrument(headers, found),
        attributes=_attributes(headers, found, units),
        warnings=_warnings(members),
    )


def _clock(
    headers: list[list[TrcHeader]],
) -> tuple[np.ndarray | None, np.ndarray | None, str | None]:
    """Return trigger times, trigger offsets and start time of the recording.

    The files of a set carry their own wall clocks, whose differences are the times between the
    acquisitions; with one acquisition, all triggers are those of its first file's clock.
    """
    flat = [h for row in headers for h in row]
    starts = [h.start for h in flat if h.start is not None]
    begin = min(starts, default=None)
    n_segments = flat[0].segments
    several = len(headers[0]) > 1
    times = np.zeros((len(headers), len(headers[0]), n_segments))
    offsets = np.zeros_like(times)
    for c, row in enumerate(headers):
        for t, h in enumerate(row):
            base = _seconds_between(begin, h.start) if several else 0.0
            times[c, t] = base if h.trigger_times is None else base + h.trigger_times
            offsets[c, t] = h.horiz_offset if h.trigger_offsets is None else h.trigger_offsets
    plain = not several and all(h.trigger_times is None for h in flat)
    same = bool((offsets == flat[0].horiz_offset).all())
    return (
        None if plain else times,
        None if same else offsets,
        None if begin is None else iso_time(begin),
    )


def _seconds_between(begin: Clock | None, end: Clock | None) -> float:
    """Return seconds between two wall clocks, NaN where one is unknown.

    Minutes and seconds are subtracted apart, which keeps the clock's own 1e-14 s.
    """
    if begin is None or end is None:
        return np.nan
    return (end[0] - begin[0]) * 60 + (end[1] - begin[1])


def _clip_codes(headers: list[list[TrcHeader]]) -> np.ndarray | None:
    if any(h.clip_codes is None for row in headers for h in row):
        return None
    return np.array([[h.clip_codes for h in row] for row in headers], np.float64)


def _instrument(headers: list[list[TrcHeader]], found: TrcSet) -> dict[str, Any]:
    """Return the first file's header, and what the first files of other channels have otherwise."""
    first = headers[0][0].fields
    others = {
        name: {key: value for key, value in row[0].fields.items() if first.get(key) != value}
        for name, row in zip(found.channels[1:], headers[1:], strict=True)
    }
    return first | ({"CHANNELS": others} if others else {})


def _attributes(headers: list[list[TrcHeader]], found: TrcSet, units: list[str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if any(found.channels):
        attributes["channel_names"] = [escape(name) for name in found.channels]
    if len(set(units)) > 1:
        attributes["vertical_units"] = units
    lengths = [[h.samples for h in row] for row in headers]
    if len({n for row in lengths for n in row}) > 1:
        attributes["valid_samples"] = lengths
    return attributes


def _warnings(members: list[list[_Member]]) -> tuple[str, ...]:
    flat = [m for row in members for m in row]
    told = [f"{escape(m.file.path)}: {text}" for m in flat for text in m.header.warnings]
    longest = max(m.header.samples for m in flat)
    n_shorter = sum(m.header.samples < longest for m in flat)
    if n_shorter:
        told.insert(
            0, f"{n_shorter} of {len(flat)} files are shorter: their last sample is repeated"
        )
    if len(told) > _WARNINGS_TOLD:
        told[_WARNINGS_TOLD:] = [f"and {len(told) - _WARNINGS_TOLD} more warnings of this kind"]
    return tuple(told)


def _matches(path: Path) -> bool:
    if path.is_dir():
        return any(p.suffix.lower() == ".trc" for p in path.iterdir())
    if "*" in path.name and not path.exists():
        return path.suffix.lower() == ".trc"
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"WAVEDESC" in file.read(PREFIX_LIMIT)


def _example(folder: Path) -> Path:
    from pyramidion.formats._trc.example import write_trc

    files = folder / "example"
    files.mkdir()
    for channel, trc in enumerate(example_codes()):
        write_trc(files / f"C{channel + 1}--example--00000.trc", trc[0], WAVE_SOURCE=channel)
    return files


FORMAT = Format(
    name="trc",
    summary="LeCroy .trc recordings: single sweeps, sequences, sets of files",
    suffixes=(".trc",),
    matches=_matches,
    open=open_trc,
    example=_example,
)
