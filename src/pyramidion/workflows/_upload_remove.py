"""Removing the copy of this disk, once it is proved to be in the store."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pyramidion.core import DataError
from pyramidion.storage import told_as
from pyramidion.transfer import LocalTree


def remove_local(tree: LocalTree, manifest: Path) -> None:
    """Remove the files that were sent and read back, and the folders that are empty then.

    What makes it a dataset goes first, so that a run that is killed leaves no half of one. What is
    not of the dataset stays.

    Parameters
    ----------
    tree : LocalTree
        What was sent.
    manifest : Path
        What is kept about it; of no use without it.

    Raises
    ------
    DataError
        If a file is not the one that was sent any more; nothing was removed then.
    StorageError
        If one cannot be removed.
    """
    for file in tree.files:
        with told_as(file.path):
            found = file.path.stat()
        if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
            raise DataError(
                str(file.path), "changed during upload", mend="run again", id="PYR-UPL-10",
                good=f"all of {tree.root} is kept",
            )  # fmt: skip
    for file in sorted(tree.files, key=lambda file: -file.wave):
        with told_as(file.path):
            file.path.unlink(missing_ok=True)
    for folder in _folders(tree):
        with contextlib.suppress(OSError):  # something else is in it
            folder.rmdir()
    manifest.unlink(missing_ok=True)


def _folders(tree: LocalTree) -> list[Path]:
    """Return the folders of a tree, the innermost first; not the one that an ``.idx`` lies in."""
    tops = [tree.root / name for name in tree.names] if tree.names else [tree.root]
    below = [Path(here) for top in tops for here, _, _ in os.walk(top, topdown=False)]
    return [folder for folder in below if not folder.is_symlink()]
