"""The colours that a client of the OpenVisus protocol asks for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pyramidion.server._budget import Allowance
from pyramidion.server._errors import Pairs, ParameterError
from pyramidion.server._mod_visus_query import parse_number
from pyramidion.server._palettes import NAMES, apply_palette, palette

_PAINTED_SAMPLES = 2**20


class Painter:
    """Colours an array if the client asks for a palette.

    Parameters
    ----------
    query : mapping
        Of the request.
    components : int
        Of the field.

    Raises
    ------
    ParameterError
        If there is no such palette, or nothing to colour.
    """

    def __init__(self, query: Mapping[str, str], components: int) -> None:
        name = query.get("palette", "")
        self.headers: Pairs = ()
        self._colours = palette(name) if name else None
        if name and self._colours is None:
            raise ParameterError("palette", name, ", ".join(NAMES))
        if name and components != 1:
            raise ParameterError("palette", name, "none: the field has colours of its own")
        self._low = parse_number(query, "palette_min")
        self._high = parse_number(query, "palette_max")

    @property
    def colours_given(self) -> bool:
        """Whether the array will be coloured."""
        return self._colours is not None

    def paint(self, array: np.ndarray, allowance: Allowance) -> np.ndarray:
        """Return the array, or its colours between two values (by default its own)."""
        if self._colours is None:
            return array
        array = array[..., 0]
        own = _range_of(array)
        low = own[0] if self._low is None else self._low
        high = own[1] if self._high is None else self._high
        self.headers = (
            (b"visus-palette-min", f"{low:f}".encode()),
            (b"visus-palette-max", f"{high:f}".encode()),
            (b"visus-source-dtype", array.dtype.name.encode()),
            (b"visus-source-range", f"{own[0]:f} {own[1]:f}".encode()),
        )
        # Colouring takes forty bytes a sample on its way: row by row, so that few are under way.
        painted = np.empty((*array.shape, 4), np.uint8)
        rows, coloured = array.reshape(-1, array.shape[-1]), painted.reshape(-1, array.shape[-1], 4)
        n_rows = max(1, _PAINTED_SAMPLES // array.shape[-1])
        for at in range(0, len(rows), n_rows):
            allowance.look()
            part = slice(at, at + n_rows)
            with np.errstate(over="ignore", invalid="ignore"):  # values near the end of float64
                coloured[part] = apply_palette(rows[part], self._colours, low, high)
        return painted


def _range_of(array: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest finite value; 0 and 1 if there is none."""
    if array.dtype.kind != "f":
        return float(array.min()), float(array.max())
    finite = np.isfinite(array)
    if not finite.any():
        return 0.0, 1.0
    low = array.min(where=finite, initial=np.inf)
    return float(low), float(array.max(where=finite, initial=-np.inf))
