"""One file under way, written by several threads and processes, that appears whole or not at all.

``x.npy`` is filled in the folder ``x.npy.partial``, with a record of the tasks that are done; the
last step moves the one file out of it. So a plain file is resumed, and shared among machines, as a
folder is.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyramidion.core import IncompleteError, UsageError
from pyramidion.formats._array.ending import remove_unless_begun
from pyramidion.formats._format import WriteOptions
from pyramidion.storage import (
    Folder,
    Spill,
    StagedFolder,
    TaskRecord,
    kept_plan,
    partial_path,
    remove_scratch,
    told_as,
)

KEY = ".array"
"""The file in the folder; hidden, so that no reader takes it for data."""


class StagedArray:
    """The folder in which a file is made.

    Parameters
    ----------
    path : Path
        The file; it appears under this name on `commit`.
    plan : mapping
        What decides the bytes, beside the source (JSON values).
    options : WriteOptions
        Resume, overwrite, attach and the fingerprint of the source.
    owns : callable
        ``owns(path) -> bool``: may the file that is there be replaced?

    Raises
    ------
    UsageError
        If an interrupted run is there and neither ``resume`` nor ``overwrite`` was asked for.
    StorageError
        If the folder cannot be made, or another process is writing it.
    """

    def __init__(
        self,
        path: Path,
        plan: Mapping[str, Any],
        options: WriteOptions,
        owns: Callable[[Path], bool],
    ) -> None:
        self._path, self._owns = path, owns
        self._may_clear = not options.attach
        self._staged = StagedFolder(
            path,
            {"source": options.source_id, **json.loads(json.dumps(plan))},
            resume=options.resume,
            overwrite=options.overwrite,
            owns=owns,
            attach=options.attach,
        )
        self.folder: Folder = self._staged.folder
        self.record = TaskRecord(self.folder)
        self.spill = Spill(self.folder)

    @property
    def file(self) -> Path:
        """The file under way."""
        return self.folder.path(KEY)

    def commit(self, tasks: Sequence[int]) -> None:
        """Give the file its name; these tasks must be recorded.

        Raises
        ------
        IncompleteError
            If a task is not.
        UsageError
            If something has appeared there meanwhile that may not be replaced.
        """
        n_left = sum(self.record.get(task) is None for task in tasks)
        if n_left:
            raise IncompleteError(
                str(self._path),
                "incomplete",
                f"{n_left} of {len(tasks)} tasks are not done",
                "run again with --resume",
                id="PYR-ARR-03",
            )
        with told_as(self._path):
            if os.path.lexists(self._path):
                self._check_replaceable()
            self.file.replace(self._path)
            remove_scratch(self.folder.root)
            shutil.rmtree(self.folder.root, ignore_errors=True)
        self._may_clear = False
        self._staged.abort()

    def abort(self, n_tasks: int) -> None:
        """Let go; if any of the tasks is recorded, all stays for ``--resume``. Safe to call twice."""
        if self._may_clear:
            remove_unless_begun(self.folder, lambda n: self.record.get(n) is not None, n_tasks)
        self._may_clear = False
        self._staged.abort()

    def _check_replaceable(self) -> None:
        may_replace = bool(kept_plan(self._path).get("overwrite"))
        if not may_replace or self._path.is_symlink() or not self._owns(self._path):
            raise UsageError(
                str(self._path),
                "already exists",
                "it appeared meanwhile",
                f"move it away and use --resume ({partial_path(self._path).name} is kept)",
                id="PYR-ALL-06",
            )
