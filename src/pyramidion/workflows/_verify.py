"""Prove a dataset: every chunk decodes, every overview value is the extreme of its samples.

The work is cut so that no bin of any level straddles two tasks: a task is a multiple of the
coarsest level's bin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, DamagedError, MissingError, PyramidionError, WaveformSource
from pyramidion.formats import (
    OpenOptions,
    Overview,
    WaveformStore,
    check_seal,
    open_source,
)
from pyramidion.pyramid import PyramidBuilder
from pyramidion.workflows._convert import n_workers
from pyramidion.workflows._crop import CroppedWaveform
from pyramidion.workflows._stream import Progress

BLOCK_SAMPLES = 2**20
TASK_SAMPLES = 2**24
SHOWN_FAULTS = 8


@dataclass
class VerifyReport:
    """What a check found.

    Parameters
    ----------
    dataset : Path
        What was checked.
    samples, bins : int
        Samples decoded, and overview values compared.
    levels : list of int
        Samples per bin of each overview level, finest first.
    against : str or None
        The source that was compared.
    faults : list of str
        One line each; empty when all is well.
    """

    dataset: Path
    samples: int = 0
    bins: int = 0
    levels: list[int] = field(default_factory=list)
    against: str | None = None
    faults: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": str(self.dataset),
            "sound": not self.faults,
            "samples": self.samples,
            "bins": self.bins,
            "levels": self.levels,
            "against": self.against,
            "n_faults": len(self.faults),
            "faults": self.faults[:SHOWN_FAULTS],
        }


def verify(
    dataset: Path,
    against: Path | None = None,
    options: OpenOptions | None = None,
    *,
    workers: int = 0,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check a waveform dataset, and compare it with its source.

    Parameters
    ----------
    dataset : Path
        A store (samples and overviews are checked) or any readable waveform file.
    against : Path, optional
        What it was made from: samples, times and gains must be the same.
    options : OpenOptions, optional
        How to open `against`.
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
    report = VerifyReport(dataset)
    with open_source(dataset) as opened:
        if against is None:
            _run(opened, None, report, workers, progress)
            return report
        report.against = str(against)
        with _source_of(opened, against, options or OpenOptions()) as source:
            report.faults += _compare_specs(opened, source)
            same = opened.spec.shape == source.spec.shape
            _run(opened, source if same else None, report, workers, progress)
    return report


def _source_of(opened: WaveformSource, against: Path, options: OpenOptions) -> WaveformSource:
    source = open_source(against, options)
    kept = opened.spec.attributes.get("source_samples")
    if kept and tuple(kept) != tuple(source.spec.attributes.get("source_samples", ())):
        return CroppedWaveform(source, int(kept[0]), int(kept[1]))
    return source


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
        report.faults += check_seal(opened)
        report.levels = [overview.factor for overview in overviews]
    checker = _Checker(opened, source, overviews)
    total = opened.spec.n_bytes
    with ThreadPoolExecutor(n_workers(workers), thread_name_prefix="verify") as pool:
        for n_samples, n_bins, faults in pool.map(checker.check, _tasks(opened, overviews)):
            report.samples += n_samples
            report.bins += n_bins
            report.faults += faults
            if progress is not None:
                progress(report.samples * opened.spec.dtype.itemsize, total)


def _tasks(opened: WaveformSource, overviews: list[Overview]) -> Iterator[Box]:
    """Cut the samples into regions that no overview bin straddles."""
    shape = opened.spec.shape
    coarsest = max((overview.factor for overview in overviews), default=1)
    step = coarsest * max(1, TASK_SAMPLES // coarsest)
    chunk = opened.raw.chunk if isinstance(opened, WaveformStore) else (1, 1, 1, 1)
    lead = ((1,) * (4 - len(chunk)) + tuple(chunk))[:3]
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
            faults += _compare_overview(overview, region, bins)
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
        if expected.dtype == values.dtype and _same(values, expected):
            return []
        return [
            f"samples {box.start[-1]} to {box.stop[-1] - 1} of {_place(box)} differ from the source"
        ]


def _blocks(region: Box) -> Iterator[Box]:
    for start in range(region.start[-1], region.stop[-1], BLOCK_SAMPLES):
        stop = min(start + BLOCK_SAMPLES, region.stop[-1])
        yield Box((*region.start[:3], start), (*region.stop[:3], stop))


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    equal = a == b
    if a.dtype.kind == "f":
        equal |= np.isnan(a) & np.isnan(b)
    return bool(equal.all())


def _place(box: Box) -> str:
    return f"channel {box.start[0]}, trc {box.start[1]}, segment {box.start[2]}"


def _compare_overview(overview: Overview, region: Box, bins: np.ndarray) -> list[str]:
    first = region.start[-1] // overview.factor
    stop = min(first + bins.shape[-1], overview.array.shape[-1])
    lead = 3 - (5 - len(overview.array.shape))
    start = (*region.start[3 - lead : 3], 0, first)
    box = Box(start, (*region.stop[3 - lead : 3], 2, stop))
    try:
        stored = overview.array.reader.read(box)
    except (DamagedError, MissingError) as error:
        return [error.line]
    faults = []
    if not overview.whole and region.stop[-1] > overview.array.shape[-1] * overview.factor:
        faults.append(f"{overview.array.key}: the last samples are in no bin ({_place(region)})")
    expected = bins[..., : stop - first].reshape(stored.shape)
    if not _same(stored, expected):
        where = np.argwhere(
            ~((stored == expected) | ((stored != stored) & (expected != expected)))
        )[0]
        faults.append(
            f"{overview.array.key}: bin {first + int(where[-1])} of {_place(region)} is not the "
            f"{('minimum', 'maximum')[int(where[-2])]} of its {overview.factor} samples"
        )
    return faults


def _compare_specs(opened: WaveformSource, source: WaveformSource) -> list[str]:
    """Name what differs in shape, type, times and gains."""
    faults = []
    a, b = opened.spec, source.spec
    if a.shape != b.shape:
        faults.append(f"shape {a.shape} differs from the source's {b.shape}")
    if a.dtype != b.dtype:
        faults.append(f"type {a.dtype} differs from the source's {b.dtype}")
    for name in ("interval", "offset", "gains", "offsets", "trigger_times", "trigger_offsets"):
        mine, theirs = getattr(a, name), getattr(b, name)
        if (mine is None) != (theirs is None) or (
            mine is not None
            and (
                np.shape(mine) != np.shape(theirs)
                or not np.array_equal(
                    np.asarray(mine, float), np.asarray(theirs, float), equal_nan=True
                )
            )
        ):
            faults.append(f"{name} differs from the source's")
    return faults
