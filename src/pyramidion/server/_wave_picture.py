"""A small picture of a waveform: its envelope, from the coarsest overview, or one chunk of samples.

A drawing (SVG) without a background, so that it suits a light page and a dark one; its colours
follow the page's theme. The envelope is exact: no column hides an extreme.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyramidion.core import Box
from pyramidion.formats import WaveformStore
from pyramidion.kernels import bin_count
from pyramidion.server._errors import TooLargeError

WIDTH, HEIGHT = 192, 108
MAX_LANES = 4
_MAX_ELEMENTS = 2**22
"""Elements that are decoded for a picture at most."""
_FEW_SAMPLES = 2**16
"""A record this short is one chunk: the samples show more than a few bins of them."""
_MARGIN = 6.0
_GAP = 5.0
_LIGHT = ("#0072b2", "#d55e00", "#008563", "#b8588f")
_DARK = ("#56b4e9", "#f0803c", "#2bc79a", "#de95c0")

Envelope = tuple[np.ndarray, np.ndarray]


def wave_picture(path: Path) -> bytes:
    """Return the drawing of a store: the first segment of its first channels.

    Parameters
    ----------
    path : Path
        The store.

    Raises
    ------
    TooLargeError
        If it has no overview, and too many samples to be read for a picture.
    PyramidionError
        If it cannot be read.
    """
    with WaveformStore(path) as store:
        n_lanes = min(store.spec.shape[0], MAX_LANES)
        return draw([_envelope(store, channel) for channel in range(n_lanes)])


def draw(lanes: Sequence[Envelope]) -> bytes:
    """Draw envelopes one above another, each over its own range.

    Parameters
    ----------
    lanes : sequence of (lowest, highest)
        Two arrays of any length each; what is not finite is left out.
    """
    height = (HEIGHT - 2 * _MARGIN - _GAP * (len(lanes) - 1)) / max(1, len(lanes))
    paths = []
    for number, lane in enumerate(lanes):
        top = _MARGIN + number * (height + _GAP)
        paths.append(f'<path class="c{number}" d="{_outline(*columns(*lane), top, height)}"/>')
    body = "".join(paths)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><style>{_style()}</style>{body}</svg>'
    ).encode()


def columns(low: np.ndarray, high: np.ndarray) -> Envelope:
    """Return the envelope of at most :data:`WIDTH` columns; every value is in one of them.

    Examples
    --------
    >>> low, high = columns(np.arange(1000), np.arange(1000))
    >>> int(low[0]), int(high[-1]), low.size
    (0, 999, 192)
    """
    n_columns = min(WIDTH, low.size)
    first = np.arange(n_columns) * low.size // n_columns
    return np.fmin.reduceat(low, first), np.fmax.reduceat(high, first)


def _envelope(store: WaveformStore, channel: int) -> Envelope:
    """Return minima and maxima of the first segment of a channel, in float64."""
    if not store.overviews or store.spec.shape[-1] <= _FEW_SAMPLES:
        return _from_samples(store, channel)
    array = store.overviews[-1].array
    at = (channel, 0, 0)[3 - (len(array.shape) - 2) :]
    n_bins = array.shape[-1]
    if n_bins > _MAX_ELEMENTS:
        raise TooLargeError("too large for a picture", n_bins, id="PYR-HTTP-12")
    box = Box((*at, 0, 0), (*(index + 1 for index in at), 2, n_bins))
    low, high = array.reader.read(box).reshape(2, n_bins).astype(np.float64)
    if not store.overviews[-1].whole:  # an old store dropped the end: it is not in the picture
        missing = bin_count(store.spec.shape[-1], store.overviews[-1].factor) - n_bins
        low, high = (np.append(values, [np.nan] * max(0, missing)) for values in (low, high))
    return low, high


def _from_samples(store: WaveformStore, channel: int) -> Envelope:
    n_samples = store.spec.shape[-1]
    if n_samples > _MAX_ELEMENTS:
        raise TooLargeError("too large for a picture", n_samples, id="PYR-HTTP-12")
    box = Box((channel, 0, 0, 0), (channel + 1, 1, 1, n_samples))
    samples = store.read(box).reshape(-1).astype(np.float64)
    return samples, samples


def _outline(low: np.ndarray, high: np.ndarray, top: float, height: float) -> str:
    """Return the area between two curves as the data of a path, a piece for each gap."""
    finite = np.isfinite(low) & np.isfinite(high)
    if not finite.any():
        return ""
    bottom, highest = float(low[finite].min()), float(high[finite].max())
    x = np.linspace(0, WIDTH, low.size) if low.size > 1 else np.array([WIDTH / 2])
    y_high, y_low = (
        top + height * _from_top(np.where(finite, values, bottom), bottom, highest)
        for values in (high, low)
    )
    pieces = []
    for piece in np.split(np.arange(low.size), np.flatnonzero(np.diff(finite)) + 1):
        if finite[piece[0]]:
            there = [f"{x[k]:.1f} {y_high[k]:.1f}" for k in piece]
            back = [f"{x[k]:.1f} {y_low[k]:.1f}" for k in piece[::-1]]
            pieces.append(f"M{'L'.join(there + back)}Z")
    return "".join(pieces)


def _from_top(values: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """Return 0 for the highest value to 1 for the lowest; a constant lies in the middle."""
    if lowest == highest:
        return np.full(values.shape, 0.5)
    # Halves: the span of float64 values may be infinite.
    place: np.ndarray = np.clip((highest / 2 - values / 2) / (highest / 2 - lowest / 2), 0, 1)
    return place


def _style() -> str:
    shared = "path{stroke-width:1.2;stroke-linejoin:round}"
    return f"{shared}{_colours(_LIGHT)}@media(prefers-color-scheme:dark){{{_colours(_DARK)}}}"


def _colours(colours: Sequence[str]) -> str:
    return "".join(f".c{k}{{fill:{c};stroke:{c}}}" for k, c in enumerate(colours))
