"""How large an image is in the world, from the metadata of an OME-Zarr."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyramidion.server._dataset import Extent


def stored_extents(
    multiscale: Mapping[str, Any], axes: Sequence[str], shape: Sequence[int]
) -> tuple[Extent | None, ...]:
    """Return how far the axes of an image reach.

    Parameters
    ----------
    multiscale : mapping
        The first of ``multiscales``; what makes no sense in it counts as unknown.
    axes : sequence of str
        Names of the axes that are shown.
    shape : sequence of int
        Elements along them.

    Returns
    -------
    tuple of (float, str) or None
        None for an axis that has no unit, or no plausible scale.

    Notes
    -----
    Source: OME-Zarr 0.5, "multiscales" metadata: the scale of level 0, then that of all levels.
    """
    found = multiscale.get("axes", [])
    units = [axis.get("unit") if isinstance(axis, dict) else None for axis in found]
    scales = _scales(multiscale["datasets"][0], len(axes))
    overall = _scales(multiscale, len(axes))
    if len(units) != len(axes):
        return (None,) * len(axes)
    return tuple(
        _extent(n * a * b, unit)
        for n, a, b, unit in zip(shape, scales, overall, units, strict=True)
    )


def _scales(node: Mapping[str, Any], n_axes: int) -> list[float]:
    found = node.get("coordinateTransformations")
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and each.get("type") == "scale":
            scale = each.get("scale")
            if isinstance(scale, list) and len(scale) == n_axes:
                return [float(s) if isinstance(s, int | float) else math.nan for s in scale]
    return [1.0] * n_axes


def _extent(size: float, unit: object) -> Extent | None:
    if not isinstance(unit, str) or not unit or not (0 < size < math.inf):
        return None
    return size, unit
