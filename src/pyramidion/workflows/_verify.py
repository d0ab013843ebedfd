"""Prove a dataset: every chunk decodes, every overview value is the extreme of its samples.

The work is cut so that no bin of any level straddles two tasks: a task is a multiple of the
coarsest level's bin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pyramidion.core import Box, DamagedError, MissingError, PyramidionError, WaveformSource
from pyramidion.formats import (
    OpenOptions,
    Overview,
    WaveformStore,
    check_seal,
    format_of_source,
    is_at_hand,
    is_recording,
    kind_of_source,
    open_source,
)
from pyramidion.pyramid import PyramidBuilder
from pyramidion.storage import RemotePath
from pyramidion.workflows._compare import (
    are_identical,
    check_levels,
    compare_overview,
    compare_specs,
    place_of,
)
from pyramidion.workflows._crop import CroppedWaveform, source_samples
from pyramidion.workflows._fetch import at_hand
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._verify_image import verify_image
from pyramidion.workflows._verify_recording import verify_recording
from pyramidion.workflows._verify_report import VerifyReport
from pyramidion.workflows._verify_stored import compare_listing, verify_files

BLOCK_SAMPLES = 2**20
TASK_SAMPLES = 2**24


def verify(
    dataset: Path,
    against: Path | None = None,
    options: OpenOptions | None = None,
    *,
    kind: str = "",
    workers: int = 0,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check a dataset, and compare it with its source.

    Parameters
    ----------
    dataset : Path
        A store (samples and overviews are checked) or any readable waveform file.
    against : Path, optional
        What it was made from: samples, times and gains must be the same.
    options : OpenOptions, optional
        How to open `against`.
    kind : str
        ``waveform`` or ``image``, where the dataset may be either; empty to find out.
    workers : int
        Threads; 0 for one per core.
    progress : callable, optional
        Told bytes checked, and in all.

    Returns
    -------
    VerifyReport
        With its faults; an unsound dataset is not an exception.

    Raises
    ------
    PyramidionError
        If one of both cannot be opened at all.
    """
    if against is not None and not is_at_hand(against):
        with at_hand(against) as fetched:
            return verify(dataset, fetched, options, kind=kind, workers=workers, progress=progress)
    if isinstance(dataset, RemotePath) and against is None:
        return _verify_stored(dataset, options, kind, workers, progress)
    return _verify(dataset, against, options, kind, workers, progress)


def _verify_stored(
    dataset: RemotePath,
    options: OpenOptions | None,
    kind: str,
    workers: int,
    progress: Progress | None,
) -> VerifyReport:
    """Check a dataset of a store, and that all was sent is there; other files by their checksums."""
    try:
        with at_hand(dataset) as path:
            report = _verify(path, None, options, kind, workers, progress)
    except PyramidionError:
        # A dataset that does not open is not sound, however whole it arrived.
        found = verify_files(dataset, progress)
        if found is None or (not found.faults and _is_dataset(dataset)):
            raise
        return found
    report.dataset = dataset
    faults, notes = compare_listing(dataset)
    report.faults += [fault for fault in faults if fault not in report.faults]
    report.notes += notes
    return report


def _is_dataset(path: Path) -> bool:
    """Tell whether a format knows it by its name or its first bytes."""
    try:
        format_of_source(path)
    except PyramidionError:
        return False
    return True


def _verify(
    dataset: Path,
    against: Path | None,
    options: OpenOptions | None,
    kind: str,
    workers: int,
    progress: Progress | None,
) -> VerifyReport:
    if not kind:  # what is compared decides for a file that may be both
        kind = "image" if "image" in map(kind_of_source, filter(None, (dataset, against))) else ""
    if kind == "image":
        options = options or OpenOptions()
        if is_recording(dataset):
            return verify_recording(dataset, against, options, workers=workers, progress=progress)
        return verify_image(dataset, against, options, workers=workers, progress=progress)
    report = VerifyReport(dataset)
    with open_source(dataset) as opened:
        if against is None:
            _run(opened, None, report, workers, progress)
            return report
        report.against = str(against)
        with _source_of(opened, against, options or OpenOptions()) as source:
            report.faults += compare_specs(opened, source)
            same = opened.spec.shape == source.spec.shape
            _run(opened, source if same else None, report, workers, progress)
    return report


def _source_of(opened: WaveformSource, against: Path, options: OpenOptions) -> WaveformSource:
    """Open the source, cut to the samples that the dataset holds of it."""
    source = open_source(against, options)
    kept = source_samples(opened.spec)
    begin = (source_samples(source.spec) or (0, 0))[0]
    if kept is None or opened.spec.shape[-1] == source.spec.shape[-1]:
        return source
    first, last = kept[0] - begin, kept[1] - begin
    if not 0 <= first <= last < source.spec.shape[-1]:
        return source
    return CroppedWaveform(source, first, last)


