"""What is the same in every image that is one stored array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyramidion.core import Box, Closing, ImageLevel, ImageSpec, UsageError


class ArrayImage(Closing):
    """An image of one level; see :class:`pyramidion.core.ImageSource`.

    Parameters
    ----------
    spec : ImageSpec
        What it is.
    block : tuple of int
        Shape (t, c, z, y, x) of what is decoded together.
    fields : tuple of str
        Names of all fields of the file.
    """

    def __init__(self, spec: ImageSpec, block: tuple[int, ...], fields: tuple[str, ...]) -> None:
        self.spec, self.block, self.fields = spec, block, fields
        self.levels: Sequence[ImageLevel] = (ImageLevel(spec.shape),)

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region; see :meth:`pyramidion.core.ImageSource.read`."""
        if level:
            raise UsageError("--level", "0 to 0", level, id="PYR-BOX-07")
        return self._read(box)

    def notes(self) -> tuple[str, ...]:
        """Return nothing: what cannot be read is an error."""
        return ()

    def _read(self, box: Box) -> np.ndarray:
        raise NotImplementedError
