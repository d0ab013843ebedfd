"""What differs between a dataset, its overviews and its source, one line each."""

from __future__ import annotations

import numpy as np

from pyramidion.core import Box, DamagedError, MissingError, WaveformSource
from pyramidion.formats import Overview, WaveformStore
from pyramidion.pyramid import PyramidPlan

Numbers = np.ndarray | float | None

_NUMBERS = (
    "interval",
    "offset",
    "gains",
    "offsets",
    "trigger_times",
    "trigger_offsets",
    "clip_codes",
)


def check_levels(store: WaveformStore) -> list[str]:
    """Name the levels that a store of ours should have and has not, or the reverse."""
    found = [overview.factor for overview in store.overviews]
    if store.zarr_format == 2:
        return [] if found else [f"{store.path}/overview/0: missing"]
    planned = list(PyramidPlan.for_record(store.spec.shape[-1]).factors)
    if not store.is_ours or found == planned:
        return []
    return [f"{store.path}/overview: levels of {found} samples a bin, {planned} expected"]


def are_identical(a: np.ndarray, b: np.ndarray) -> bool:
    """Compare bit by bit: -0.0 is not 0.0, and a NaN is the same NaN."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    equal = a == b
    if a.dtype.kind == "f":
        equal |= np.isnan(a) & np.isnan(b)
    return bool(equal.all())


def place_of(box: Box) -> str:
    """Name a region's trace for people."""
    return f"channel {box.start[0]}, trc {box.start[1]}, segment {box.start[2]}"


def compare_overview(overview: Overview, region: Box, bins: np.ndarray) -> list[str]:
    """Return how stored bins differ from the bins of the samples."""
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
        faults.append(f"{overview.array.key}: the last samples are in no bin ({place_of(region)})")
    expected = bins[..., : stop - first].reshape(stored.shape)
    if not _same(stored, expected):
        where = np.argwhere(
            ~((stored == expected) | ((stored != stored) & (expected != expected)))
        )[0]
        faults.append(
            f"{overview.array.key}: bin {first + int(where[-1])} of {place_of(region)} is not the "
            f"{('minimum', 'maximum')[int(where[-2])]} of its {overview.factor} samples"
        )
    return faults


def compare_specs(opened: WaveformSource, source: WaveformSource) -> list[str]:
    """Name what differs in shape, type, times and gains."""
    faults = []
    a, b = opened.spec, source.spec
    if a.shape != b.shape:
        faults.append(f"shape {a.shape} differs from the source's {b.shape}")
    if a.dtype != b.dtype:
        faults.append(f"type {a.dtype} differs from the source's {b.dtype}")
    faults += [
        f"{name} {getattr(a, name)} differs from the source's {getattr(b, name)}"
        for name in ("unit", "time_unit", "start_time")
        if getattr(a, name) != getattr(b, name)
    ]
    faults += [
        f"{name} differs from the source's"
        for name in _NUMBERS
        if not _same_numbers(getattr(a, name), getattr(b, name), _slack(name, b.interval))
    ]
    return faults


def _slack(name: str, interval: float) -> float:
    """Return by how much a number may differ: positions in time carry the rounding of sums."""
    return 1e-6 * interval if name in ("offset", "trigger_offsets") else 0.0


def _same_numbers(mine: Numbers, theirs: Numbers, slack: float) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    if np.shape(mine) != np.shape(theirs):
        return False
    return np.allclose(mine, theirs, rtol=0, atol=slack, equal_nan=True)
