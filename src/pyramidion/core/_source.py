"""The one interface that everything readable offers."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import numpy as np

from pyramidion.core._box import Box
from pyramidion.core._spec import ArraySpec, WaveformSpec


class Source(Protocol):
    """An array that can be read box by box, from many threads at once."""

    @property
    def spec(self) -> ArraySpec:
        """What the array is."""
        ...

    def read(self, box: Box) -> np.ndarray:
        """Read a region.

        Parameters
        ----------
        box : Box
            Region inside the array.

        Returns
        -------
        ndarray, shape ``box.shape``, dtype ``spec.dtype`` (little-endian)
            May be a read-only view of the file.

        Raises
        ------
        DamagedError
            If stored bytes do not decode.
        """
        ...

    def close(self) -> None:
        """Release files and threads; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class WaveformSource(Source, Protocol):
    """A source of codes of shape (channels, trcs, segments, samples)."""

    @property
    def spec(self) -> WaveformSpec:
        """What the waveform is."""
        ...


class Closing:
    """Mixin: a context manager that calls ``close``."""

    def close(self) -> None:
        """Release nothing; overridden where there is something to release."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
