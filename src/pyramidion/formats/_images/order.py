"""Where each picture lies in the stack: time step, channel and slice, from the names.

The numbers in the names say it. If only one number varies, it counts slices; it counts time steps
or channels where the word before it says so (``t``, ``time``, ``tp``; ``c``, ``ch``, ``channel``;
``z``, ``slice``, ``plane``). If several vary, each needs its word (one of them may be without: it
counts slices), and every combination must be there: ``a_t003_z012.tif``. Names in which several
numbers vary, none with a word, are one stack in natural order (dates, clock times), unless they are
a full grid, which could be read in two ways.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pyramidion.core import DataError, MissingError, UsageError, escape
from pyramidion.formats._images.listing import PictureFiles

_NUMBER = re.compile(r"[0-9]+")
_WORD = re.compile(r"(?:^|[^A-Za-z])([A-Za-z]+)[_\-. =]?$")
_AXES = {
    **dict.fromkeys(("t", "time", "tp", "timepoint"), "t"),
    **dict.fromkeys(("c", "ch", "channel"), "c"),
    **dict.fromkeys(("z", "slice", "plane"), "z"),
}
_MOST_NAMED = 10


@dataclass(frozen=True)
class Arrangement:
    """The files of a stack, as a grid.

    Parameters
    ----------
    names : list of str
        The files, z fastest, then c, then t.
    shape : tuple of int
        Time steps, channels, slices.
    times : tuple of int
        Numbers of the time steps; empty for 0, 1, 2...
    channels : tuple of int
        Numbers of the channels; empty where the names have none.
    warnings : tuple of str
        Gaps in the numbering.
    """

    names: list[str]
    shape: tuple[int, int, int]
    times: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Column:
    """One number of the names that varies."""

    values: list[int]
    axis: str

    @property
    def numbers(self) -> list[int]:
        return sorted(set(self.values))


def arrange(files: PictureFiles, *, strict: bool) -> Arrangement:
    """Give every file its place.

    Parameters
    ----------
    files : PictureFiles
        In natural order.
    strict : bool
        A gap in the numbering is an error.

    Raises
    ------
    UsageError
        If the names can be read in more than one way.
    DataError
        If a file is missing in a grid; if there is a gap, and `strict`.
    """
    arranged = _by_folder(files.names) if files.by_folder else _by_number(files.names)
    if strict and arranged.warnings:
        raise DataError(
            _folder(files.names[0]) or ".",
            arranged.warnings[0],
            mend="add them or leave out --strict",
            id="PYR-IMG-08",
        )
    return arranged


def _by_folder(names: list[str]) -> Arrangement:
    """Make each folder a time step; all must hold as many pictures."""
    steps = [(folder, list(inside)) for folder, inside in itertools.groupby(names, _folder)]
    first_folder, first = steps[0]
    for folder, inside in steps:
        if len(inside) != len(first):
            raise DataError(
                folder,
                f"{len(inside)} pictures, {escape(first_folder)} has {len(first)}",
                mend="give every time step the same slices",
                id="PYR-IMG-08",
            )
    # A gap that is in every folder is told once.
    gaps = {g: None for _, inside in steps for g in _by_number(inside, plain=True).warnings}
    columns = _columns([folder for folder, _ in steps])
    numbers = columns[0].values if len(columns) == 1 else []
    return Arrangement(
        names,
        (len(steps), 1, len(first)),
        times=_times(numbers),
        warnings=tuple(gaps),
    )


def _by_number(names: list[str], *, plain: bool = False) -> Arrangement:
    columns = _columns([os.path.basename(name) for name in names])  # noqa: PTH119 - a million
    stack = Arrangement(names, (1, 1, len(names)))
    in_one_folder = _folder(names[0]) == _folder(names[-1])
    if not columns or not in_one_folder:
        return stack
    if len(columns) == 1 and (plain or columns[0].axis in ("", "z")):
        return Arrangement(names, stack.shape, warnings=_gaps(columns[0].values, ""))
    if plain or not any(column.axis for column in columns):
        _check_not_a_grid(names, columns)
        return stack
    return _grid(names, columns)


def _grid(names: list[str], columns: list[_Column]) -> Arrangement:
    """Place the files by their words."""
    axes = [column.axis or "z" for column in columns]
    if len(set(axes)) < len(axes):
        raise _ambiguous(names, len(columns))
    by_axis = dict(zip(axes, columns, strict=True))
    numbers = [by_axis[a].numbers if a in by_axis else [0] for a in "tcz"]
    rows = [by_axis[a].values if a in by_axis else [0] * len(names) for a in "tcz"]
    at = dict(zip(zip(*rows, strict=True), names, strict=True))
    placed = []
    for place in itertools.product(*numbers):
        if place not in at:
            told = " ".join(f"{a}{n}" for a, n in zip("tcz", place, strict=True) if a in by_axis)
            raise MissingError(
                _folder(names[0]) or ".",
                f"{told} is missing",
                f"{len(names)} of {math.prod(map(len, numbers))} pictures are there",
                "add it, or choose a part with a pattern",
                id="PYR-IMG-08",
            )
        placed.append(at[place])
    warnings = [g for a, c in by_axis.items() for g in _gaps(c.numbers, _CALLED[a])]
    t, c, z = map(len, numbers)
    return Arrangement(
        placed,
        (t, c, z),
        times=_times(numbers[0]) if "t" in by_axis else (),
        channels=tuple(numbers[1]) if "c" in by_axis else (),
        warnings=tuple(warnings),
    )


_CALLED = {"t": " (time steps)", "c": " (channels)", "z": ""}


def _columns(names: Sequence[str]) -> list[_Column]:
    """Return the numbers that vary; empty where the names differ in more than numbers.

    Raises
    ------
    DataError
        If two names have the same numbers (``a1`` and ``a01``): which is first cannot be known.
    """
    skeleton = _NUMBER.sub("0", names[0])
    if any(_NUMBER.sub("0", name) != skeleton for name in names):
        return []
    rows = [tuple(int(n) for n in _NUMBER.findall(name)) for name in names]
    _check_different(names, rows)
    before = _NUMBER.split(names[0])
    found = []
    for i, values in enumerate(zip(*rows, strict=True)):
        if len(set(values)) > 1:
            word = _WORD.search(before[i])
            found.append(_Column(list(values), _AXES.get(word[1].lower(), "") if word else ""))
    return found


def _check_different(names: Sequence[str], rows: Sequence[tuple[int, ...]]) -> None:
    if len(set(rows)) == len(rows):
        return
    row, n = Counter(rows).most_common(1)[0]
    same = [name for name, found in zip(names, rows, strict=True) if found == row]
    raise DataError(
        same[1],
        f"number {'_'.join(map(str, row))} is given {'twice' if n == 2 else f'{n} times'}",
        Path(same[0]).name,
        "name each picture once",
        id="PYR-IMG-10",
    )


def _check_not_a_grid(names: list[str], columns: list[_Column]) -> None:
    if len(columns) > 1 and math.prod(len(set(c.values)) for c in columns) == len(names):
        raise _ambiguous(names, len(columns))


def _ambiguous(names: list[str], n_columns: int) -> UsageError:
    return UsageError(
        names[0],
        f"{n_columns} numbers vary in the names, and what they count is not clear",
        f"{len(names)} pictures",
        "name them like a_t003_z012.png, or choose one series with a pattern",
        id="PYR-IMG-09",
    )


def _times(numbers: Sequence[int]) -> tuple[int, ...]:
    return () if list(numbers) == list(range(len(numbers))) else tuple(numbers)


def _gaps(values: Sequence[int], called: str) -> tuple[str, ...]:
    """Name the numbers that are missing; a regular step (0, 5, 10) leaves none."""
    numbers = sorted(set(values))
    if len(numbers) < 3:
        return ()
    step = reduce(math.gcd, (b - a for a, b in itertools.pairwise(numbers)))
    n_missing = (numbers[-1] - numbers[0]) // step + 1 - len(numbers)
    if not n_missing:
        return ()
    missing = (n for a, b in itertools.pairwise(numbers) for n in range(a + step, b, step))
    shown = ", ".join(map(str, itertools.islice(missing, _MOST_NAMED)))
    more = f" and {n_missing - _MOST_NAMED} more" if n_missing > _MOST_NAMED else ""
    return (f"missing {shown}{more}{called}",)


def _folder(name: str) -> str:
    return os.path.dirname(name)  # noqa: PTH120 - a million names
