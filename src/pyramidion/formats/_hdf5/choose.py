"""Which dataset of an HDF5 file is the waveform or image. Pure: knows names, shapes and types only."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyramidion.core import DataError, MissingError, UsageError
from pyramidion.formats._array.kind import looks_like_image

DEFAULT_NAMES = ("data", "samples")
"""Datasets at the root that are taken without a question (ZoomingOnline writes and reads these)."""

_CALIBRATION = re.compile(
    r"(vertical|horiz)_|(trigger|clip)_|(gains?|offsets?|intervals?|scales?|dt|sample_rate)$", re.I
)
_KEYSIGHT = re.compile(r"(.*/)?Waveforms/(Channel (\d+))/\2 Data$")
_TINY = 1024


@dataclass(frozen=True)
class Found:
    """One member of a file.

    Parameters
    ----------
    path : str
        Its name in the file, without the first slash.
    kind : str
        ``dataset``, ``group`` or ``link``.
    shape : tuple of int or None
        Of a dataset of numbers.
    dtype : str
        Type of a dataset of numbers.
    target : str
        Of a link.
    is_external : bool
        Does the link leave the file?
    """

    path: str
    kind: str
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    target: str = ""
    is_external: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape or (0,))


def choose(where: str, members: Sequence[Found]) -> tuple[str, ...]:
    """Choose the waveform when the user has not.

    Parameters
    ----------
    where : str
        The file, named in errors.
    members : sequence of Found
        All groups, datasets and links of the file.

    Returns
    -------
    tuple of str
        One dataset; or several of equal shape, each one channel.

    Raises
    ------
    MissingError
        If no dataset can be a waveform.
    UsageError
        If several can.
    """
    fitting = _fitting(members, 1, 4)
    if not fitting:
        raise _none(where, "samples", members)
    if len(fitting) == 1:
        return (fitting[0].path,)
    channels = _keysight_channels(fitting)
    if channels:
        return channels
    raise _several(where, fitting)


def choose_image(where: str, members: Sequence[Found]) -> str:
    """Choose the image when the user has not: the one dataset that has the shape of one.

    Parameters
    ----------
    where : str
        The file, named in errors.
    members : sequence of Found
        All groups, datasets and links of the file.

    Raises
    ------
    MissingError
        If no dataset can be an image.
    UsageError
        If several can.
    """
    fitting = _fitting(members, 2, 5)
    if not fitting:
        raise _none(where, "data", members)
    likely = [m for m in fitting if looks_like_image(m.shape or (), np.dtype(m.dtype))]
    if len(likely) == 1 or len(fitting) == 1:
        return (likely or fitting)[0].path
    raise _several(where, likely or fitting)


def own_kind(text: object) -> tuple[str, tuple[str, ...]]:
    """Read what a file of ours says about itself in its root attribute ``pyramidion``.

    Returns
    -------
    str, tuple of str
        ``waveform``, ``image`` or nothing; and the datasets of an image, one per field.
    """
    try:
        told = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        told = {}
    kind = told.get("kind") if isinstance(told, dict) else None
    fields = told.get("fields") if kind == "image" else None
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        fields = []
    return str(kind or ""), tuple(fields)


def _fitting(members: Sequence[Found], fewest: int, most: int) -> list[Found]:
    fitting = [m for m in members if m.shape and fewest <= len(m.shape) <= most and m.size > 0]
    fitting = [m for m in fitting if not _CALIBRATION.match(m.path.rsplit("/", 1)[-1])]
    largest = max((m.size for m in fitting), default=0)
    return [m for m in fitting if m.size > _TINY or m.size * 100 > largest]


def _several(where: str, fitting: Sequence[Found]) -> UsageError:
    shown = [f"/{m.path}" for m in fitting]
    return UsageError(
        where,
        f"{len(shown)} datasets fit",
        ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else ""),
        "choose with --dataset",
        id="PYR-H5-06",
    )


def missing(where: str, name: str, members: Sequence[Found]) -> MissingError:
    """Return the error for a dataset that is not in the file."""
    datasets = [m.path for m in members if m.kind == "dataset"]
    example = next((m.path for m in members if m.shape), None)
    return MissingError(
        where,
        f"no dataset `{name}`",
        f"found: {', '.join(datasets[:6]) or 'none'}",
        f"use --dataset /{example}" if example else "name a file with samples",
        id="PYR-H5-05",
    )


def _keysight_channels(fitting: Sequence[Found]) -> tuple[str, ...]:
    """Return the datasets ``Waveforms/Channel N/Channel N Data`` when they are all there is."""
    matches = [_KEYSIGHT.match(m.path) for m in fitting]
    if not all(matches) or len({(m.shape, m.dtype) for m in fitting}) > 1:
        return ()
    if len(fitting[0].shape or ()) != 1:
        return ()
    numbered = sorted((int(m[3]), m[0]) for m in matches if m)
    return tuple(path for _, path in numbered)


def _none(where: str, name: str, members: Sequence[Found]) -> DataError:
    link = next((m for m in members if m.kind == "link"), None)
    if link is not None:
        return link_error(where, link)
    return missing(where, name, members)


def link_error(where: str, link: Found) -> DataError:
    """Return the refusal of a link, which could lead to any file of this machine."""
    if link.is_external:
        what, mend = "is a link to another file", "refused: convert that file itself"
    else:
        what = "is a soft link, followed as little as a link to another file"
        mend = "refused: name what it leads to with --dataset"
    return DataError(f"{where}:/{link.path}", what, link.target, mend, id="PYR-H5-14")
