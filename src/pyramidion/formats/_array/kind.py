"""Whether an array in a file that says little is a waveform or an image.

Both `.npy` and HDF5 hold either, so there is one rule, the first of these that decides (told to
users in ``docs/reference/arrays.md``):

1. ``--axes``: names among t, c, z, y, x with y and x in them are those of an image, all others
   (channel, trc, segment, sample) those of a waveform.
2. What the file says: our own files name their kind; an interval, a gain or an axis of samples
   make a waveform, a voxel size or axes called y and x an image.
3. The shape (:func:`looks_like_image`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from pyramidion.core import IMAGE_AXES, WAVEFORM_AXES
from pyramidion.formats._format import Kind

IMAGE_NAMES = frozenset(
    {"element_size_um", "voxel_size", "pixel_size", "spacing", "axis_scales", "IMAGE_SUBCLASS"}
)
"""Attributes of a dataset that only an image has."""

_FEW = 8
"""So many channels or trcs a recording may have."""
_WIDE, _WIDE_OF_FEW = 64, 8
"""Most times that a row of an image is longer or shorter than a column."""
_SMALL, _SMALL_ALONE = 16, 64
"""Fewest elements along a side of a volume, and of a single picture."""


def kind_of_array(
    shape: Sequence[int],
    dtype: np.dtype[Any],
    *,
    axes: str | None = None,
    labels: Sequence[str] = (),
    image_words: Collection[str] = (),
    waveform_words: Collection[str] = (),
) -> Kind:
    """Tell whether an array is a waveform or an image.

    Parameters
    ----------
    shape : sequence of int
        As stored.
    dtype : numpy.dtype
        As stored.
    axes : str, optional
        What the user says about the axes.
    labels : sequence of str
        What the file says about them.
    image_words, waveform_words : collection of str
        What else it says that only the one or the other has.

    Examples
    --------
    >>> kind_of_array((40, 512, 512), np.dtype("u2")), kind_of_array((2, 1, 9, 5000), np.dtype("i2"))
    ('image', 'waveform')
    """
    if axes:
        return "image" if are_image_axes(split_axes(axes)) else "waveform"
    named = [label.strip().lower() for label in labels]
    if waveform_words or set(named) & {WAVEFORM_AXES[-1], "samples"}:
        return "waveform"
    if image_words or are_image_axes(named):
        return "image"
    return "image" if looks_like_image(shape, dtype) else "waveform"


def looks_like_image(shape: Sequence[int], dtype: np.dtype[Any]) -> bool:
    """Tell whether an array has the shape of an image.

    A picture has rows and columns of similar length, a recording has few rows (channels, segments)
    that are long. So: both of the last two axes have at least 16 elements (64 where there are no
    others) and lengths within a factor of 64; within a factor of 8 where there are no others, or
    where the others have at most 8 elements each and rows are the longer ones, as in (channels,
    trcs, segments, samples). A last axis of colours does not count.
    """
    if has_colors(shape, dtype):
        short, long = sorted(shape[-3:-1])
        return short >= _SMALL and long <= _WIDE * short
    if not 2 <= len(shape) <= 5:
        return False
    lead, (rows, columns) = shape[:-2], shape[-2:]
    short, long = sorted((rows, columns))
    if not lead:
        return short >= _SMALL_ALONE and long <= _WIDE_OF_FEW * short
    is_few = len(lead) <= 2 and max(lead) <= _FEW and columns > rows
    return short >= _SMALL and long <= (_WIDE_OF_FEW if is_few else _WIDE) * short


def has_colors(shape: Sequence[int], dtype: np.dtype[Any]) -> bool:
    """Tell whether the last axis is that of red, green, blue (and alpha)."""
    return 3 <= len(shape) <= 5 and shape[-1] in (3, 4) and dtype.kind == "u" and dtype.itemsize < 4


def split_axes(text: str) -> list[str]:
    """Return the names in ``z,y,x``, or in ``zyx``."""
    names = [part.strip().lower() for part in text.split(",")]
    return list(names[0]) if len(names) == 1 and are_image_axes(list(names[0])) else names


def are_image_axes(names: Sequence[str]) -> bool:
    """Tell whether these are axes of an image: all known, y and x among them."""
    return set(names) <= set(IMAGE_AXES) and {"y", "x"} <= set(names)
