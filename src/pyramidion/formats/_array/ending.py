"""What a run that failed leaves: all of it, or nothing if no task of it was finished."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress

from pyramidion.storage import PLAN_NAME, Folder


def remove_unless_begun(folder: Folder, is_done: Callable[[int], bool], n_tasks: int) -> None:
    """Remove files that no later run could use, so that the same command can be given again.

    The plan stays: it tells whose the folder is, until that is removed too.

    Parameters
    ----------
    folder : Folder
        The folder under way, whose lock is held.
    is_done : callable
        ``is_done(task) -> bool``.
    n_tasks : int
        Number of tasks.
    """
    if any(is_done(task) for task in range(n_tasks)):
        return
    with suppress(OSError):  # the fault that ended the run is told, not this one
        for entry in list(os.scandir(folder.root)):
            if entry.name == PLAN_NAME:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)  # noqa: PTH108
