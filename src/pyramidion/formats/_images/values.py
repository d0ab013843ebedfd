"""Values as pictures can hold them: refused, or scaled to 8 bit where the user gives a range."""

from __future__ import annotations

import numpy as np

from pyramidion.core import ImageSpec, UsageError
from pyramidion.formats._images.slices import holds_one

_HELD = {
    ".png": ("uint8", "uint16"),
    ".jpg": ("uint8",),
    ".jpeg": ("uint8",),
}


def check_values(
    where: str, spec: ImageSpec, suffix: str, value_range: tuple[float, float] | None
) -> None:
    """Refuse what a picture cannot hold.

    Raises
    ------
    UsageError
        For a type or a number of channels; if a range is empty.
    """
    check_range(value_range)
    channels = spec.shape[1]
    if channels != 1 and not (spec.is_rgb and channels in (3, 4)):
        raise holds_one(where, suffix, f"{channels} channels")
    if channels == 4 and suffix in (".jpg", ".jpeg"):
        raise holds_one(where, suffix, "RGBA")
    held = _HELD.get(suffix)
    if held and value_range is None and spec.dtype.name not in held:
        raise holds_one(where, suffix, spec.dtype.name)


def check_range(value_range: tuple[float, float] | None) -> None:
    """Refuse a range that is empty or upside down."""
    if value_range is not None and not value_range[0] < value_range[1]:
        raise UsageError(
            "--range",
            "lower not below upper",
            f"{value_range[0]} {value_range[1]}",
            id="PYR-BOX-05",
        )


def scaled(values: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    """Return values as 8 bit, `value_range` becoming 0 and 255; unchanged without a range.

    What lies outside is 0 or 255, what is not a number 0.
    """
    if value_range is None:
        return values
    low, high = value_range
    inside = np.clip(values.astype(np.float64), low, high)
    shown = np.rint((inside - low) * (255 / (high - low)))
    return np.nan_to_num(shown, nan=0).astype(np.uint8)
