"""The columns that the page draws, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_columns(columns: dict[str, Any], samples: np.ndarray, every: int = 1) -> int:
    """Check that each column is exactly the minimum and maximum of its samples.

    Parameters
    ----------
    columns : dict
        What ``__pyramidion.columns()`` answers for a complete picture.
    samples : ndarray, shape (samples,)
        All codes of the record.
    every : int
        Look at each column of this many.

    Returns
    -------
    int
        How many columns were compared.
    """
    assert columns["complete"]
    width, edges = columns["width"], columns["edges"]
    a, b = columns["samples"]
    nominal = np.linspace(a, b, width + 1)
    exact = edges is not None
    bin_ = columns["samplesPerBin"]
    if exact:
        check_edges(np.array(edges), nominal, bin_, len(samples))
    seen = 0
    for x in range(0, width, every):
        low, high = columns["lo"][x], columns["hi"][x]
        if exact:
            inside = samples[int(edges[x]) : int(edges[x + 1])]
        else:
            # Bins wider than columns are drawn over all that they cover.
            first = max(0, int(np.ceil(nominal[x]) // bin_ * bin_))
            inside = samples[first : max(first, int(np.ceil(nominal[x + 1]) // bin_ + 1) * bin_)]
        inside = inside[~np.isnan(inside)]
        if inside.size == 0 or low is None:
            assert low is None or not exact
            continue
        seen += 1
        if exact:
            assert (low, high) == (inside.min(), inside.max()), x
        else:
            assert inside.min() <= low <= high <= inside.max(), x
    return seen


def check_edges(edges: np.ndarray, nominal: np.ndarray, bin_: int, n_samples: int) -> None:
    """Check that the columns share out the samples of the window, each within half a pixel."""
    width = len(edges) - 1
    first, end = max(0, np.ceil(nominal[0])), min(n_samples, np.ceil(nominal[-1]))
    assert edges[0] <= first
    assert edges[-1] >= end
    assert (np.diff(edges) >= 0).all()
    inner = (edges > first) & (edges < end)
    inner[[0, width]] = False
    # An edge lies between two samples, half a bin beside its place at most.
    assert (np.abs(edges[inner] - 0.5 - nominal[inner]) <= bin_ / 2 + 0.5).all()
