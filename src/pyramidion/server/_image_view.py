"""An image as viewers want it: levels down to one screenful, in chunks of a useful size.

The levels of the source come first. Where they end too early (a stack of pictures has only the
pictures), coarser ones are offered that hold every second element, every fourth, and so on; they
are sampled from the source when somebody asks. A level of which one chunk would decode more than
:data:`~pyramidion.server._planes.MAX_ELEMENTS_DECODED` elements is not offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pyramidion.core import ImageLevel, ImageSource
from pyramidion.server._planes import MAX_ELEMENTS_DECODED, Lattice, Sampler

_TOP = 512
"""Elements along an axis of the coarsest level, about."""
_SMALLEST = 32
"""Levels of a source with fewer elements along every axis show nothing."""
_THIN = 128
"""Axes shorter than this are not sampled further."""
_PICTURE_CHUNK = (1, 512, 512)
_VOLUME_CHUNK = (16, 128, 128)
_SPACE = (2, 3, 4)


@dataclass(frozen=True)
class ViewLevel:
    """One level of an image as it is shown.

    Parameters
    ----------
    shape, factors, shift
        As in :class:`~pyramidion.core.ImageLevel`.
    chunk : tuple of int
        Shape (t, c, z, y, x) of a chunk.
    base : int
        The level of the source that holds its elements.
    step : tuple of int
        Their distance there.
    """

    shape: tuple[int, ...]
    factors: tuple[float, ...]
    shift: tuple[float, ...]
    chunk: tuple[int, ...]
    base: int
    step: tuple[int, ...] = (1, 1, 1, 1, 1)

    def lattice(self, index: tuple[int, ...]) -> Lattice:
        """Return the elements of the source that a chunk shows, cut at the image's edge."""
        start = [i * n for i, n in zip(index, self.chunk, strict=True)]
        count = [
            min(n, size - at) for n, size, at in zip(self.chunk, self.shape, start, strict=True)
        ]
        first = tuple(at * s for at, s in zip(start, self.step, strict=True))
        return Lattice(first, tuple(count), self.step)

    @property
    def grid(self) -> tuple[int, ...]:
        """Chunks along t, c, z, y, x."""
        return tuple(-(-size // n) for size, n in zip(self.shape, self.chunk, strict=True))


class ImageView:
    """A source, its levels as they are shown, and its chunks.

    Parameters
    ----------
    source : ImageSource
        An open image; this object takes it over.
    recording : str
        State of a recording, empty for other images: what it has once is never changed.

    Attributes
    ----------
    spec : ImageSpec
        Of the source.
    levels : tuple of ViewLevel
        Finest first.
    sampler : Sampler
        What reads from the source.
    """

    def __init__(self, source: ImageSource, *, recording: str = "") -> None:
        self.source, self.recording = source, recording
        self.spec = source.spec
        self.sampler = Sampler(source)
        self.levels = tuple(self._levels())

    def close(self) -> None:
        """Close the source."""
        self.source.close()

    def read_chunk(self, level: int, index: tuple[int, ...]) -> np.ndarray:
        """Return a chunk, filled up with zeros where it sticks out of the image.

        Parameters
        ----------
        level : int
            Which level.
        index : tuple of int
            Which chunk, along t, c, z, y, x.

        Returns
        -------
        ndarray, C-contiguous, little-endian, of the shape of a chunk
        """
        shown = self.levels[level]
        lattice = shown.lattice(index)
        dtype = self.spec.dtype.newbyteorder("<")
        voxels = self.sampler.read(lattice, shown.base)
        if lattice.count == shown.chunk:
            return np.ascontiguousarray(voxels, dtype)
        chunk = np.zeros(shown.chunk, dtype)
        chunk[tuple(slice(n) for n in lattice.count)] = voxels
        return chunk

    def _levels(self) -> Iterator[ViewLevel]:
        for number, level in enumerate(self.source.levels):
            if number and max(level.shape[axis] for axis in _SPACE) < _SMALLEST:
                return
            yield ViewLevel(level.shape, level.factors, level.shift, self._chunk(level), number)
        yield from self._sampled(len(self.source.levels) - 1)

    def _sampled(self, base: int) -> Iterator[ViewLevel]:
        """Sample the coarsest level of the source further, while it is larger than a screen."""
        level = self.source.levels[base]
        step = [1] * 5
        shape = list(level.shape)
        while max(shape[axis] for axis in _SPACE) > _TOP:
            for axis in _SPACE:
                if shape[axis] > _THIN:
                    step[axis] *= 2
                    shape[axis] = -(-level.shape[axis] // step[axis])
            factors = tuple(f * s for f, s in zip(level.factors, step, strict=True))
            chunk = self._chunk(ImageLevel(tuple(shape)))
            shown = ViewLevel(tuple(shape), factors, level.shift, chunk, base, tuple(step))
            if self.sampler.cost(shown.lattice((0,) * 5), base) > MAX_ELEMENTS_DECODED:
                return
            yield shown

    def _chunk(self, level: ImageLevel) -> tuple[int, ...]:
        is_volume = self.spec.shape[2] > 1 and not self.sampler.decodes_whole_planes
        wanted = _VOLUME_CHUNK if is_volume else _PICTURE_CHUNK
        n_channels = level.shape[1] if self.spec.is_rgb else 1
        space = (min(n, size) for n, size in zip(wanted, level.shape[2:], strict=True))
        return 1, n_channels, *space
