"""Convert anything that is read to anything that is written, in one pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError, WaveformSource, WaveformSpec
from pyramidion.formats import (
    Format,
    Kind,
    format_of_destination,
    formats,
    is_at_hand,
    kind_of_source,
    open_source,
)
from pyramidion.storage import RemotePath, partial_path
from pyramidion.workflows._convert_image import convert_image, plan_image
from pyramidion.workflows._crop import CroppedWaveform, parse_sample_box
from pyramidion.workflows._destination import (
    check_apart,
    check_destination,
    check_space,
    estimated_bytes,
    make_parents,
)
from pyramidion.workflows._fetch import at_hand
from pyramidion.workflows._files import fingerprint, size_of
from pyramidion.workflows._options import ConvertOptions, ConvertReport, n_workers
from pyramidion.workflows._outbox import Job
from pyramidion.workflows._spool import spool_path
from pyramidion.workflows._stream import Progress, stream
from pyramidion.workflows._to_store import to_store
from pyramidion.workflows._upload import check_free


def convert(
    source: Path, destination: Path, options: ConvertOptions, progress: Progress | None = None
) -> ConvertReport:
    """Convert a file, a set of files or a store to another.

    Parameters
    ----------
    source : Path
        A file, a store, or a name with ``*`` for a set of files.
    destination : Path
        Its suffix names the format: ``.zarr``, ``.idx``, ``.h5``, ``.npy``, ``%04d.png``...
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
    if isinstance(destination, RemotePath):
        if isinstance(source, RemotePath):
            check_apart(destination, source)
        # What is wrong with these is told before the store is asked.
        kind = kind_of_conversion(source, destination, options)
        format_of_destination(destination, kind)

        def write(local: Path, local_options: ConvertOptions, paced: Progress) -> ConvertReport:
            # Finding the kind out again would start the process that looks at HDF5 files again.
            return convert(source, local, replace(local_options, kind=kind), paced)

        return to_store(destination, Job(source, options.settings), options, write, progress)
    if not is_at_hand(source):
        with at_hand(source, progress) as fetched:
            return convert(fetched, destination, options, progress)
    if kind_of_conversion(source, destination, options) == "image":
        return convert_image(source, destination, options, progress)
    written = _checked_format(source, destination, options)
    with open_cropped(source, options) as opened:
        source_id = fingerprint(source, opened.spec, [options.box, options.source])
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
    sink = written.create(destination, spec, options.written(source_id))
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
    if isinstance(destination, RemotePath):
        check_free(destination, overwrite=options.overwrite)
        local = replace(options, parents=True, overwrite=True)
        plan = plan_conversion(source, spool_path(destination), local)
        return plan | {"destination": str(destination)}
    if not is_at_hand(source):
        with at_hand(source) as fetched:
            return plan_conversion(fetched, destination, options) | {"source": str(source)}
    if kind_of_conversion(source, destination, options) == "image":
        return plan_image(source, destination, options)
    written = _checked_format(source, destination, options)
    with open_cropped(source, options) as opened:
        return {"source": str(source), **describe_plan(opened.spec, destination, written, options)}


def describe_plan(
    spec: WaveformSpec, destination: Path, written: Format, options: ConvertOptions
) -> dict[str, Any]:
    """Return the plan of writing a waveform (JSON values)."""
    arrays = written.plan(spec, options.written("")) if written.plan else {}
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


def kind_of_conversion(source: Path, destination: Path, options: ConvertOptions) -> Kind:
    """Tell whether a conversion is one of a waveform or of an image.

    The user decides first, then a destination that can only be one of both, then the source.
    """
    if options.kind:
        return "image" if options.kind == "image" else "waveform"
    name = destination.name.lower()
    able = {
        "waveform": any(name.endswith(f.suffixes) for f in formats() if f.create),
        "image": any(name.endswith(f.image_suffixes or f.suffixes) for f in formats() if f.create_image),
    }  # fmt: skip
    if name.endswith(".ome.zarr") or (able["image"] and not able["waveform"]):
        return "image"
    if able["waveform"] and not able["image"]:
        return "waveform"
    return kind_of_source(source, options.source)


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


BLOCK_SAMPLES = 2**20


def _peak_bytes(spec: WaveformSpec, options: ConvertOptions) -> int:
    """Estimate the peak: the program itself, and per worker a block, its code and its bins."""
    per_worker = 6 * BLOCK_SAMPLES * spec.dtype.itemsize + 2**25
    return 120 * 2**20 + n_workers(options.workers) * per_worker
