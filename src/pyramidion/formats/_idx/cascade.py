"""How a dataset is written in stages, each reading every sample once.

The samples of level h and coarser are a lattice, and a lattice with its part of the bitmask is a
dataset like the whole, only smaller. So a task of the first stage reads one tile of the source,
writes the blocks of the finest levels that lie in the tile, and leaves the lattice of the other
levels; the next stage does the same with that lattice as its source, until what is left fits one
task.

A block of level h reaches over ``2 ** (digits of h - bitsperblock ... maxh)`` samples per axis.
Tiles are powers of two at least as large as that, so every block lies in exactly one tile.

Where planes are so large that tiles would cut them, a source that decodes plane by plane would
decode each one for every tile. Then a stage goes before that writes no block: it reads slabs of
whole planes and leaves all of them.

Tuples are in the order x, y, z.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from pyramidion.formats._idx.bitmask import XYZ
from pyramidion.formats._idx.geometry import BlockGrid, Slices, lattice_range

TILE_BYTES = 128 * 2**20
"""Most bytes of a tile, where blocks are not larger than that."""
SLAB_BYTES = 32 * 2**20
"""A tile is not made taller than its blocks beyond this: small tiles keep all cores busy."""
LAST_BYTES = 16 * 2**20
"""A lattice of at most so many bytes is finished in one task."""


@dataclass(frozen=True)
class Stage:
    """One pass over a lattice.

    Parameters
    ----------
    level : int
        The finest level of the lattice that is read.
    left : int
        The finest level that is left for the next stage; -1 in the last one. The same as `level`
        where whole planes are only read.
    tile : tuple of int
        Lattice points of a tile along each axis, powers of two; of no meaning in the last stage.
    """

    level: int
    left: int
    tile: XYZ


@dataclass(frozen=True)
class Tile:
    """A part of the lattice of a stage, cut to the box.

    Parameters
    ----------
    first : tuple of int
        Number of its first lattice point: coordinates / stride.
    shape : tuple of int
        Lattice points.
    """

    first: XYZ
    shape: XYZ

    @property
    def n_points(self) -> int:
        """Number of lattice points."""
        return math.prod(self.shape)


def shared_part(tile: Tile, piece: Tile) -> tuple[Slices, Slices]:
    """Return where two tiles of one lattice share points: slices z, y, x of each.

    Examples
    --------
    >>> shared_part(Tile((4, 0, 0), (4, 2, 1)), Tile((0, 1, 0), (6, 1, 1)))[0][2]
    slice(0, 2, None)
    """
    here, there = [], []
    for axis in (2, 1, 0):
        low = max(tile.first[axis], piece.first[axis])
        high = min(
            tile.first[axis] + tile.shape[axis],
            piece.first[axis] + piece.shape[axis],
        )
        here.append(slice(low - tile.first[axis], high - tile.first[axis]))
        there.append(slice(low - piece.first[axis], high - piece.first[axis]))
    return (here[0], here[1], here[2]), (there[0], there[1], there[2])


class Cascade:
    """The stages and tiles of one field at one time.

    Parameters
    ----------
    grid : BlockGrid
        The blocks.
    p1, p2 : tuple of int
        Box of the data; `p2` is exclusive.
    sample_bytes : int
        Bytes of a sample with all its components.
    keeps_planes : bool
        The source decodes whole planes: never read parts of them.

    Examples
    --------
    >>> from pyramidion.formats._idx.bitmask import Bitmask
    >>> grid = BlockGrid(Bitmask.for_dims((1024, 1024, 256)), 19)
    >>> [(s.level, s.tile) for s in Cascade(grid, (0, 0, 0), (1024, 1024, 256), 2).stages]
    [(28, (1024, 1024, 64)), (25, (512, 256, 128)), (22, (256, 128, 128))]
    """

    def __init__(
        self,
        grid: BlockGrid,
        p1: XYZ,
        p2: XYZ,
        sample_bytes: int,
        *,
        keeps_planes: bool = True,
    ) -> None:
        self.grid, self.p1, self.p2 = grid, p1, p2
        self._sample_bytes, self._keeps_planes = sample_bytes, keeps_planes
        self.stages = tuple(self._stages())

    def n_tiles(self, stage: int) -> int:
        """Return how many tiles a stage has."""
        return math.prod(len(numbers) for numbers in self._numbers(stage))

    def tile(self, stage: int, number: int) -> Tile:
        """Return a tile by its number; x runs fastest."""
        xs, ys, zs = self._numbers(stage)
        number, x = divmod(number, len(xs))
        z, y = divmod(number, len(ys))
        return self._at(stage, (xs[x], ys[y], zs[z]))

    def blocks(self, stage: int, tile: Tile) -> list[int]:
        """Return the blocks that a tile of a stage writes, finest level last, in order."""
        how = self.stages[stage]
        stride = self.grid.bitmask.stride(how.level)
        p1 = tuple(a * s for a, s in zip(tile.first, stride, strict=True))
        p2 = tuple((a + n) * s for a, n, s in zip(tile.first, tile.shape, stride, strict=True))
        bpb = self.grid.bitsperblock
        found = [0] if how.left < 0 else []
        for level in range(max(how.left, bpb) + 1, how.level + 1):
            found.extend(sorted(self.grid.level_meeting(p1, p2, level).tolist()))
        return found

    def task_of(self, block: int) -> tuple[int, int]:
        """Return stage and number of the tile that writes a block.

        Parameters
        ----------
        block : int
            A block that meets the box, or block 0.
        """
        place = self.grid.place(block)
        stage = next(k for k, s in enumerate(self.stages) if place.level > s.left)
        how = self.stages[stage]
        if how.left < 0:
            return stage, 0
        stride = self.grid.bitmask.stride(how.level)
        counts, at = [], []
        for axis, numbers in enumerate(self._numbers(stage)):
            counts.append(len(numbers))
            at.append(place.origin[axis] // (stride[axis] * how.tile[axis]) - numbers.start)
        return stage, (at[2] * counts[1] + at[1]) * counts[0] + at[0]

    def left_of(self, stage: int, tile: Tile) -> tuple[Tile, tuple[slice, slice, slice]]:
        """Return what a tile leaves: its part of the next lattice, and where it lies in the tile.

        Returns
        -------
        Tile
            In points of the next stage's lattice; may be empty.
        slices
            Along z, y, x of the tile.
        """
        ratio = self._ratio(stage)
        end = tuple(a + n for a, n in zip(tile.first, tile.shape, strict=True))
        first, shape = lattice_range(tile.first, end, ratio)
        x, y, z = (
            slice(f * r - at, None, r) for f, r, at in zip(first, ratio, tile.first, strict=True)
        )
        return Tile(first, shape), (z, y, x)

    def pieces_for(self, stage: int, tile: Tile) -> Iterator[tuple[int, Tile]]:
        """Yield number and remains of the tiles before `stage` that a tile of it is made of."""
        before = stage - 1
        ratio, size = self._ratio(before), self.stages[before].tile
        spans, counts = [], []
        for axis, numbers in enumerate(self._numbers(before)):
            of_one = size[axis] // ratio[axis]
            start = tile.first[axis] // of_one
            stop = -(-(tile.first[axis] + tile.shape[axis]) // of_one)
            spans.append(range(max(start, numbers.start), min(stop, numbers.stop)))
            counts.append((numbers.start, len(numbers)))
        for z, y, x in product(*reversed(spans)):
            number = ((z - counts[2][0]) * counts[1][1] + y - counts[1][0]) * counts[0][1]
            remains, _ = self.left_of(before, self._at(before, (x, y, z)))
            if remains.n_points:
                yield number + x - counts[0][0], remains

    def _stages(self) -> Iterator[Stage]:
        level = self.grid.bitmask.maxh
        while True:
            _, shape = self._lattice(level)
            n_bytes = math.prod(shape) * self._sample_bytes
            if level <= self.grid.bitsperblock or n_bytes <= LAST_BYTES:
                break
            tile = self._tile_size(level, shape)
            left = self._left(level, tile)
            if left <= self.grid.bitsperblock and tile == self.grid.bitmask.extent(1, level):
                break
            if level == self.grid.bitmask.maxh and self._cuts_planes(tile):
                yield Stage(level, level, self._slab(shape))
            yield Stage(level, left, tile)
            level = left
        yield Stage(level, -1, self.grid.bitmask.extent(1, level))

    def _lattice(self, level: int) -> tuple[XYZ, XYZ]:
        return lattice_range(self.p1, self.p2, self.grid.bitmask.stride(level))

    def _tile_size(self, level: int, shape: XYZ) -> XYZ:
        """Grow the reach of the finest blocks: whole rows first, then whole planes, then slabs."""
        whole = self.grid.bitmask.extent(1, level)
        tile = list(self._reach(level, level))
        for axis in range(self.grid.bitmask.n_axes):
            most = SLAB_BYTES if axis == 2 else TILE_BYTES
            while tile[axis] < whole[axis]:
                grown = [2 * n if a == axis else n for a, n in enumerate(tile)]
                if math.prod(map(min, grown, shape)) * self._sample_bytes > most:
                    break
                tile = grown
        x, y, z = tile
        return x, y, z

    def _cuts_planes(self, tile: XYZ) -> bool:
        """Tell whether tiles of a volume are only parts of planes, which the source has whole."""
        whole = self.grid.bitmask.size
        is_volume = self.grid.bitmask.n_axes == 3
        return self._keeps_planes and is_volume and tile[:2] != whole[:2]

    def _slab(self, shape: XYZ) -> XYZ:
        """Return a slab of whole planes, at least one."""
        x, y, z = self.grid.bitmask.size
        n_planes = 1
        while (
            n_planes < z and 2 * n_planes * shape[0] * shape[1] * self._sample_bytes <= SLAB_BYTES
        ):
            n_planes *= 2
        return x, y, n_planes

    def _reach(self, block_level: int, level: int) -> XYZ:
        """Return over how many points of the lattice of `level` blocks of a level reach."""
        return self.grid.bitmask.extent(block_level - self.grid.bitsperblock, level)

    def _left(self, level: int, tile: XYZ) -> int:
        """Return the finest level whose blocks do not fit a tile of the lattice of `level`."""
        for finer in range(level, self.grid.bitsperblock, -1):
            reach = self._reach(finer, level)
            if any(r > n for r, n in zip(reach, tile, strict=True)):
                return finer
        return self.grid.bitsperblock

    def _ratio(self, stage: int) -> XYZ:
        """Return how many points of a stage's lattice lie on one of the next, per axis."""
        how = self.stages[stage]
        return self.grid.bitmask.extent(how.left + 1, how.level)

    def _numbers(self, stage: int) -> tuple[range, range, range]:
        """Return the tiles that meet the box, counted from the origin, per axis."""
        how = self.stages[stage]
        if how.left < 0:
            return range(1), range(1), range(1)
        first, shape = self._lattice(how.level)
        x, y, z = (
            range(a // n, -(-(a + m) // n)) for a, m, n in zip(first, shape, how.tile, strict=True)
        )
        return x, y, z

    def _at(self, stage: int, number: XYZ) -> Tile:
        how = self.stages[stage]
        first, shape = self._lattice(how.level)
        if how.left < 0:
            return Tile(first, shape)
        begin, size = [], []
        for axis in range(3):
            low = max(first[axis], number[axis] * how.tile[axis])
            high = min(first[axis] + shape[axis], (number[axis] + 1) * how.tile[axis])
            begin.append(low)
            size.append(max(0, high - low))
        return Tile((begin[0], begin[1], begin[2]), (size[0], size[1], size[2]))
