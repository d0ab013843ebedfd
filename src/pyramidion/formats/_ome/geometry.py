"""How an image is cut: levels, chunks, shards, and the regions that tasks own.

Pictures have chunks of 512 x 512, volumes of 16 x 128 x 128: both 512 KiB of 16-bit elements, so
that a tile of the viewer and a brick of a volume cost one request. A region is a slab of whole
slices, because that is how images are stored; where slices are huge, slabs and with them chunks
become thinner, and only where a single slice is too large is it cut along y and x. Small volumes
of a time series share a region and a shard, so that a thousand are not a thousand files.

Arrays have only the axes that the source has; everything here but the layouts counts five.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import IMAGE_AXES, Box, ImageSpec
from pyramidion.kernels import sum_dtype
from pyramidion.pyramid import ImagePlan
from pyramidion.shards import ArrayLayout, Codec

CHUNK_ITEMS = 2**18
"""Elements of a chunk of up to 32 bits; of half as many of 64 bits, so that it has 1 MiB at most."""

CHUNK_DEPTH = 16
SLAB_DEPTH = 64
SHARD_BYTES = 2**26
SLAB_BYTES = 2**26
LARGEST_SLAB_BYTES = 2**27
"""What a slab may have rather than be thinner than a chunk should be."""


@dataclass(frozen=True)
class Grid:
    """Regions of one level: a regular cut of (t, c, z, y, x).

    Parameters
    ----------
    shape : tuple of int
        Elements of the level.
    step : tuple of int
        Elements of a region.
    """

    shape: tuple[int, ...]
    step: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Regions per axis."""
        return tuple(-(-n // s) for n, s in zip(self.shape, self.step, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def box(self, number: int) -> Box:
        """Return a region by its number."""
        place = np.unravel_index(number, self.counts)
        start = tuple(int(i) * s for i, s in zip(place, self.step, strict=True))
        stop = tuple(a + s for a, s in zip(start, self.step, strict=True))
        return Box(start, stop).clipped(self.shape)

    def touched(self, box: Box) -> Iterator[int]:
        """Return the number of every region that a box touches, in order."""
        places = (
            range(a // s, -(-b // s))
            for a, b, s in zip(box.start, box.stop, self.step, strict=True)
        )
        for place in itertools.product(*places):
            yield int(np.ravel_multi_index(place, self.counts))

    def is_whole(self) -> bool:
        """Tell whether a region holds everything along z, y and x."""
        return all(s >= n for n, s in zip(self.shape[2:], self.step[2:], strict=True))


@dataclass(frozen=True)
class ImageGeometry:
    """The arrays of one image.

    Parameters
    ----------
    names : tuple of str
        Axes of the arrays, in the order of :data:`IMAGE_AXES`.
    plan : ImagePlan
        The levels.
    layouts : tuple of ArrayLayout
        One per level, with the axes `names`.
    grids : tuple of Grid
        The regions of each level, made of whole shards.
    """

    names: tuple[str, ...]
    plan: ImagePlan
    layouts: tuple[ArrayLayout, ...]
    grids: tuple[Grid, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """Positions of the arrays' axes among the five."""
        return tuple(IMAGE_AXES.index(name) for name in self.names)

    def inner(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what belongs to the arrays' axes, of five values."""
        return tuple(values[axis] for axis in self.kept)

    def inner_box(self, box: Box) -> Box:
        """Return a region in the arrays' own axes."""
        return Box(self.inner(box.start), self.inner(box.stop))

    def shards(self, level: int, region: Box) -> Iterator[tuple[int, ...]]:
        """Return the index of every shard of a region."""
        inner, layout = self.inner_box(region), self.layouts[level]
        return itertools.product(
            *(
                range(a // s, -(-b // s))
                for a, b, s in zip(inner.start, inner.stop, layout.shard, strict=True)
            )
        )


def image_geometry(spec: ImageSpec, codec: Codec, *, whole_planes: bool = False) -> ImageGeometry:
    """Cut an image; shape, type, axes and voxel sizes are used.

    Parameters
    ----------
    spec : ImageSpec
        The image.
    codec : Codec
        How chunks are compressed.
    whole_planes : bool
        The source decodes whole planes, however large: a task takes no parts of them.
    """
    shape = tuple(int(n) for n in spec.shape)
    names = tuple(
        name
        for name, n in zip(IMAGE_AXES, shape, strict=True)
        if name in spec.present or name in "yx" or n > 1
    )
    plan = ImagePlan.for_shape(shape, _voxel(spec))
    kept = [IMAGE_AXES.index(name) for name in names]
    layouts: list[ArrayLayout] = []
    grids: list[Grid] = []
    lead: tuple[int, int] | None = None
    for level in range(plan.n_levels):
        at_level = plan.level_shape(level)
        chunk, shard, step = _cut(at_level, spec, _carried_bytes(spec.dtype, plan, level), lead)
        layouts.append(
            ArrayLayout(
                tuple(at_level[axis] for axis in kept),
                spec.dtype,
                tuple(chunk[axis] for axis in kept),
                tuple(shard[axis] for axis in kept),
                codec,
                names,
            )
        )
        if level == 0 and whole_planes:
            step = (*step[:3], *at_level[3:])
        grids.append(Grid(at_level, step))
        if lead is None and grids[-1].is_whole():
            lead = step[0], step[1]  # one task makes all further levels of these
    return ImageGeometry(names, plan, tuple(layouts), tuple(grids))


def _voxel(spec: ImageSpec) -> list[float]:
    """Return the sizes along z, y, x where they can be compared; otherwise all equal."""
    axes = [axis for axis in spec.axes[2:] if axis.size > 1]
    known = len({axis.unit for axis in axes}) == 1 and all(axis.unit for axis in axes)
    return [axis.scale if known else 1.0 for axis in spec.axes[2:]]


def _carried_bytes(dtype: np.dtype[Any], plan: ImagePlan, level: int) -> int:
    """Return the bytes of an element as a task holds it: of the source, or of a sum."""
    n_halves = 2 if dtype.itemsize == 8 and dtype.kind in "iu" else 1
    held = dtype if level == 0 else sum_dtype(dtype, plan.n_in_box(level))
    return n_halves * held.itemsize


Five = tuple[int, ...]


def _cut(
    shape: Five, spec: ImageSpec, held_bytes: int, lead: tuple[int, int] | None
) -> tuple[Five, Five, Five]:
    """Return the shapes of a chunk, a shard and a region of one level.

    `lead` are the time steps and channels of a region, where a finer level has decided that.
    """
    t, c, z, y, x = shape
    n_c = c if spec.is_rgb else 1  # the colours of a picture are stored, and read, together
    depth = _slab_depth(z, n_c * y * x * held_bytes)
    if lead is None:
        lead = (1, n_c) if depth < z else _grouped(t, c, n_c, z * y * x * held_bytes)
    chunk = _chunk(shape, depth, spec.dtype.itemsize)
    shard = _shard((*lead, depth, y, x), chunk, spec.dtype.itemsize)
    return chunk, shard, _region((*lead, depth, y, x), shard, held_bytes)


def _slab_depth(z: int, plane_bytes: int) -> int:
    """Return how many slices a task takes at once: a power of two, or all."""
    wanted = min(SLAB_DEPTH, _power_of_two(SLAB_BYTES // plane_bytes))
    thick = min(CHUNK_DEPTH, _power_of_two(LARGEST_SLAB_BYTES // plane_bytes))
    return min(max(wanted, thick), z)


def _grouped(t: int, c: int, n_c: int, volume_bytes: int) -> tuple[int, int]:
    """Return how many time steps and channels share a region: as many as fill a slab."""
    n_c = min(c, max(n_c, SLAB_BYTES // volume_bytes))
    return (min(t, max(1, SLAB_BYTES // (c * volume_bytes))) if n_c == c else 1), n_c


def _chunk(shape: Five, depth: int, itemsize: int) -> Five:
    """Return the chunk: thin ones are as much wider."""
    y, x = shape[-2:]
    n_items = CHUNK_ITEMS // (2 if itemsize == 8 else 1)
    thickest = CHUNK_DEPTH // (2 if itemsize == 8 else 1)
    thick = min(thickest, depth)
    n_bits = (n_items // _power_of_two(2 * thick - 1)).bit_length() - 1
    return 1, 1, thick, min(y, 2 ** (n_bits // 2)), min(x, 2 ** (n_bits - n_bits // 2))


def _shard(region: Five, chunk: Five, itemsize: int) -> Five:
    """Return the shard: all of a region, or halves of it along y and x until it is small enough."""
    n_t, n_c, depth, y, x = region
    *_, chunk_z, chunk_y, chunk_x = chunk
    z = chunk_z * -(-depth // chunk_z)
    rows, columns = -(-y // chunk_y), -(-x // chunk_x)
    each = n_t * n_c * z * chunk_y * chunk_x * itemsize
    while rows * columns > 1 and each * rows * columns > SHARD_BYTES:
        if rows * chunk_y >= columns * chunk_x:
            rows = -(-rows // 2)
        else:
            columns = -(-columns // 2)
    return n_t, n_c, z, chunk_y * rows, chunk_x * columns


def _region(region: Five, shard: Five, held_bytes: int) -> Five:
    """Return what a task takes: whole slices, or strips or tiles of whole shards of huge ones."""
    n_t, n_c, depth, y, x = region
    *_, z, shard_y, shard_x = shard
    row = n_t * n_c * depth * x * held_bytes
    if row * y <= LARGEST_SLAB_BYTES:
        return n_t, n_c, z, y, x
    strips = LARGEST_SLAB_BYTES // (row * shard_y)
    if strips:
        return n_t, n_c, z, shard_y * strips, x
    tiles = LARGEST_SLAB_BYTES // (n_t * n_c * depth * shard_y * shard_x * held_bytes)
    return n_t, n_c, z, shard_y, shard_x * max(1, tiles)


def _power_of_two(n: int) -> int:
    """Return the largest power of two up to `n`, 1 at least."""
    return int(2 ** (max(1, n).bit_length() - 1))
