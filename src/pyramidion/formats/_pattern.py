"""Names with ``*``, ``?`` or ``[`` for sets of files, as people quote them for a shell."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path


def is_pattern(path: Path) -> bool:
    """Tell whether a name stands for a set of files: it has a wildcard, and is no file itself."""
    return glob.has_magic(str(path)) and not os.path.lexists(path)


def files_matching(path: Path) -> Iterator[Path]:
    """Return the files of a pattern, in no order; ``**`` stands for any folders.

    Names that begin with a dot only match a pattern that names the dot.
    """
    for name in glob.iglob(str(path), recursive=True):  # noqa: PTH207 - `Path.glob` needs a folder
        found = Path(name)
        if found.is_file():
            yield found


def folder_of(path: Path) -> Path:
    """Return the last folder of a pattern that has no wildcard."""
    folder = path
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder
