"""A small picture of an image, and the range of values that shows it well.

It is the middle plane of the middle time, of the coarsest level that is large enough.
"""

from __future__ import annotations

import numpy as np

from pyramidion.server._errors import TooLargeError
from pyramidion.server._image_view import ImageView
from pyramidion.server._planes import MAX_ELEMENTS_DECODED, Lattice

MAX_SIDE = 256
_PERCENTILES = (1.0, 99.8)

Window = tuple[float, float]


def preview(view: ImageView, n_channels: int) -> np.ndarray:
    """Return a small picture of an image.

    Parameters
    ----------
    view : ImageView
        The image.
    n_channels : int
        How many of its channels.

    Returns
    -------
    ndarray, shape (channels, rows, columns)
        At most 256 rows and columns.

    Raises
    ------
    TooLargeError
        If too much of the source would have to be decoded for it.
    PyramidionError
        If the source cannot be read.
    """
    large_enough = [level for level in view.levels if max(level.shape[3:]) >= MAX_SIDE // 2]
    level = (large_enough or view.levels[:1])[-1]
    t, _, z, y, x = level.shape
    further = -(-max(y, x) // MAX_SIDE)
    step = (1, 1, 1, further, further)
    lattice = Lattice(
        (t // 2, 0, z // 2 * level.step[2], 0, 0),
        (1, n_channels, 1, -(-y // further), -(-x // further)),
        tuple(a * b for a, b in zip(level.step, step, strict=True)),
    )
    cost = view.sampler.cost(lattice, level.base)
    if cost > MAX_ELEMENTS_DECODED:
        raise TooLargeError("too large for a picture", cost, id="PYR-HTTP-12")
    planes: np.ndarray = view.sampler.read(lattice, level.base)[0, :, 0]
    return planes


def window_of(values: np.ndarray) -> Window | None:
    """Return the 1st and the 99.8th percentile; None where all values are the same.

    Examples
    --------
    >>> window_of(np.arange(1001.0))
    (10.0, 998.0)
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = (float(value) for value in np.percentile(finite, _PERCENTILES))
    if low == high:  # a few bright points on nothing
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if low < high else None


def to_bytes(values: np.ndarray, window: Window | None) -> np.ndarray:
    """Return values as uint8, with the ends of a window at 0 and 255; NaN is 0.

    Examples
    --------
    >>> to_bytes(np.array([0, 5, 10, 20]), (0, 10)).tolist()
    [0, 128, 255, 255]
    """
    low, high = window or (0.0, 1.0)
    scaled = (np.nan_to_num(values.astype(np.float64), nan=low) - low) / (high - low)
    shown: np.ndarray = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return shown
