"""Convert a waveform from any format to any other, in one pass."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError, WaveformSource, WaveformSpec
from pyramidion.formats import (
    Format,
    OpenOptions,
    WriteOptions,
    files_matching,
    format_of_destination,
    is_pattern,
    open_source,
)
from pyramidion.storage import partial_path
from pyramidion.workflows._crop import CroppedWaveform, parse_sample_box
from pyramidion.workflows._destination import (
    check_destination,
    check_space,
    estimated_bytes,
    make_parents,
)
from pyramidion.workflows._stream import Progress, StreamReport, stream


@dataclass(frozen=True)
class ConvertOptions:
    """How to convert.

    Parameters
    ----------
    source : OpenOptions
        What is known about the source.
    box : str
        ``"FIRST LAST"``: keep these samples only; empty for all.
    compression : str
        See :class:`pyramidion.formats.WriteOptions`.
    zarr_format : int
        3, or 2 for old viewers.
    workers : int
        Threads; 0 for one per core.
    overwrite, resume, parents, force : bool
        Replace a dataset; go on with an interrupted run; make parent folders; do not compare the
        free space.
    """

    source: OpenOptions = field(default_factory=OpenOptions)
    box: str = ""
    compression: str = ""
    zarr_format: int = 3
    workers: int = 0
    overwrite: bool = False
    resume: bool = False
    parents: bool = False
    force: bool = False


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion wrote.

    Parameters
    ----------
    destination : Path
        The dataset.
    spec : WaveformSpec
        What it holds.
    stream : StreamReport
        What the run did.
    bytes_written : int
        Size of the destination.
    """

    destination: Path
    spec: WaveformSpec
    stream: StreamReport
    bytes_written: int

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "destination": str(self.destination),
            "shape": list(self.spec.shape),
            "dtype": self.spec.dtype.name,
            "bytes_written": self.bytes_written,
            "warnings": list(self.spec.warnings),
            **self.stream.as_dict(),
        }


def convert(
    source: Path, destination: Path, options: ConvertOptions, progress: Progress | None = None
) -> ConvertReport:
    """Convert a waveform file or store to another.

    Parameters
    ----------
    source : Path
        A file, a store, or a name with ``*`` for a set of files.
    destination : Path
        Its suffix names the format: ``.zarr``, ``.h5``, ``.npy``.
    options : ConvertOptions
        How.
    progress : callable, optional
        See :func:`stream`.

    Raises
    ------
    PyramidionError
        If anything is wrong with source, destination or options; nothing half-written has the
        destination's name.
    """
    written = _checked_format(source, destination, options)
    with open_cropped(source, options) as opened:
        source_id = _fingerprint(source, opened.spec, options)
        return write_waveform(opened, destination, written, options, source_id, progress)


def write_waveform(
    source: WaveformSource,
    destination: Path,
    written: Format,
    options: ConvertOptions,
    source_id: str,
    progress: Progress | None = None,
) -> ConvertReport:
    """Write an open source to a destination that was checked.

    Parameters
    ----------
    source : WaveformSource
        What to write.
    destination : Path
        Where.
    written : Format
        Format of the destination.
    options : ConvertOptions
        How.
    source_id : str
        Fingerprint of the source; a run is only resumed with the same, and the same settings.
    progress : callable, optional
        See :func:`stream`.
    """
    spec = source.spec
    if not options.force:
        # What an interrupted run left is used or removed.
        there = size_of(partial_path(destination))
        check_space(destination, estimated_bytes(spec, written, options.compression) - there)
    if options.parents:
        make_parents(destination)
    assert written.create is not None
    sink = written.create(destination, spec, _write_options(options, source_id))
    if options.resume and not sink.resumable:
        sink.abort()
        raise UsageError(
            "--resume",
            f"is not possible for {written.name}",
            destination,
            "run again without it",
            id="PYR-ALL-06",
        )
    report = stream(source, sink, workers=n_workers(options.workers), progress=progress)
    return ConvertReport(destination, spec, report, size_of(destination))


def plan_conversion(source: Path, destination: Path, options: ConvertOptions) -> dict[str, Any]:
    """Return what :func:`convert` would do, without writing anything.

    Returns
    -------
    dict
        Source and destination, shape, arrays with their chunks and levels, estimated bytes and
        peak memory (JSON values).
    """
    written = _checked_format(source, destination, options)
    with open_cropped(source, options) as opened:
        return {"source": str(source), **describe_plan(opened.spec, destination, written, options)}


def describe_plan(
    spec: WaveformSpec, destination: Path, written: Format, options: ConvertOptions
) -> dict[str, Any]:
    """Return the plan of writing a waveform (JSON values)."""
    arrays = written.plan(spec, _write_options(options, "")) if written.plan else {}
    return {
        "destination": str(destination),
        "format": written.name,
        "shape": list(spec.shape),
        "dtype": spec.dtype.name,
        "interval_s": spec.interval,
        "bytes_in": spec.n_bytes,
        "bytes_out_estimated": estimated_bytes(spec, written, options.compression),
        "peak_memory_estimated": _peak_bytes(spec, options),
        "workers": n_workers(options.workers),
        "warnings": list(spec.warnings),
        **arrays,
    }


def open_cropped(source: Path, options: ConvertOptions) -> WaveformSource:
    """Open a source, cut to ``options.box``."""
    opened = open_source(source, options.source)
    if not options.box:
        return opened
    try:
        first, last = parse_sample_box(options.box, opened.spec.shape[-1])
    except BaseException:
        opened.close()
        raise
    return CroppedWaveform(opened, first, last)


def n_workers(asked: int) -> int:
    """Return how many threads to use; one per usable core unless asked otherwise."""
    if asked > 0:
        return asked
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _checked_format(source: Path, destination: Path, options: ConvertOptions) -> Format:
    """Return the destination's format, when it may be written."""
    written = format_of_destination(destination)
    check_destination(
        destination,
        source,
        written,
        overwrite=options.overwrite,
        resume=options.resume,
        parents=options.parents,
    )
    return written


def _write_options(options: ConvertOptions, source_id: str) -> WriteOptions:
    return WriteOptions(
        options.compression, options.zarr_format, options.overwrite, options.resume, source_id
    )


BLOCK_SAMPLES = 2**20


def _peak_bytes(spec: WaveformSpec, options: ConvertOptions) -> int:
    """Estimate the peak: the program itself, and per worker a block, its code and its bins."""
    per_worker = 6 * BLOCK_SAMPLES * spec.dtype.itemsize + 2**25
    return 120 * 2**20 + n_workers(options.workers) * per_worker


def _fingerprint(source: Path, spec: WaveformSpec, options: ConvertOptions) -> str:
    """Return what must be equal for a resumed run to go on: the source's files, as they are now."""
    told = []
    for file in files_of(source):
        stat = file.stat()
        told.append([str(file), stat.st_size, stat.st_mtime_ns])
    how = [options.box, repr(options.source), spec.shape, spec.dtype.str]
    text = json.dumps([str(source.resolve()), sorted(told), how])
    return hashlib.sha256(text.encode()).hexdigest()


def files_of(source: Path) -> list[Path]:
    """Return the files that a source consists of: itself, those of a folder, or of a pattern."""
    if is_pattern(source):
        return list(files_matching(source))
    if source.is_dir():
        return [path for path in source.rglob("*") if path.is_file()]
    return [source]
