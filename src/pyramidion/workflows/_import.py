"""Convert a folder of waveform files, one store each; a failure does not stop the rest."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyramidion.core import MissingError, PyramidionError, StoppedError, UsageError
from pyramidion.formats import format_of_destination, formats
from pyramidion.workflows._convert import convert
from pyramidion.workflows._options import ConvertOptions, ConvertReport
from pyramidion.workflows._stream import Progress

_TRC_SET = re.compile(r"C\d+--(?P<name>.+)--\d+\.trc", re.IGNORECASE)
_PATTERNS = ("C*--{}--*{}", "[Cc][0-9]--{}--[0-9]*{}")
"""What may name the files of a set and no others, the plainest first."""


@dataclass(frozen=True)
class ImportJob:
    """One conversion: a file, or a pattern that names the files of a set."""

    source: Path
    destination: Path


@dataclass
class ImportReport:
    """What became of each file.

    Parameters
    ----------
    converted : list of ConvertReport
        Stores written.
    kept : list of Path
        Stores that were there already.
    failed : list of (Path, PyramidionError)
        Sources that could not be converted, and why.
    stopped : StoppedError or None
        What ended the run before the last file.
    """

    converted: list[ConvertReport] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, PyramidionError]] = field(default_factory=list)
    stopped: StoppedError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "converted": [report.as_dict() for report in self.converted],
            "kept": [str(path) for path in self.kept],
            "failed": [{"source": str(s), "error": e.line, "id": e.id} for s, e in self.failed],
            "stopped": self.stopped.line if self.stopped else None,
        }


def plan_import(inputs: list[Path], folder: Path | None = None) -> list[ImportJob]:
    """Find the waveform files and name their stores.

    Parameters
    ----------
    inputs : list of Path
        Files, and folders whose files are taken (not those of their sub-folders).
    folder : Path, optional
        Where the stores go; by default beside each file.

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
        job = ImportJob(source, (folder or source.parent) / f"{stem}.zarr")
        other = jobs.setdefault(job.destination, job)
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


def run_import(
    jobs: list[ImportJob], options: ConvertOptions, progress: Progress | None = None
) -> ImportReport:
    """Convert every file; go on when one fails.

    Parameters
    ----------
    jobs : list of ImportJob
        From :func:`plan_import`.
    options : ConvertOptions
        Without ``overwrite``, stores that are there are kept.
    progress : callable, optional
        See :func:`stream`; starts again for each file.

    Returns
    -------
    ImportReport
        Of the files until then, if Ctrl-C or SIGTERM stopped the run.
    """
    report = ImportReport()
    for job in jobs:
        try:
            if job.destination.exists() and not options.overwrite:
                _check_own(job.destination)
                report.kept.append(job.destination)
            else:
                report.converted.append(convert(job.source, job.destination, options, progress))
        except StoppedError as stopped:
            report.stopped = stopped
            break
        except KeyboardInterrupt as stop:
            report.stopped = StoppedError("stopped", "between two files", id="PYR-ALL-27")
            report.stopped.__cause__ = stop
            break
        except PyramidionError as error:
            report.failed.append((job.source, error))
    return report


def _check_own(path: Path) -> None:
    """Refuse to take for an earlier result what we did not write."""
    written = format_of_destination(path)
    owns = written.owns or written.matches
    if not owns(path):
        raise UsageError(
            str(path),
            "already exists, and is no dataset of ours",
            mend="remove it yourself, or choose another folder with --output-dir",
            id="PYR-ALL-07",
        )


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
