"""Convert an image, a volume or a movie from any format to any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyramidion.core import ImageSource, ImageSpec, UsageError
from pyramidion.formats import Format, ImageSink, format_of_destination, open_image
from pyramidion.storage import WriterLock
from pyramidion.workflows._destination import (
    check_destination,
    check_parent,
    check_pictures_apart,
    check_space,
    make_parents,
)
from pyramidion.workflows._ending import aborting
from pyramidion.workflows._files import fingerprint, size_of
from pyramidion.workflows._image_job import ImageJob, Meter, open_fields
from pyramidion.workflows._options import ConvertOptions, ConvertReport, n_workers
from pyramidion.workflows._run_tasks import (
    parse_tasks,
    run_on_processes,
    run_on_threads,
    run_part,
)
from pyramidion.workflows._stream import Progress, StreamReport

COMPRESSED_SHARE = 0.3
"""Bytes stored per byte of an image with much background; what is refused will not fit."""

SHOWN_FILES = 12
"""How many files of a stack a plan names: enough to see that 10 comes behind 9."""

_PROGRAM_BYTES = 100 * 2**20
_SLAB_BYTES = 2**27

_MANY_FIELDS = {"idx", "hdf5"}
"""Formats whose datasets hold fields of different types side by side."""


def convert_image(
    source: Path, destination: Path, options: ConvertOptions, progress: Progress | None = None
) -> ConvertReport:
    """Convert an image; see :func:`pyramidion.workflows.convert`."""
    written = _checked_format(source, destination, options)
    with ExitStack() as stack:
        sources = [stack.enter_context(s) for s in _open_all(source, written, options)]
        job = _job(source, destination, options, sources)
        if options.parents:
            make_parents(_folder_of(destination, written))
        if options.tasks:
            return _run_part(job, destination, sources, progress)
        if not options.force:
            check_space(destination, _estimated_bytes([s.spec for s in sources], options))
        return replace(_run(job, written, sources, progress), destination=destination)


def plan_image(source: Path, destination: Path, options: ConvertOptions) -> dict[str, Any]:
    """Return what :func:`convert_image` would do (JSON values); nothing is written."""
    written = _checked_format(source, destination, options)
    with ExitStack() as stack:
        sources = [stack.enter_context(s) for s in _open_all(source, written, options)]
        specs = [s.spec for s in sources]
        spec = specs[0]
        arrays = (
            written.plan_image(destination, specs, options.written("", sources[0].block))
            if written.plan_image
            else {}
        )
        return {
            "source": str(source),
            "destination": str(destination),
            "format": written.name,
            "kind": "image",
            "fields": [s.name for s in specs],
            "shape": list(spec.shape),
            "axes": spec.present,
            "dtype": spec.dtype.name,
            "bytes_in": sum(s.n_bytes for s in specs),
            "bytes_out_estimated": _estimated_bytes(specs, options),
            "peak_memory_estimated": _peak_bytes(specs, options),
            "workers": n_workers(options.workers),
            "order": [*getattr(sources[0], "files", [])[:SHOWN_FILES]],
            "warnings": [w for s in specs for w in s.warnings],
            **arrays,
        }


def _open_all(source: Path, written: Format, options: ConvertOptions) -> list[ImageSource]:
    """Open what is to be converted: the field that was asked for, or all that the format holds."""
    opened = open_fields(source, options)
    names = opened[0].fields
    if len(names) == 1 or options.source.field or options.source.dataset:
        return opened
    opened[0].close()
    if written.name not in _MANY_FIELDS:
        raise UsageError(
            str(source),
            f"{len(names)} fields",
            ", ".join(names),
            "choose with --field",
            id="PYR-IDX-15",
        )
    return open_fields(source, options, names)


def _job(
    source: Path, destination: Path, options: ConvertOptions, sources: list[ImageSource]
) -> ImageJob:
    how = [options.box, options.level, options.times, options.clip, options.source]
    source_id = fingerprint(source, sources[0].spec, how)
    names = tuple(s.spec.name for s in sources) if len(sources) > 1 else ()
    # Absolute: workers on other machines have another current folder.
    return ImageJob(source.absolute(), destination.absolute(), options, names, source_id)


def _run(
    job: ImageJob, written: Format, sources: list[ImageSource], progress: Progress | None
) -> ConvertReport:
    began = time.monotonic()
    assert written.create_image is not None
    specs = [s.spec for s in sources]
    how = job.options.written(job.source_id, sources[0].block)
    sink = written.create_image(job.destination, specs, how)
    if job.options.resume and not sink.resumable:
        sink.abort()
        raise UsageError(
            "--resume",
            f"is not possible for {written.name}",
            job.destination,
            "run again without it",
            id="PYR-ALL-06",
        )
    run = _Run(sink, specs, progress)
    with aborting(sink):
        run.everything(job, sources)
        sink.commit()
    return _report(job, sources, run, time.monotonic() - began)


def _run_part(
    job: ImageJob, destination: Path, sources: list[ImageSource], progress: Progress | None
) -> ConvertReport:
    began = time.monotonic()
    with _shared(job.destination), job.attach() as parts:
        wanted = parse_tasks(job.options.tasks, len(parts.sink.tasks))
        run = _Run(parts.sink, [s.spec for s in sources], progress)
        run_part(parts, wanted, run.done)
    report = _report(job, sources, run, time.monotonic() - began)
    return replace(report, destination=destination, published=False, bytes_written=0)


def _shared(destination: Path) -> AbstractContextManager[object]:
    """Keep others from publishing while a part of an array of jobs is done."""
    if not destination.parent.is_dir():  # of pictures, whose folder comes with them
        return nullcontext()
    return closing(WriterLock(destination, shared=True))


def _report(job: ImageJob, sources: list[ImageSource], run: _Run, seconds: float) -> ConvertReport:
    spec = sources[0].spec
    found = [note for source in sources for note in source.notes()]
    notes = tuple(dict.fromkeys([*run.notes, *found]))
    streamed = StreamReport(run.n_tasks, run.n_resumed, run.n_bytes, round(seconds, 3))
    size = run.bytes_written
    if size is None:
        size = size_of(job.destination)
    n_damaged = sum(getattr(source, "n_damaged", 0) for source in sources)
    return ConvertReport(job.destination, spec, streamed, size, notes=notes, n_damaged=n_damaged)


class _Run:
    """One run over a sink's tasks: which were there before, what was read, what is told."""

    def __init__(self, sink: ImageSink, specs: list[ImageSpec], progress: Progress | None) -> None:
        self._sink, self._specs, self._progress = sink, specs, progress
        self._costs = [task.n_bytes for task in sink.tasks]
        self.n_tasks, self._total = len(self._costs), sum(self._costs)
        was_done = [sink.is_done(n) for n in range(self.n_tasks)]
        self.n_resumed = sum(was_done)
        self._before = sum(c for c, is_done in zip(self._costs, was_done, strict=True) if is_done)
        self.n_bytes = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the destination has to say: a block size that was rounded."""
        told = getattr(self._sink, "notes", None)
        return told() if told is not None else ()

    @property
    def bytes_written(self) -> int | None:
        """What the destination counts itself: pictures lie among other files."""
        return getattr(self._sink, "bytes_written", None)

    def everything(self, job: ImageJob, sources: list[ImageSource]) -> None:
        """Do all that is left, with whatever the options name."""
        if job.options.dask:
            from pyramidion.workflows._dask import run_on_dask

            run_on_dask(job, self._sink, self.done)
        elif job.options.processes:
            run_on_processes(job, self._sink, self.done)
        else:
            meter = Meter(self._specs, self._tell)
            reads: list[Callable[..., object]] = [source.read for source in sources]
            run_on_threads(self._sink, reads, job.options.workers, meter, lambda _: None)

    def done(self, task: int) -> None:
        """Count a finished task, where its reads are not counted themselves."""
        self._tell(self.n_bytes + self._costs[task])

    def _tell(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        if self._progress is not None:
            self._progress(min(self._before + n_bytes, self._total), self._total)


def _checked_format(source: Path, destination: Path, options: ConvertOptions) -> Format:
    written = format_of_destination(destination, "image")
    if written.name == "idx" and options.arco and not (options.overwrite or options.resume):
        _check_block_size(destination, options.arco)
    if written.name == "image-stack":  # pictures go into a folder that may hold others
        folder = _folder_of(destination, written)
        check_pictures_apart(destination, folder, source)
        check_parent(folder, parents=options.parents)
    else:
        check_destination(
            destination,
            source,
            written,
            overwrite=options.overwrite,
            resume=options.resume,
            parents=options.parents,
        )
    return written


def _folder_of(destination: Path, written: Format) -> Path:
    """Return what is written as one: the destination, or the folder that pictures go into."""
    if written.name != "image-stack":
        return destination
    from pyramidion.formats._images.template import picture_folder

    return picture_folder(destination)


def _check_block_size(destination: Path, arco: int) -> None:
    """Say that a dataset which is there has other blocks: it is not re-blocked in place.

    Raises
    ------
    UsageError
        If there is one.
    """
    if not destination.is_file():
        return
    with open_image(destination) as there:
        kept = getattr(there, "details", {}).get("block_bytes", arco)
    if kept != arco:
        raise UsageError(
            str(destination),
            f"has {_binary(kept)} blocks, {_binary(arco)} asked",
            mend="other name or --overwrite",
            id="PYR-CPY-01",
        )


def _binary(n_bytes: int) -> str:
    """Write a block size as people give it: ``64 KiB``."""
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if n_bytes >= size:
            return f"{n_bytes / size:g} {unit}"
    return f"{n_bytes} B"


def _peak_bytes(specs: list[ImageSpec], options: ConvertOptions) -> int:
    """Estimate the peak: the program itself, and per worker a slab and what is made of it."""
    slab = min(max(spec.n_bytes for spec in specs), _SLAB_BYTES)
    return _PROGRAM_BYTES + n_workers(options.workers) * slab * 3 // 2


def _estimated_bytes(specs: list[ImageSpec], options: ConvertOptions) -> int:
    n_bytes = sum(spec.n_bytes for spec in specs)
    is_raw = options.compression in ("none", "raw")
    return int(n_bytes * (1.0 if is_raw else COMPRESSED_SHARE))
