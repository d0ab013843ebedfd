"""What a format is: one record per file in this package, found by name.

A format module ends with ``FORMAT = Format(...)``. Libraries are imported inside ``open`` and
``create``, so that listing the formats imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pyramidion.core import Box, WaveformSource, WaveformSpec

Read = Callable[[Box], np.ndarray]


@dataclass(frozen=True)
class OpenOptions:
    """What the user may say about a source; each format uses what concerns it.

    Parameters
    ----------
    dataset : str, optional
        Which dataset of a file with several.
    axes : str, optional
        Names of the dataset's axes, comma separated, slowest first (``segment,sample``).
    interval : float, optional
        Distance of two samples in seconds, over what the file says.
    allow_mixed : bool
        Accept a set of files whose lengths, gains or intervals differ where that can be kept.
    sparse : bool
        Accept a file that declares far more than it stores.
    """

    dataset: str | None = None
    axes: str | None = None
    interval: float | None = None
    allow_mixed: bool = False
    sparse: bool = False


@dataclass(frozen=True)
class WriteOptions:
    """How a destination is written; each format uses what concerns it.

    Parameters
    ----------
    compression : str
        ``blosc-lz4``, ``blosc-zstd``, ``zstd``, ``gzip`` or ``none``, optionally with a level
        (``zstd:3``); empty for the format's default.
    zarr_format : int
        3, or 2 for old viewers.
    overwrite : bool
        Replace an existing dataset of the same kind.
    resume : bool
        Go on with an interrupted conversion.
    source_id : str
        Fingerprint of the source and the settings; a conversion is only resumed with the same.
    """

    compression: str = ""
    zarr_format: int = 3
    overwrite: bool = False
    resume: bool = False
    source_id: str = ""


class Sink(Protocol):
    """A destination under way: a plan of tasks, each owning whole shards (or whole chunks).

    ``work`` runs in worker threads, several tasks at once; ``accept`` is called on one thread in
    the order of the tasks. Nothing has the final name before ``commit``.
    """

    resumable: bool
    """Does ``abort`` keep what is complete, for ``--resume``?"""

    @property
    def tasks(self) -> Sequence[Box]:
        """Regions of the source, in order; together they cover it exactly once."""
        ...

    def is_done(self, task: int) -> bool:
        """Tell whether an earlier, interrupted run has finished this task."""
        ...

    def work(self, task: int, read: Read) -> Any:
        """Read the task's region, encode it, write what belongs to this task alone."""
        ...

    def accept(self, task: int, result: Any) -> None:
        """Take the result of ``work`` for what spans tasks (overviews, appended files)."""
        ...

    def commit(self) -> None:
        """Publish: the destination appears under its name, whole."""
        ...

    def abort(self) -> None:
        """Stop; keep what can be resumed, remove the rest. Safe to call twice."""
        ...


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    name : str
        Short lower-case name (``hdf5``).
    summary : str
        One line for people.
    suffixes : tuple of str
        Lower-case file name endings, with the dot.
    matches : callable
        ``matches(path) -> bool``: do the first bytes (or the folder's contents) say so? Must not
        raise on anything readable.
    open : callable or None
        ``open(path, options) -> WaveformSource``.
    create : callable or None
        ``create(path, spec, options) -> Sink``.
    plan : callable or None
        ``plan(spec, options) -> dict``: the arrays that ``create`` would write (JSON values), for
        ``--dry-run``; touches nothing.
    owns : callable or None
        ``owns(path) -> bool``: is the path a dataset of this format and nothing else, so that
        ``--overwrite`` may replace it? By default what ``matches``.
    example : callable or None
        ``example(folder) -> Path``: write a tiny valid dataset of shape (2, 1, 3, 1003), int16,
        whose codes are ``example_codes()``, for the contract tests.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    matches: Callable[[Path], bool]
    open: Callable[[Path, OpenOptions], WaveformSource] | None = None
    create: Callable[[Path, WaveformSpec, WriteOptions], Sink] | None = None
    plan: Callable[[WaveformSpec, WriteOptions], dict[str, Any]] | None = None
    owns: Callable[[Path], bool] | None = None
    example: Callable[[Path], Path] | None = None


def example_codes() -> np.ndarray:
    """Return the codes that every format's ``example`` holds.

    Returns
    -------
    ndarray, shape (2, 1, 3, 1003), int16
        A ramp with full-scale samples at the very first and very last position.
    """
    codes = (np.arange(2 * 3 * 1003) * 7 % 4001 - 2000).astype(np.int16).reshape(2, 1, 3, 1003)
    codes[0, 0, 0, 0] = np.iinfo(np.int16).max
    codes[-1, -1, -1, -1] = np.iinfo(np.int16).min
    return codes
