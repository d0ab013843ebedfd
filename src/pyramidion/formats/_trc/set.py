"""Which `.trc` files make one recording, and where each of them lies in it.

An oscilloscope saves one file per channel and acquisition: ``C1--run--00000.trc`` is channel 1 of
acquisition 0. Channels become the first axis, the running number the second (`trcs`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyramidion.core import DataError, MissingError, escape

_NAMES = (
    # C1--run--00000.trc
    re.compile(r"(?P<channel>[A-Za-z]{1,4}\d{1,3})(?P<name>--.*--)(?P<number>\d{1,18})\.trc", re.I),
    # C1Trace00000.trc, C1--00000.trc
    re.compile(r"(?P<channel>[CFMZ]\d)(?P<name>\D*)(?P<number>\d{1,18})\.trc", re.I),
)
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class TrcSet:
    """The files of one recording.

    Parameters
    ----------
    files : tuple of tuple of Path
        [channel][trc].
    channels : tuple of str
        Names of the channels (``C1``); empty strings where the files do not say.
    """

    files: tuple[tuple[Path, ...], ...]
    channels: tuple[str, ...]


@dataclass(frozen=True)
class _Member:
    path: Path
    channel: str
    name: str
    number: int
    digits: int


def find_set(path: Path, *, allow_gaps: bool = False) -> TrcSet:
    """Find the files that a path names.

    Parameters
    ----------
    path : Path
        One file, a folder of them, or a name with ``*``.
    allow_gaps : bool
        Accept missing running numbers, as long as they are missing in every channel.

    Raises
    ------
    MissingError
        If nothing is there, or one file of the set is missing.
    DataError
        If the files belong to several recordings.
    """
    if path.is_dir():
        paths = [p for p in path.iterdir() if p.suffix.lower() == ".trc"]
        if not paths:
            raise MissingError(str(path), "no .trc file in this folder", id="PYR-TRC-11")
    elif "*" in path.name and not path.exists():
        paths = list(path.parent.glob(path.name))
        if not paths:
            looked = f"looked in {path.parent}"
            raise MissingError(str(path), "matches no file", looked, id="PYR-ALL-15")
    else:
        paths = [path]
    paths.sort(key=natural_key)
    members = [m for m in map(_member, paths) if m is not None]
    if not members:
        return TrcSet((tuple(paths),), ("",))
    if len(members) < len(paths):
        stranger = next(p for p in paths if _member(p) is None)
        raise DataError(
            str(stranger),
            "does not belong to the set",
            members[0].path.name,
            "name the files with a pattern such as 'C*--run--*.trc'",
            id="PYR-TRC-11",
        )
    return _grid(path, members, allow_gaps=allow_gaps)


def natural_key(path: Path) -> list[tuple[int, int | str]]:
    """Return a sort key that puts ``a10`` after ``a9``.

    Examples
    --------
    >>> [p.name for p in sorted([Path("a10"), Path("a9")], key=natural_key)]
    ['a9', 'a10']
    """
    parts = _DIGITS.split(path.name)
    return [(0, int(p)) if i % 2 else (1, p) for i, p in enumerate(parts)]


def _member(path: Path) -> _Member | None:
    for pattern in _NAMES:
        found = pattern.fullmatch(path.name)
        if found:
            number = found["number"]
            return _Member(path, found["channel"], found["name"], int(number), len(number))
    return None


def _grid(path: Path, members: list[_Member], *, allow_gaps: bool) -> TrcSet:
    names = sorted({m.name for m in members})
    if len(names) > 1:
        shown = ", ".join(escape(name.strip("-")) for name in names[:5])
        raise DataError(
            str(path),
            f"{len(names)} recordings are here",
            shown,
            f"choose one, for example '*{names[0]}*.trc'",
            id="PYR-TRC-11",
        )
    at = {(m.channel, m.number): m.path for m in members}
    twin = next((m for m in members if at[m.channel, m.number] != m.path), None)
    if twin is not None:
        raise DataError(
            str(twin.path),
            "has the same channel and number as",
            at[twin.channel, twin.number].name,
            "rename or remove one",
            id="PYR-TRC-11",
        )
    channels = list(dict.fromkeys(m.channel for m in members))
    numbers = sorted({m.number for m in members})
    if not allow_gaps:
        numbers = _without_gap(numbers)
    for channel in channels:
        for number in numbers:
            if (channel, number) not in at:
                raise _missing(members, channel, number)
    return TrcSet(
        tuple(tuple(at[channel, number] for number in numbers) for channel in channels),
        tuple(channels),
    )


def _without_gap(numbers: list[int]) -> list[int]:
    """Return the numbers up to and including the first one that is missing between them."""
    for before, after in itertools.pairwise(numbers):
        if after != before + 1:
            return [n for n in numbers if n <= before] + [before + 1]
    return numbers


def _missing(members: Iterable[_Member], channel: str, number: int) -> MissingError:
    first = next(iter(members))
    missing = first.path.with_name(f"{channel}{first.name}{number:0{first.digits}d}.trc")
    return MissingError(
        str(missing),
        "missing in a set of files",
        mend="add it, choose whole acquisitions with a pattern, or use --allow-mixed for a gap",
        id="PYR-TRC-11",
    )
