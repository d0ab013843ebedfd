"""How the axes of a dataset become (channel, trc, segment, sample)."""

from __future__ import annotations

from collections.abc import Sequence

from pyramidion.core import WAVEFORM_AXES, DataError, UsageError
from pyramidion.formats._array.axis_map import AxisMap, map_named

_ALIASES = {"time": "sample", "t": "sample", "x": "sample", "ch": "channel"}


def map_axes(shape: Sequence[int], names: Sequence[str]) -> AxisMap:
    """Return the map for a dataset whose axes have these names.

    Parameters
    ----------
    shape : sequence of int
        Of the dataset.
    names : sequence of str
        One of ``channel``, ``trc``, ``segment``, ``sample`` per axis.
    """
    return map_named(shape, names, WAVEFORM_AXES)


def named_axes(text: str, shape: Sequence[int], where: str) -> tuple[str, ...]:
    """Read what the user said about the axes.

    Parameters
    ----------
    text : str
        Names separated by commas, slowest first.
    shape : sequence of int
        Of the dataset.
    where : str
        The dataset, named in errors.

    Raises
    ------
    UsageError
        If a name is unknown or twice there, or ``sample`` is missing.
    DataError
        If the dataset has another number of axes.
    """
    names = tuple(_singular(part) for part in text.split(","))
    known = ", ".join(WAVEFORM_AXES)
    for name in names:
        if name not in WAVEFORM_AXES:
            raise UsageError("--axes", "unknown axis", name, f"use {known}", id="PYR-H5-22")
    if len(set(names)) < len(names):
        raise UsageError("--axes", "an axis is given twice", text, id="PYR-H5-22")
    if "sample" not in names:
        raise UsageError(
            "--axes", "no axis of samples", text, "name one of them sample", id="PYR-H5-22"
        )
    if len(names) != len(shape):
        raise DataError(
            where,
            f"shape {tuple(shape)}: {len(names)} axes named",
            text,
            f"name {len(shape)} of {known} with --axes",
            id="PYR-H5-08",
        )
    return names


def guessed_axes(
    n_axes: int, labels: Sequence[str], n_gains: int | None, n_first: int
) -> tuple[str, ...]:
    """Name the axes of a dataset about which the user says nothing.

    Parameters
    ----------
    n_axes : int
        1 to 4.
    labels : sequence of str
        The file's own names, taken if all of them are known and one of them is the samples.
    n_gains : int or None
        Number of channels for which the file has a gain.
    n_first : int
        Length of the dataset's slowest axis.

    Returns
    -------
    tuple of str
        The last ones of (channel, trc, segment, sample); with one gain for each element of the
        first of 2 or 3 axes, that axis is the channel.
    """
    found = tuple(_singular(label) for label in labels)
    is_known = set(found) <= set(WAVEFORM_AXES) and len(set(found)) == len(found) == n_axes
    if is_known and "sample" in found:
        return found
    last = WAVEFORM_AXES[4 - n_axes :]
    if n_axes in (2, 3) and n_first > 1 and n_gains == n_first:
        return ("channel", *last[1:])
    return last


def _singular(name: str) -> str:
    plain = name.strip().lower()
    plain = _ALIASES.get(plain, plain)
    return plain[:-1] if plain.endswith("s") else plain
