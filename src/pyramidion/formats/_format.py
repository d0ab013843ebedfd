"""What a format is: one record per file in this package, found by name.

A format module ends with ``FORMAT = Format(...)``. Libraries are imported inside ``open`` and
``create``, so that listing the formats imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from pyramidion.core import Box, ImageSource, ImageSpec, WaveformSource, WaveformSpec

Read = Callable[[Box], np.ndarray]
Kind = Literal["waveform", "image"]


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
    field : str, optional
        Images: which field of a dataset with several.
    series : int, optional
        Images: which picture of a file with several.
    voxel : tuple of float, optional
        Images: size of an element along z, y, x, over what the file says.
    voxel_unit : str
        Its unit.
    fit : str
        Image stacks: ``crop`` or ``pad`` slices of another size than the first; empty to refuse.
    strict : bool
        Image stacks: missing numbers are an error, not a warning.
    max_pixels : int
        Most elements of one picture.
    end_resolution : int, optional
        IDX: an end resolution H to be offered as the last of the levels.
    fill_damaged : bool
        Images: blocks that do not decode hold the default value, and are counted.
    """

    dataset: str | None = None
    axes: str | None = None
    interval: float | None = None
    allow_mixed: bool = False
    sparse: bool = False
    field: str | None = None
    series: int | None = None
    voxel: tuple[float, float, float] | None = None
    voxel_unit: str = "um"
    fit: str = ""
    strict: bool = False
    max_pixels: int = 2**31
    end_resolution: int | None = None
    fill_damaged: bool = False


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
    arco : int or None
        IDX: most bytes of a block, each block in a file of its own; 0 for the modvisus variant,
        None for the default.
    stat : str
        OME-Zarr: what coarser levels hold: ``mean``, ``min``, ``max``, ``nearest`` or ``mode``;
        empty for the default.
    value_range : tuple of float, optional
        Pictures of 8 bit: the values that become 0 and 255.
    source_block : tuple of int, optional
        Images: shape (t, c, z, y, x) of what the source decodes together, so that tasks need not
        decode it twice.
    attach : bool
        Take part in a conversion that another process has begun; such a part never commits.
    """

    compression: str = ""
    zarr_format: int = 3
    overwrite: bool = False
    resume: bool = False
    source_id: str = ""
    arco: int | None = None
    stat: str = ""
    value_range: tuple[float, float] | None = None
    source_block: tuple[int, ...] | None = None
    attach: bool = False


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
class ImageTask:
    """A part of an image conversion: it owns whole shards, blocks or files.

    Parameters
    ----------
    stage : int
        Tasks of a stage may begin when all of the stages before are done.
    n_bytes : int
        Bytes that it reads from the source; 0 for one that works on what earlier stages left.
    """

    stage: int
    n_bytes: int


class ImageSink(Protocol):
    """An image dataset under way.

    Tasks are idempotent and atomic: whatever has its name is whole, doing one twice writes the
    same bytes, and one that is finished is recorded on disk
    (:class:`pyramidion.storage.TaskRecord`). So they may run on threads, in other processes and on
    other machines that :attr:`WriteOptions.attach` to the same destination.
    """

    resumable: bool
    """Does ``abort`` keep what is complete, for ``--resume``?"""

    @property
    def tasks(self) -> Sequence[ImageTask]:
        """All tasks, stage after stage."""
        ...

    def is_done(self, task: int) -> bool:
        """Tell whether a task is recorded as finished, and its files are there."""
        ...

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Do a task and record it.

        Parameters
        ----------
        task : int
            Its number.
        reads : sequence of callable
            One per field: reads a box (t, c, z, y, x) of level 0 of the source.
        """
        ...

    def commit(self) -> None:
        """Publish: the destination appears under its name, whole. All tasks must be done."""
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
    open_image : callable or None
        ``open_image(path, options) -> ImageSource``: one field of an image.
    create_image : callable or None
        ``create_image(path, specs, options) -> ImageSink``: `specs` are the fields, of one
        shape along t, z, y and x.
    plan_image : callable or None
        ``plan_image(path, specs, options) -> dict``: as ``plan``, for images.
    kind : callable or None
        ``kind(path, options) -> "waveform" or "image"``: what a file holds, for formats that open
        both. Must not raise on anything readable.
    image_example : callable or None
        ``image_example(folder) -> Path``: write a tiny valid image of ``example_voxels()``.
    image_suffixes : tuple of str
        Endings that name an image destination where ``suffixes`` also name waveforms
        (``.ome.zarr``); by default ``suffixes``.
    opens_remote : bool
        ``open`` and ``open_image`` read a :class:`~pyramidion.storage.RemotePath` where it lies,
        by ranges. Others need the whole file on a disk.
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
    open_image: Callable[[Path, OpenOptions], ImageSource] | None = None
    create_image: Callable[[Path, Sequence[ImageSpec], WriteOptions], ImageSink] | None = None
    plan_image: Callable[[Path, Sequence[ImageSpec], WriteOptions], dict[str, Any]] | None = None
    kind: Callable[[Path, OpenOptions], Kind] | None = None
    image_example: Callable[[Path], Path] | None = None
    image_suffixes: tuple[str, ...] = ()
    opens_remote: bool = False


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


def example_voxels() -> np.ndarray:
    """Return the elements that every image format's ``image_example`` holds.

    Returns
    -------
    ndarray, shape (1, 1, 7, 37, 53), uint8
        No two planes, rows or columns are equal, so that a flip or a swap of axes is seen.
    """
    z, y, x = np.ogrid[:7, :37, :53]
    voxels: np.ndarray = (z * 31 + y * 5 + x * 3).astype(np.uint8)[None, None]
    return voxels
