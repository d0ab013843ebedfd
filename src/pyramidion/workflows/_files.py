"""The files behind a source or a destination: which, how many bytes, changed or not."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from pyramidion.core import ArraySpec
from pyramidion.formats import files_matching, is_pattern

_NUMBER = re.compile(r"%0?[0-9]*d")


def size_of(path: Path) -> int:
    """Return the bytes of a dataset, 0 if there is none; ``%04d`` stands for any number."""
    path = Path(_NUMBER.sub("[0-9]*", str(path)))
    return sum(file.stat().st_size for file in files_of(path) if file.exists())


def fingerprint(source: Path, spec: ArraySpec, how: Sequence[object]) -> str:
    """Return what must be equal for a resumed run to go on.

    Parameters
    ----------
    source : Path
        Its files count, as they are now.
    spec : ArraySpec
        What was found in them.
    how : sequence
        Settings that decide about the result.
    """
    told = []
    for file in files_of(source):
        stat = file.stat()
        told.append([str(file), stat.st_size, stat.st_mtime_ns])
    settings = [*map(repr, how), spec.shape, spec.dtype.str]
    text = json.dumps([os.path.realpath(source), sorted(told), settings])
    return hashlib.sha256(text.encode()).hexdigest()


def files_of(source: Path) -> list[Path]:
    """Return the files of a source: itself, those of a folder, of a pattern, of an IDX dataset."""
    if is_pattern(source):
        return list(files_matching(source))
    if source.is_dir():
        return [path for path in source.rglob("*") if path.is_file()]
    blocks = source.with_suffix("") if source.suffix == ".idx" else None
    return [source, *(files_of(blocks) if blocks is not None and blocks.is_dir() else [])]
