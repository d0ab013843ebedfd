"""A folder under way: filled beside its destination, then renamed.

Nothing half-written ever looks whole.

``w.zarr`` is filled as ``w.zarr.partial``. A run that is killed leaves that folder, and the next
run goes on in it with ``--resume``.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from pyramidion.core import UsageError
from pyramidion.storage._faults import told_as
from pyramidion.storage._folder import Folder
from pyramidion.storage._lock import WriterLock

_PLAN = ".plan.json"


def partial_path(destination: Path) -> Path:
    """Return where a folder is filled before it gets its name."""
    return destination.with_name(destination.name + ".partial")


class StagedFolder:
    """A destination folder that appears whole or not at all.

    Parameters
    ----------
    destination : Path
        Final name.
    plan_id : str
        Fingerprint of source and settings; an interrupted run is resumed only with the same.
    resume : bool
        Go on in what an interrupted run left.
    overwrite : bool
        Discard what an interrupted run left, and replace the destination on commit.

    Raises
    ------
    UsageError
        If an interrupted run is there and neither was asked for, or it had another plan.
    StorageError
        If another process is writing it.
    """

    def __init__(self, destination: Path, plan_id: str, *, resume: bool, overwrite: bool) -> None:
        self.destination = destination
        self._partial = partial_path(destination)
        found = self._partial.exists()
        if found and not (resume or overwrite):
            raise UsageError(
                str(destination),
                "an interrupted conversion is there",
                self._partial.name,
                "use --resume to finish it or --overwrite to begin again",
                id="PYR-ALL-06",
            )
        self._lock = WriterLock(self._partial / ".lock", str(destination))
        try:
            if found and not resume:
                self._clear()
            if found and resume:
                self._check_plan(plan_id)
            self.folder = Folder(self._partial)
            self.folder.remove_leftovers()
            self.folder.write(_PLAN, json.dumps({"plan": plan_id}).encode())
        except BaseException:
            self._lock.release()
            raise

    def commit(self) -> None:
        """Give the folder its name; an existing destination is replaced."""
        old = self.destination.with_name(f".replaced.{os.getpid()}.old")
        with told_as(self.destination):
            (self._partial / _PLAN).unlink(missing_ok=True)
            self._lock.release()
            if self.destination.exists():
                self.destination.replace(old)
            self._partial.replace(self.destination)
            if old.exists():
                shutil.rmtree(old)

    def abort(self) -> None:
        """Let go; what is complete stays for ``--resume``. Safe to call twice."""
        self._lock.release()

    def _clear(self) -> None:
        with told_as(self._partial):
            for entry in self._partial.iterdir():
                if entry.name == ".lock":
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()

    def _check_plan(self, plan_id: str) -> None:
        try:
            kept = json.loads((self._partial / _PLAN).read_text())["plan"]
        except (OSError, ValueError, KeyError, TypeError):
            kept = None
        if kept is None:  # killed before the plan was written: there is nothing to resume
            self._clear()
        elif kept != plan_id:
            raise UsageError(
                str(self.destination),
                "the interrupted conversion has another source or other settings",
                self._partial.name,
                "use --overwrite to begin again",
                id="PYR-CPY-03",
            )
