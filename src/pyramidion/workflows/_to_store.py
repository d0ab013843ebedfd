"""Writing a dataset whose destination is in an object store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pyramidion.core import PyramidionError, StoppedError, UsageError
from pyramidion.formats import kind_of_source, open_image, open_source
from pyramidion.storage import RemotePath
from pyramidion.transfer import UploadOptions, UploadReport
from pyramidion.workflows._options import ConvertOptions, ConvertReport
from pyramidion.workflows._outbox import Job, Outbox
from pyramidion.workflows._stream import Progress, StreamReport

Write = Callable[[Path, ConvertOptions, Progress], ConvertReport]
"""``write(path, options, progress)``: write the dataset to a path of this disk."""


def to_store(
    destination: RemotePath,
    job: Job,
    options: ConvertOptions,
    write: Write,
    progress: Progress | None = None,
) -> ConvertReport:
    """Write a dataset to an object store.

    Parameters
    ----------
    destination : RemotePath
        Its URL.
    job : Job
        What is written; an interrupted run is resumed only with the same.
    options : ConvertOptions
        How.
    write : callable
        What writes it here.
    progress : callable, optional
        See :func:`stream`.

    Raises
    ------
    PyramidionError
        If anything is wrong; the store then has no dataset of this name, or the one it had.
    """
    if options.tasks or options.dask:
        raise UsageError(
            "--tasks" if options.tasks else "--dask",
            "cannot write to an object store",
            str(destination),
            "write to a folder that all machines see, then `pyramidion upload` it",
            id="PYR-UPL-20",
        )
    sending = UploadOptions(overwrite=options.overwrite)
    with Outbox(destination, job, sending, resume=options.resume) as outbox:
        try:
            report, sent = _write(outbox, options, write, progress)
        except PyramidionError as error:
            raise outbox.told(error) from error.__cause__
        except KeyboardInterrupt as stop:
            what = "what was written and sent is kept, go on with --resume"
            raise StoppedError("stopped", what, id="PYR-ALL-27") from stop
    notes = (f"{sent.retries} requests had to be repeated",) if sent.retries else ()
    return replace(
        report, destination=destination, bytes_written=sent.bytes_total, notes=report.notes + notes
    )


def _write(
    outbox: Outbox, options: ConvertOptions, write: Write, progress: Progress | None
) -> tuple[ConvertReport, UploadReport]:
    if outbox.is_written:  # only the sending was interrupted
        return _kept_report(outbox.dataset), outbox.publish(progress)
    local = replace(options, resume=outbox.is_begun, overwrite=False, parents=True, force=True)
    with outbox.following():
        report = write(outbox.local, local, outbox.paced(progress))
    return report, outbox.publish()


def _kept_report(local: Path) -> ConvertReport:
    """Return the report of a run that has written everything and could not send it."""
    opened = open_image(local) if kind_of_source(local) == "image" else open_source(local)
    with opened:
        return ConvertReport(local, opened.spec, StreamReport(0, 0, 0, 0.0), 0)
