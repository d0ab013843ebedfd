"""Which waveform files an import takes, what their stores are called, and where these go."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyramidion.core import MissingError, UsageError
from pyramidion.formats import formats
from pyramidion.storage import RemotePath

BUCKET_VARIABLE = "S3_BUCKET_NAME"

_TRC_SET = re.compile(r"C\d+--(?P<name>.+)--\d+\.trc", re.IGNORECASE)
_PATTERNS = ("C*--{}--*{}", "[Cc][0-9]--{}--[0-9]*{}")
"""What may name the files of a set and no others, the plainest first."""


@dataclass(frozen=True)
class ImportJob:
    """One conversion: a file, or a pattern that names the files of a set.

    Parameters
    ----------
    source : Path
        What is read.
    destination : Path
        Its store on this disk.
    url : RemotePath or None
        Its store in the bucket.
    """

    source: Path
    destination: Path
    url: RemotePath | None = None


def plan_import(
    inputs: list[Path],
    folder: Path | None = None,
    into: RemotePath | None = None,
    *,
    own_folders: bool = False,
) -> list[ImportJob]:
    """Find the waveform files and name their stores.

    Parameters
    ----------
    inputs : list of Path
        Files, and folders whose files are taken (not those of their sub-folders).
    folder : Path, optional
        Where the stores go; by default beside each file.
    into : RemotePath, optional
        What their URLs begin with.
    own_folders : bool
        In the bucket each store lies in a folder of its file's name, as ZoomingOnline had it.

    Returns
    -------
    list of ImportJob
        By name. ``C1--run--00000.trc`` and its companions become one store, ``run.zarr``.

    Raises
    ------
    MissingError
        If an input is not there.
    UsageError
        If there is no waveform file at all, or two files would become the same store.
    """
    files: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise MissingError(str(path), "no such file", id="PYR-ALL-03")
        files += sorted(p for p in path.iterdir() if _is_waveform(p)) if path.is_dir() else [path]
    jobs: dict[Path, ImportJob] = {}
    for source, stem in _recordings(files):
        store = (folder or source.parent) / f"{stem}.zarr"
        url = into and (into / stem if own_folders else into) / store.name
        job = ImportJob(source, store, url)
        other = jobs.setdefault(url or store, job)
        if other.source != source:
            raise UsageError(
                str(source),
                "two names collide",
                other.source,
                "import them one by one",
                id="PYR-ALL-21",
            )
    if not jobs:
        shown = ", ".join(map(str, inputs))
        raise UsageError(
            shown,
            "no waveform file here",
            mend=f"these are read: {', '.join(_suffixes())}",
            id="PYR-ALL-15",
        )
    return list(jobs.values())


def default_bucket() -> str:
    """Return the bucket that environment or ``.env`` name, as ZoomingOnline had it; or nothing."""
    from dotenv import dotenv_values

    if os.environ.get(BUCKET_VARIABLE):
        return os.environ[BUCKET_VARIABLE]
    try:
        return (Path(".env").is_file() and dotenv_values(".env").get(BUCKET_VARIABLE)) or ""
    except (OSError, UnicodeDecodeError):
        return ""  # what is wrong with it is told when its keys are looked for


def _recordings(files: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield what to read, file or pattern of a set, and the name of its store."""
    told: set[tuple[Path, str]] = set()
    for path in files:
        name = _set_of(path)
        if name is None:
            yield path, path.stem
        elif (path.parent, name) not in told:
            told.add((path.parent, name))
            pattern = _pattern_of(path, name)
            if pattern is not None:
                yield path.with_name(pattern), name
            else:
                members = [p for p in files if p.parent == path.parent and _set_of(p) == name]
                yield from ((member, member.stem) for member in members)


def _pattern_of(path: Path, name: str) -> str | None:
    """Return a pattern for a file and the others of its set, and for no more; None if none is."""
    members = {p for p in path.parent.iterdir() if _set_of(p) == name}
    patterns = (pattern.format(glob.escape(name), path.suffix) for pattern in _PATTERNS)
    return next((p for p in patterns if set(path.parent.glob(p)) == members), None)


def _set_of(path: Path) -> str | None:
    match = _TRC_SET.fullmatch(path.name)
    return match["name"] if match else None


def _is_waveform(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(_suffixes())


def _suffixes() -> tuple[str, ...]:
    return tuple(
        s for f in formats() if f.open is not None and f.name != "zarr" for s in f.suffixes
    )
