"""What numpy says of a stretch of a waveform, and what a page printed: the reference for its measurements."""

from __future__ import annotations

import itertools
import re

import numpy as np

POWERS = {"a": -18, "f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}


def levels(v: np.ndarray) -> tuple[float, float]:
    """The lower and the upper state of codes by the histogram of 100 bins, as the page describes it."""
    low, high = v.min(), v.max()
    bins = np.minimum(99, np.floor((v - low) * (100 / (high - low))).astype(int))
    counts = np.bincount(bins, minlength=100)
    sums = np.bincount(bins, v - low, minlength=100)
    lower, upper = int(np.argmax(counts[:50])), 99 - int(np.argmax(counts[:49:-1]))
    base, top = (low + sums[b] / counts[b] for b in (lower, upper))
    plain = counts[lower] / counts[:50].sum() < 0.1 or counts[upper] / counts[50:].sum() < 0.1
    return (low, high) if plain or top - base < (high - low) / 3 else (base, top)


def instants(v: np.ndarray, level: float, *, up: bool) -> np.ndarray:
    """Where a stretch crosses a level in one direction, in samples, interpolated."""
    a, b = (v[:-1], v[1:]) if up else (-v[:-1], -v[1:])
    aim = level if up else -level
    at = np.flatnonzero((a < aim) & (b >= aim))
    return at + (aim - a[at]) / (b[at] - a[at])


def crossings(v: np.ndarray) -> tuple[list[float], list[float]]:
    """Rising and falling crossings of 50 % of a stretch scaled to 0 .. 1, with hysteresis."""
    state = np.where(v >= 0.6, 1, np.where(v <= 0.4, -1, 0))
    known = np.flatnonzero(state)
    turns = np.flatnonzero(np.diff(state[known]))
    found: tuple[list[float], list[float]] = ([], [])
    for before, after in zip(known[turns], known[turns + 1], strict=True):
        up = bool(state[after] > 0)
        first = instants(v[before : after + 1], 0.5, up=up)[0]
        found[0 if up else 1].append(before + first)
    return found


def transitions(v: np.ndarray, *, up: bool) -> list[float]:
    """Durations from the last crossing of the first level to the next one of the second."""
    first, last = (0.1, 0.9) if up else (0.9, 0.1)
    begins, ends = instants(v, first, up=up), instants(v, last, up=up)
    spans, used = [], -1.0
    for end in ends:
        before = begins[(begins <= end) & (begins > used)]
        if len(before):
            spans.append(end - before[-1])
        used = end
    return spans


def numpy_says(
    codes: np.ndarray, interval: float, gain: float = 1.0, offset: float = 0.0
) -> dict[str, float]:
    """All measurements of a stretch of codes; NaN interrupt it."""
    values = codes * gain - offset
    good = values[~np.isnan(values)]
    base, top = sorted(
        level * gain - offset for level in levels(codes[~np.isnan(values)].astype(float))
    )
    scaled = (values - base) / (top - base)
    edges = np.flatnonzero(np.isnan(values))
    runs = [r[~np.isnan(r)] for r in np.split(scaled, edges)]
    cycles: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    rises: list[float] = []
    falls: list[float] = []
    for run in runs:
        if len(run) < 2:
            continue
        up, down = crossings(run)
        for rising, same, other in ((True, up, down), (False, down, up)):
            for p, q in itertools.pairwise(same):
                middle = next(m for m in other if p < m < q)
                cycles[rising].append((q - p, middle - p if rising else q - middle))
        rises += transitions(run, up=True)
        falls += transitions(run, up=False)
    chosen = cycles[True] if len(cycles[True]) >= len(cycles[False]) else cycles[False]
    total = sum(period for period, _ in chosen)
    period = total / len(chosen) * interval if chosen else np.nan
    return {
        "min": good.min(), "max": good.max(), "peak-to-peak": good.max() - good.min(),
        "mean": good.mean(), "rms": np.sqrt(np.mean(good**2)), "deviation": good.std(), "base": base, "top": top,
        "cycles": len(chosen), "period": period, "frequency": 1 / period,
        "duty": sum(high for _, high in chosen) / total if chosen else np.nan,
        "rise": np.mean(rises) * interval if rises else np.nan, "rises": len(rises),
        "fall": np.mean(falls) * interval if falls else np.nan, "falls": len(falls),
    }  # fmt: skip


def tidy(text: str) -> str:
    return text.replace("\u202f", "").replace("\u2212", "-").strip()


def printed(text: str, unit: str) -> tuple[float, float]:
    """A printed number in base units, and the value of its last digit."""
    found = re.fullmatch(rf"(-?)(\d+)(?:\.(\d+))? ?([afpnµmkMG]?){re.escape(unit)}", tidy(text))
    if found is None:
        found = re.fullmatch(
            r"(-?)(\d+)(?:\.(\d+))? ?(?:\u00d710([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?: .*)?", tidy(text)
        )
        assert found, text
        sup = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
        power = int((found[4] or "0").translate(sup))
    else:
        power = POWERS[found[4]]
    decimals = len(found[3] or "")
    return float(f"{found[1]}{found[2]}.{found[3] or 0}e{power}"), 10.0 ** (power - decimals)


def assert_printed(text: str, expected: float, unit: str) -> None:
    if np.isnan(expected):
        assert text == "—"
        return
    value, last = printed(text, unit)
    assert abs(value - expected) <= 0.5000001 * last + abs(expected) * 1e-12, (text, expected)
