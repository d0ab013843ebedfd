"""Colours for values, as a server gives them to clients that cannot colour by themselves."""

from __future__ import annotations

import numpy as np

# Anchors at equal distances from 0 to 1, joined by straight lines.
_ANCHORS: dict[str, tuple[str, ...]] = {
    "gray": ("000000", "FFFFFF"),
    "hot": ("000000", "FF0000", "FFFF00", "FFFFFF"),
    "cool": ("00FFFF", "FF00FF"),
    "jet": ("00007F", "0000FF", "00FFFF", "7FFF7F", "FFFF00", "FF0000", "7F0000"),
    "viridis": ("440154", "3B528B", "21918C", "5EC962", "FDE725"),
    "magma": ("000004", "51127C", "B73779", "FC8961", "FCFDBF"),
    "cividis": ("00224E", "434E6C", "7D7C78", "BCAF6F", "FEE838"),
}
_ALIASES = {"grey": "gray", "grayopaque": "gray", "greyopaque": "gray", "rich": "jet"}
NAMES = tuple(_ANCHORS)


def palette(name: str) -> np.ndarray | None:
    """Return the colours of a palette; None if there is none of this name.

    Returns
    -------
    ndarray, shape (256, 4), uint8
        Red, green, blue and alpha.
    """
    key = _ALIASES.get(name.lower(), name.lower())
    if key not in _ANCHORS:
        return None
    anchors = np.array([list(bytes.fromhex(text)) for text in _ANCHORS[key]], np.float64)
    places = np.linspace(0, 1, len(anchors))
    colours = np.full((256, 4), 255, np.uint8)
    for channel in range(3):
        line = np.interp(np.linspace(0, 1, 256), places, anchors[:, channel])
        colours[:, channel] = np.rint(line)
    return colours


def apply_palette(values: np.ndarray, colours: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colour values.

    Parameters
    ----------
    values : ndarray
        Any shape; NaN gets the first colour.
    colours : ndarray, shape (256, 4), uint8
        From :func:`palette`.
    low, high : float
        Values with the first and the last colour.

    Returns
    -------
    ndarray, shape (*values.shape, 4), uint8
    """
    span = high - low if high > low else 1.0
    place = np.nan_to_num((values.astype(np.float64) - low) / span, nan=0.0)
    shown: np.ndarray = colours[np.rint(np.clip(place, 0, 1) * 255).astype(np.uint8)]
    return shown
