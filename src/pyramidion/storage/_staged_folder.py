"""A folder under way: filled beside its destination, then renamed.

Nothing half-written ever looks whole.

``w.zarr`` is filled as ``w.zarr.partial``. A run that is killed leaves that folder, and the next
run goes on in it with ``--resume``. A dataset that is replaced is called ``.w.zarr.replaced``
between the two renames that replace it; whoever writes ``w.zarr`` next puts it back, if a run was
killed just there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError
from pyramidion.storage._faults import told_as
from pyramidion.storage._folder import Folder
from pyramidion.storage._lock import WriterLock
from pyramidion.storage._siblings import hidden_sibling, partial_path
from pyramidion.storage._spill import SPILL
from pyramidion.storage._task_record import RECORD

PLAN_NAME = ".plan.json"
SCRATCH = (SPILL, RECORD, PLAN_NAME)
"""In the folder until it has its name; a kill just after that leaves it, and readers ignore it."""


def kept_plan(destination: Path) -> dict[str, Any]:
    """Return the plan of an interrupted run; empty if there is none.

    Returns
    -------
    dict
        As given to :class:`StagedFolder`, and whether the destination is to be replaced
        (``overwrite``).
    """
    try:
        plan = json.loads((partial_path(destination) / PLAN_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return plan if isinstance(plan, dict) else {}


def restore_replaced(destination: Path) -> None:
    """Put back, or remove, the old dataset of a run that was killed while it replaced it.

    Raises
    ------
    StorageError
        If another process is writing the destination, or the disk fails.
    """
    if not _replaced_path(destination).is_dir():
        return
    lock = WriterLock(destination)
    try:
        _restore_replaced(destination)
    finally:
        lock.release()


class StagedFolder:
    """A destination folder that appears whole or not at all.

    Parameters
    ----------
    destination : Path
        Final name.
    plan : mapping
        Source and settings (JSON values); an interrupted run is resumed only with the same.
    resume : bool
        Go on in what an interrupted run left; replace the destination if that run was to.
    overwrite : bool
        Replace the destination on commit. What an interrupted run left is discarded, unless
        `resume` is asked too and the plan is the same.
    owns : callable
        ``owns(path) -> bool``: is this a dataset of ours, which may be replaced?
    attach : bool
        Take part in what another process has begun, or will find begun: no lock is held, and
        nothing that is there is removed. Such a part never commits.

    Raises
    ------
    UsageError
        If an interrupted run is there and neither was asked for, or it had another plan; if
        what is there is not ours.
    StorageError
        If another process is writing it.
    """

    def __init__(
        self,
        destination: Path,
        plan: Mapping[str, Any],
        *,
        resume: bool,
        overwrite: bool,
        owns: Callable[[Path], bool],
        attach: bool = False,
    ) -> None:
        self.destination = destination
        self._partial = partial_path(destination)
        self._owns = owns
        self._lock: WriterLock | None = None
        with told_as(destination):
            destination.parent.mkdir(parents=True, exist_ok=True)
        if attach:
            self._attach(plan, overwrite=overwrite)
            return
        self._lock = WriterLock(destination)
        try:
            with told_as(destination):
                _restore_replaced(destination)
                kept = self._take_over(plan, resume=resume, overwrite=overwrite)
                self._overwrite = overwrite or bool(kept.get("overwrite"))
                self.folder = Folder(self._partial)
                self.folder.remove_leftovers()
                told = json.dumps({**plan, "overwrite": self._overwrite})
                self.folder.write(PLAN_NAME, told.encode())
        except BaseException:
            self._lock.release()
            raise

    def commit(self) -> None:
        """Give the folder its name.

        Raises
        ------
        UsageError
            If something has appeared there that may not be replaced. The folder stays, to be
            published by a run with ``--resume``.
        StorageError
            If the disk fails.
        """
        assert self._lock is not None, "a part of a conversion does not publish it"
        replaced = _replaced_path(self.destination)
        with told_as(self.destination):
            self.folder.remove_leftovers()  # of a worker process that was killed
            if os.path.lexists(self.destination):
                self._check_replaceable()
                self.destination.replace(replaced)
            try:
                self._partial.replace(self.destination)
            except OSError:
                _restore_replaced(self.destination)
                raise
            remove_scratch(self.destination)
            shutil.rmtree(replaced, ignore_errors=True)
            self._lock.release()

    def abort(self, *, keep: bool | None = None) -> None:
        """Let go; what is complete, if anything is, stays for ``--resume``.

        Safe to call twice, and after ``commit``.

        Parameters
        ----------
        keep : bool, optional
            Whether anything is complete; by default, whether there is any file.
        """
        if self._lock is None or not self._lock.held:
            return
        try:
            with told_as(self.destination):
                _restore_replaced(self.destination)
            if keep is None:
                finished = (p for p in self._partial.rglob("[!.]*") if p.is_file())
                keep = next(finished, None) is not None
            if not keep:
                shutil.rmtree(self._partial, ignore_errors=True)
        finally:
            self._lock.release()

    def _attach(self, plan: Mapping[str, Any], *, overwrite: bool) -> None:
        with told_as(self.destination):
            self._overwrite = overwrite
            self.folder = Folder(self._partial)
            kept = kept_plan(self.destination)
            if kept and {**kept, "overwrite": None} != {**plan, "overwrite": None}:
                raise _other_plan(self.destination, self._partial)
            if not kept:
                told = json.dumps({**plan, "overwrite": overwrite})
                self.folder.write(PLAN_NAME, told.encode())

    def _take_over(
        self, plan: Mapping[str, Any], *, resume: bool, overwrite: bool
    ) -> dict[str, Any]:
        """Decide about what an interrupted run left; return its plan if it is resumed."""
        if not os.path.lexists(self._partial):
            return {}
        if not _is_partial(self._partial):
            raise _not_ours(self._partial)
        if not (resume or overwrite):
            raise UsageError(
                str(self.destination),
                "an interrupted conversion is there",
                self._partial.name,
                "use --resume to finish it or --overwrite to begin again",
                id="PYR-ALL-06",
            )
        kept = kept_plan(self.destination)
        if resume and kept and {**kept, "overwrite": None} == {**plan, "overwrite": None}:
            return kept
        if resume and kept and not overwrite:
            raise _other_plan(self.destination, self._partial)
        self._clear()
        return {}

    def _clear(self) -> None:
        for entry in self._partial.iterdir():
            if entry.name == PLAN_NAME:  # tells that the folder is ours, until it is replaced
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _check_replaceable(self) -> None:
        if not self._overwrite:
            raise UsageError(
                str(self.destination),
                "already exists",
                "it appeared meanwhile",
                "move it away and use --resume, or use --resume --overwrite",
                id="PYR-ALL-06",
            )
        if self.destination.is_symlink() or not self._owns(self.destination):
            raise _not_ours(self.destination)


def remove_scratch(folder: Path) -> None:
    """Remove what was only needed while a dataset was written; the plan last."""
    for name in SCRATCH[:-1]:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / PLAN_NAME).unlink(missing_ok=True)


def _other_plan(destination: Path, partial: Path) -> UsageError:
    return UsageError(
        str(destination),
        "the interrupted conversion has another source or other settings",
        partial.name,
        "use --overwrite to begin again",
        id="PYR-CPY-03",
    )


def _is_partial(path: Path) -> bool:
    """Tell a folder that a run of ours left: it has a plan, or was killed before that."""
    if path.is_symlink() or not path.is_dir():
        return False
    begun = f".{PLAN_NAME}."
    return (path / PLAN_NAME).is_file() or all(p.name.startswith(begun) for p in path.iterdir())


def _replaced_path(destination: Path) -> Path:
    return hidden_sibling(destination, "replaced")


def _restore_replaced(destination: Path) -> None:
    """Do as :func:`restore_replaced`, with the lock held."""
    replaced = _replaced_path(destination)
    if not replaced.is_dir():
        return
    if os.path.lexists(destination):
        shutil.rmtree(replaced, ignore_errors=True)
    else:
        with told_as(destination):
            replaced.replace(destination)


def _not_ours(path: Path) -> UsageError:
    return UsageError(
        str(path),
        "refusing to replace (not a dataset)",
        mend="remove it yourself",
        id="PYR-ALL-07",
    )
