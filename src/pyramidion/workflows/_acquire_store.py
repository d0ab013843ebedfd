"""Recording to an object store: to this disk first, which never waits, and from there at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pyramidion.core import PyramidionError, StoppedError, format_bytes
from pyramidion.storage import RemotePath
from pyramidion.transfer import UploadOptions
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._acquire_report import AcquireReport
from pyramidion.workflows._outbox import Job, Outbox, send_by_hand


def acquire_to_store(
    out: RemotePath,
    address: str,
    options: AcquireOptions,
    record: Callable[[Path], AcquireReport],
    on_sending: Callable[[Path, int], None] | None = None,
) -> AcquireReport:
    """Record to the spool, send full shards meanwhile and the rest, with the metadata, at the end.

    Parameters
    ----------
    out : RemotePath
        The recording's URL.
    address : str
        The camera.
    options : AcquireOptions
        How it is recorded.
    record : callable
        ``record(path)``: record to a path of this disk.
    on_sending : callable, optional
        Called with that path and the bytes that are left, before they are sent.

    Returns
    -------
    AcquireReport
        If the store failed, its ``fault`` says so and where the recording lies, whole.
    """
    sending = UploadOptions(overwrite=options.recording.overwrite)
    job = Job(None, ("recording", address))
    resume = options.recording.resume
    with Outbox(out, job, sending, resume=resume, grows=True) as outbox:
        with outbox.following():
            report = record(outbox.local)
        if report.store is None:
            return report
        n_unsent = outbox.unsent_bytes()
        if on_sending is not None:
            on_sending(outbox.local, n_unsent)
        return _sent(outbox, report, n_unsent)


def _sent(outbox: Outbox, report: AcquireReport, n_unsent: int) -> AcquireReport:
    """Send what is left of a recording; return its report."""
    unsent = format_bytes(n_unsent)
    notes = (*report.notes, f"buffered in {outbox.local}; {unsent} were left to send at the end")
    kept = f"the recording is whole: {send_by_hand(outbox.local, outbox.destination)}"
    fault: PyramidionError
    try:
        outbox.publish()
    except KeyboardInterrupt as stop:
        fault = StoppedError("stopped", "while sending", kept, id="PYR-ALL-27")
        fault.__cause__ = stop
        return replace(report, fault=fault, notes=notes)
    except PyramidionError as error:
        fault = type(error)(error.where, error.what, error.value, kept, id=error.id)
        return replace(report, fault=report.fault or fault, notes=notes)
    found = report.fault
    if found is not None and found.where == str(outbox.local):
        there = str(outbox.destination)
        found = type(found)(there, found.what, found.value, found.mend, id=found.id)
        found.__cause__ = report.fault.__cause__ if report.fault else None
    return replace(report, store=outbox.destination, fault=found, notes=notes)
