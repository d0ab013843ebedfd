"""Convert a folder of waveform files, one store each; a failure does not stop the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyramidion.core import MissingError, PyramidionError, StoppedError, UsageError
from pyramidion.formats import formats
from pyramidion.workflows._convert import ConvertOptions, ConvertReport, convert
from pyramidion.workflows._stream import Progress

_TRC_SET = re.compile(r"C\d+--(?P<name>.*)--\d+\.trc$", re.IGNORECASE)


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
    """

    converted: list[ConvertReport] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, PyramidionError]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "converted": [report.as_dict() for report in self.converted],
            "kept": [str(path) for path in self.kept],
            "failed": [{"source": str(s), "error": e.line, "id": e.id} for s, e in self.failed],
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
    jobs: dict[Path, ImportJob] = {}
    for path in inputs:
        if not path.exists():
            raise MissingError(str(path), "no such file", id="PYR-ALL-03")
        files = sorted(p for p in path.iterdir() if _is_waveform(p)) if path.is_dir() else [path]
        for source in dict.fromkeys(map(_set_of, files)):
            stem = source.name.split("--")[1] if "*" in source.name else source.stem
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
    jobs: list[ImportJob],
    options: ConvertOptions,
    progress: Progress | None = None,
    told: Callable[[ImportJob], None] = lambda _: None,
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
    told : callable
        Called before each file.
    """
    report = ImportReport()
    for job in jobs:
        if job.destination.exists() and not options.overwrite:
            report.kept.append(job.destination)
            continue
        told(job)
        try:
            report.converted.append(convert(job.source, job.destination, options, progress))
        except StoppedError:
            raise
        except PyramidionError as error:
            report.failed.append((job.source, error))
    return report


def _set_of(path: Path) -> Path:
    """Return the pattern of the set that a ``.trc`` file belongs to, or the file itself."""
    match = _TRC_SET.match(path.name)
    return path.with_name(f"C*--{match['name']}--*.trc") if match else path


def _is_waveform(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(_suffixes())


def _suffixes() -> tuple[str, ...]:
    return tuple(
        s for f in formats() if f.open is not None and f.name != "zarr" for s in f.suffixes
    )
