"""The files behind a source or a destination: which, how many bytes, changed or not."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from pyramidion.core import ArraySpec
from pyramidion.formats import files_matching, folder_of, is_pattern
from pyramidion.storage import Found, RemotePath, bucket_of

_NUMBER = re.compile(r"%0?[0-9]*d")


def size_of(path: Path) -> int:
    """Return the bytes of a dataset, 0 if there is none; ``%04d`` stands for any number."""
    if isinstance(path, RemotePath):
        return sum(found.size for found in objects_of(path))
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
    told: list[list[object]] = []
    if isinstance(source, RemotePath):
        told = [[found.key, found.size, found.etag] for found in objects_of(source)]
        return _hashed(str(source), told, spec, how)
    for file in files_of(source):
        stat = file.stat()
        told.append([str(file), stat.st_size, stat.st_mtime_ns])
    return _hashed(os.path.realpath(source), told, spec, how)


def _hashed(
    source: str, told: Sequence[Sequence[object]], spec: ArraySpec, how: Sequence[object]
) -> str:
    settings = [*map(repr, how), spec.shape, spec.dtype.str]
    text = json.dumps([source, sorted(told, key=str), settings])
    return hashlib.sha256(text.encode()).hexdigest()


def objects_of(path: RemotePath) -> list[Found]:
    """Return the objects of a source; of a web server, which does not list, what is named."""
    bucket = bucket_of(path)
    if path.scheme.startswith("http"):
        return list(filter(None, [bucket.head(path.key)]))
    if is_pattern(path):
        keys = {file.key for file in files_matching(path) if isinstance(file, RemotePath)}
        return [found for found in bucket.objects(_folder_key(path)) if found.key in keys]
    blocks = path.key.removesuffix(".idx")
    found = [bucket.head(path.key)] if path.suffix == ".idx" else []
    return [*filter(None, found), *bucket.objects(blocks)] or list(
        filter(None, [bucket.head(path.key)])
    )


def _folder_key(pattern: RemotePath) -> str:
    folder = folder_of(pattern)
    return folder.key if isinstance(folder, RemotePath) else ""


def files_of(source: Path) -> list[Path]:
    """Return the files of a source: itself, those of a folder, of a pattern, of an IDX dataset."""
    if is_pattern(source):
        return list(files_matching(source))
    if source.is_dir():
        return [path for path in source.rglob("*") if path.is_file()]
    blocks = source.with_suffix("") if source.suffix == ".idx" else None
    return [source, *(files_of(blocks) if blocks is not None and blocks.is_dir() else [])]
