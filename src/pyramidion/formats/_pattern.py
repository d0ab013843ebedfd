"""Names with ``*``, ``?`` or ``[`` for sets of files, as people quote them for a shell."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from pathlib import Path

from pyramidion.storage import is_remote


def is_pattern(path: Path) -> bool:
    """Tell whether a name stands for a set of files: it has a wildcard, and is no file itself."""
    if not glob.has_magic(str(path)):
        return False
    return not (path.exists() if is_remote(path) else os.path.lexists(path))


def files_matching(path: Path) -> Iterator[Path]:
    """Return the files of a pattern, in no order; ``**`` stands for any folders.

    Names that begin with a dot only match a pattern that names the dot.
    """
    if is_remote(path):
        yield from _objects_matching(path)
        return
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


def _objects_matching(path: Path) -> Iterator[Path]:
    folder = folder_of(path)
    matches = re.compile(_expression(path.relative_to(folder).parts)).fullmatch
    for found in folder.rglob("*"):
        if matches("/".join(found.relative_to(folder).parts)):
            yield found


def _expression(parts: Sequence[str]) -> str:
    """Return a regular expression for a pattern; wildcards stay inside of a part of the key."""
    pieces = ["(?:[^/]+/)*" if part == "**" else _piece(part) + "/" for part in parts]
    return "".join(pieces).removesuffix("/")


def _piece(part: str) -> str:
    inner = translate(part).removeprefix("(?s:").removesuffix(r")\Z")
    return inner.replace(".*", "[^/]*") if "*" in part else inner