def _run(
    opened: WaveformSource,
    source: WaveformSource | None,
    report: VerifyReport,
    workers: int,
    progress: Progress | None,
) -> None:
    overviews: list[Overview] = []
    if isinstance(opened, WaveformStore):
        overviews = opened.overviews
        report.checksums = opened.zarr_format == 3
        report.faults += check_seal(opened) + check_levels(opened)
        report.levels = [overview.factor for overview in overviews]
    checker = _Checker(opened, source, overviews)
    total = opened.spec.n_bytes
    tasks = _tasks(opened, overviews)
    for _, (n_samples, n_bins, faults) in in_order(checker.check, tasks, n_workers(workers)):
        report.samples += n_samples
        report.bins += n_bins
        report.faults += [fault for fault in faults if fault not in report.faults[-100:]]
        if progress is not None:
            progress(report.samples * opened.spec.dtype.itemsize, total)


def _tasks(opened: WaveformSource, overviews: list[Overview]) -> Iterator[Box]:
    """Cut the samples into regions that no overview bin straddles."""
    shape = opened.spec.shape
    coarsest = max((overview.factor for overview in overviews), default=1)
    step = coarsest * max(1, TASK_SAMPLES // coarsest)
    # As many whole short segments as a block holds; bins never span segments.
    room = max(1, BLOCK_SAMPLES // shape[-1])
    segments = min(shape[2], room)
    trcs = min(shape[1], room // segments) if segments == shape[2] else 1
    lead = (1, trcs, segments)
    grids = [range(0, n, c) for n, c in zip(shape, (*lead, step), strict=True)]
    for start in itertools.product(*grids):
        stop = tuple(a + c for a, c in zip(start, (*lead, step), strict=True))
        yield Box(start, stop).clipped(shape)


class _Checker:
    """Checks one region after another; shared by the threads."""

    def __init__(
        self, opened: WaveformSource, source: WaveformSource | None, overviews: list[Overview]
    ) -> None:
        self._opened, self._source, self._overviews = opened, source, overviews

    def check(self, region: Box) -> tuple[int, int, list[str]]:
        """Return samples decoded, bins compared, and faults."""
        factors = [overview.factor for overview in self._overviews]
        builder = PyramidBuilder(factors) if factors else None
        pieces: list[list[np.ndarray]] = [[] for _ in factors]
        faults: list[str] = []
        n_samples = 0
        for box in _blocks(region):
            values, damaged = self._read(box)
            faults += damaged
            if values is None:
                builder = None  # the bins of damaged samples cannot be computed
                continue
            n_samples += box.size
            faults += self._compare_source(box, values)
            if builder is not None:
                for made in builder.push(values):
                    pieces[made.level].append(made.values)
        if builder is None:
            return n_samples, 0, faults
        for made in builder.finish():
            pieces[made.level].append(made.values)
        n_bins = 0
        for overview, parts in zip(self._overviews, pieces, strict=True):
            bins = np.concatenate(parts, axis=-1)
            n_bins += bins.size
            faults += compare_overview(overview, region, bins)
        return n_samples, n_bins, faults

    def _read(self, box: Box) -> tuple[np.ndarray | None, list[str]]:
        try:
            return self._opened.read(box), []
        except (DamagedError, MissingError) as first:
            chunk = self._opened.raw.chunk[-1] if isinstance(self._opened, WaveformStore) else 0
            faults = [first.line]
            # One read stops at its first damaged chunk; the others are named too.
            for start in range(box.start[-1], box.stop[-1], chunk or box.shape[-1]):
                stop = min(start + (chunk or box.shape[-1]), box.stop[-1])
                try:
                    self._opened.read(Box((*box.start[:3], start), (*box.stop[:3], stop)))
                except (DamagedError, MissingError) as error:
                    if error.line not in faults:
                        faults.append(error.line)
            return None, faults

    def _compare_source(self, box: Box, values: np.ndarray) -> list[str]:
        if self._source is None:
            return []
        try:
            expected = self._source.read(box)
        except PyramidionError as error:
            return [error.line]
        if are_identical(values, expected):
            return []
        return [
            f"samples {box.start[-1]} to {box.stop[-1] - 1} of {place_of(box)} differ from the source"
        ]


def _blocks(region: Box) -> Iterator[Box]:
    for start in range(region.start[-1], region.stop[-1], BLOCK_SAMPLES):
        stop = min(start + BLOCK_SAMPLES, region.stop[-1])
        yield Box((*region.start[:3], start), (*region.stop[:3], stop))
