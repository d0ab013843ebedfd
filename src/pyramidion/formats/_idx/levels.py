"""Which resolutions of an IDX dataset are the levels of an image."""

from __future__ import annotations

from pyramidion.core import ImageLevel
from pyramidion.formats._idx.bitmask import Bitmask
from pyramidion.formats._idx.geometry import lattice_range
from pyramidion.formats._idx.header import IdxHeader


def level_resolutions(bitmask: Bitmask) -> list[int]:
    """Return the resolution of each level: from one to the next, each axis is halved at most once.

    Examples
    --------
    >>> level_resolutions(Bitmask("V0120120")), level_resolutions(Bitmask("V010111"))
    ([7, 4, 1, 0], [6, 5, 4, 2, 0])
    """
    resolutions, halved = [bitmask.maxh], set[int]()
    for h in range(bitmask.maxh, 0, -1):
        axis = bitmask.axis(h)
        if axis in halved:
            resolutions.append(h)
            halved = set()
        halved.add(axis)
    return [*resolutions, 0] if halved else resolutions


def image_levels(header: IdxHeader, n_times: int, n_channels: int) -> list[tuple[int, ImageLevel]]:
    """Return resolution and shape of the levels of an image, the full one first.

    Levels hold samples, not means: a level's first sample lies at the first multiple of its
    stride in the box. Where an axis has none, or there is one sample left, the levels end.
    """
    levels: list[tuple[int, ImageLevel]] = []
    for h in level_resolutions(header.bitmask):
        level = level_at(header, h, n_times, n_channels)
        if 0 in level.shape:
            break
        levels.append((h, level))
        if level.shape[2:] == (1, 1, 1):
            break
    return levels


def level_at(header: IdxHeader, h: int, n_times: int, n_channels: int) -> ImageLevel:
    """Return the level of all samples up to resolution `h`; an axis without any has size 0."""
    stride = header.bitmask.stride(h)
    first, shape = lattice_range(header.p1, header.p2, stride)
    shift = [f * s - p for f, s, p in zip(first, stride, header.p1, strict=True)]
    return ImageLevel(
        (n_times, n_channels, *shape[::-1]),
        (1.0, 1.0, *map(float, stride[::-1])),
        (0.0, 0.0, *map(float, shift[::-1])),
    )
