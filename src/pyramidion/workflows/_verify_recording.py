"""Prove a recording: every chunk of every level, what stands beside its pixels, and its counts."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

from pyramidion.formats import OpenOptions, image_faults, open_image
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._verify_image import verify_image
from pyramidion.workflows._verify_report import VerifyReport


def verify_recording(
    dataset: Path,
    against: Path | None,
    options: OpenOptions,
    *,
    workers: int,
    progress: Progress | None,
) -> VerifyReport:
    """Check a recording, and compare it with another image; see :func:`verify`."""
    from pyramidion.formats._recording.verify import verify_recording as check

    checked = check(dataset, partial(in_order, workers=n_workers(workers)), progress)
    report = VerifyReport(dataset, kind="recording", samples=checked.n_elements)
    report.checksums = checked.has_checksums
    report.faults, report.notes = checked.faults, checked.notes
    if report.faults or not checked.n_frames:
        return report
    if against is not None:
        compared = verify_image(dataset, against, options, workers=workers, progress=None)
        report.faults += compared.faults
        report.against = compared.against
        report.levels, report.bins = compared.levels, compared.bins
        return report
    with open_image(dataset) as opened:
        report.faults += image_faults(opened)
        report.levels = [round(max(level.factors)) for level in opened.levels[1:]]
        report.bins = sum(math.prod(level.shape) for level in opened.levels[1:])
    return report
