"""Whether a destination may be written; decided before anything is created."""

from __future__ import annotations

import os
from pathlib import Path

from pyramidion.core import StorageError, UsageError, WaveformSpec, format_bytes
from pyramidion.formats import Format, is_pattern
from pyramidion.storage import free_bytes, is_remote, kept_plan, restore_replaced, told_as
from pyramidion.workflows._files import files_of

COMPRESSED_SHARE = 0.6
"""Bytes stored per byte of noisy samples, at the best; what is refused will not fit."""


def check_destination(
    path: Path,
    source: Path | None,
    written: Format,
    *,
    overwrite: bool,
    resume: bool = False,
    parents: bool = False,
) -> None:
    """Check a destination.

    Parameters
    ----------
    path : Path
        What is to be written.
    source : Path or None
        What it is made from; neither may contain the other.
    written : Format
        Format of the destination.
    overwrite : bool
        An existing dataset of the same kind may be replaced.
    resume : bool
        So it may if an interrupted run, which is to be finished, was allowed to.
    parents : bool
        Missing parent folders will be made, by :func:`make_parents`.

    Raises
    ------
    UsageError
        If it exists, is no dataset of ours, lies in the source or around it, or has no parent
        folder.
    StorageError
        If the folder cannot be written.
    """
    if source is not None:
        check_apart(path, source)
    restore_replaced(path)
    if path.exists() or path.is_symlink():
        allowed = overwrite or (resume and bool(kept_plan(path).get("overwrite")))
        _check_replaceable(path, written, overwrite=allowed)
    check_parent(path, parents=parents)


def make_parents(path: Path) -> None:
    """Make the folders that a destination lies in."""
    with told_as(path):
        path.absolute().parent.mkdir(parents=True, exist_ok=True)


def check_apart(path: Path, source: Path) -> None:
    """Check that neither of both contains the other; blocks belong to the index beside them.

    Raises
    ------
    UsageError
        If one does.
    """
    here = real_path(path)
    parts = [source, *([source.with_suffix("")] if source.suffix == ".idx" else [])]
    for there in map(real_path, parts):
        if here == there or (there.is_dir() and here.is_relative_to(there)):
            what = "output lies inside the input"
        elif here.is_dir() and there.is_relative_to(here):
            what = "input lies inside the output"
        else:
            continue
        raise UsageError(str(path), what, source, "choose another place", id="PYR-ALL-10")


def check_pictures_apart(path: Path, folder: Path, source: Path) -> None:
    """Check that a picture, or a series of them, does not land among what it is made from.

    Parameters
    ----------
    path : Path
        The picture, or the template of a series.
    folder : Path
        Where they go.
    source : Path
        A file, a folder or a pattern.

    Raises
    ------
    UsageError
        If a source file would be replaced, or the source would grow.
    """
    into = real_path(folder)
    files = files_of(source)
    is_set = len(files) > 1 or source.is_dir() or is_pattern(source)
    is_series = "%" in path.name
    among = any(
        real_path(file) == real_path(path)
        or (is_set and is_series and real_path(file.parent) == into)
        for file in files
    )
    if among or (source.is_dir() and into.is_relative_to(real_path(source))):
        raise UsageError(
            str(path), "output lies inside the input", source, "choose another place",
            id="PYR-ALL-10",
        )  # fmt: skip


def check_parent(path: Path, *, parents: bool) -> None:
    """Check that the folder of a destination is there, or will be made.

    Raises
    ------
    UsageError
        If it is not.
    """
    parent = path.absolute().parent
    if not parents and not parent.is_dir():
        raise UsageError(
            str(path),
            "parent folder does not exist",
            parent,
            "create it or use --parents",
            id="PYR-ALL-08",
        )


def real_path(path: Path) -> Path:
    """Return a path without links; one that leads in a circle stays as it is."""
    return path if is_remote(path) else Path(os.path.realpath(path))


def _check_replaceable(path: Path, written: Format, *, overwrite: bool) -> None:
    if not overwrite:
        raise UsageError(
            str(path), "already exists", mend="use --overwrite or another name", id="PYR-ALL-06"
        )
    owns = written.owns or written.matches
    if path.is_symlink() or not owns(path):
        raise UsageError(
            str(path),
            "refusing to replace (not a dataset)",
            mend="remove it yourself",
            id="PYR-ALL-07",
        )


def estimated_bytes(spec: WaveformSpec, written: Format, compression: str) -> int:
    """Return about how many bytes a destination will have; real noise may need more."""
    share = 1.0 if compression == "none" or written.name == "npy" else COMPRESSED_SHARE
    overviews = 1.042 if written.name == "zarr" else 1.0
    return int(spec.n_bytes * share * overviews)


def check_space(path: Path, n_bytes: int) -> None:
    """Refuse a run that cannot fit.

    Raises
    ------
    StorageError
        If fewer than `n_bytes` are free.
    """
    free = free_bytes(path)
    if n_bytes > free:
        raise StorageError(
            str(path),
            f"needs {format_bytes(n_bytes)}, {format_bytes(free)} free",
            mend="free space or use --force",
            id="PYR-ALL-11",
        )
