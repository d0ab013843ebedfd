"""The bitmask of an IDX dataset: in which order its box is halved.

``V`` and one digit per halving, coarsest first; the digit names the axis (0 x, 1 y, 2 z). Points
and sizes are tuples in the order x, y, z here and in everything built on this module; axes that a
bitmask does not name have size 1.

Source: the IDX format as OpenVisus 2.2.149 writes it; checked against its datasets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

XYZ = tuple[int, int, int]
MAX_BITS = 62
"""Most digits: addresses of samples are numbers of 64 bits."""
_TEXT = re.compile(f"V[012]{{0,{MAX_BITS}}}")


@dataclass(frozen=True)
class Bitmask:
    """The order of halvings.

    Parameters
    ----------
    text : str
        ``V`` and digits 0 to 2.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> bits = Bitmask("V0101010")
    >>> bits.maxh, bits.size, bits.stride(4)
    (7, (16, 8, 1), (4, 2, 1))
    """

    text: str

    def __post_init__(self) -> None:
        if not _TEXT.fullmatch(self.text):
            raise ValueError(f"not V and up to {MAX_BITS} digits 0 to 2: {self.text[:80]!r}")

    @classmethod
    def for_dims(cls, dims: Sequence[int]) -> Bitmask:
        """Return the bitmask that is used when nothing else is asked for.

        Parameters
        ----------
        dims : sequence of int
            Exclusive upper end of the box along x, y (and z), origin included.

        Raises
        ------
        ValueError
            If the last axis has size 1: no digit would name it, and the dataset would lose it.

        Examples
        --------
        >>> Bitmask.for_dims((3, 4, 5)).text
        'V0120122'
        """
        if dims[-1] < 2 or min(dims) < 1:
            raise ValueError(f"the last axis must have at least 2 elements: {tuple(dims)}")
        left = [(int(n) - 1).bit_length() for n in dims]
        digits = []
        while any(left):
            for axis, n in enumerate(left):
                if n:
                    digits.append(str(axis))
                    left[axis] = n - 1
        return cls("V" + "".join(digits))

    @property
    def maxh(self) -> int:
        """Number of digits, which is the number of the finest level."""
        return len(self.text) - 1

    @cached_property
    def n_axes(self) -> int:
        """Number of axes: the largest digit and one more."""
        return 1 + max(map(int, self.text[1:]), default=-1)

    @cached_property
    def size(self) -> XYZ:
        """Positions along x, y, z: powers of two that contain the box of the data."""
        return self.extent(1, self.maxh)

    def axis(self, h: int) -> int:
        """Return the axis that level `h` halves, 1 <= h <= maxh."""
        return int(self.text[h])

    def extent(self, first: int, last: int) -> XYZ:
        """Return 2 ** (number of halvings) per axis in the levels `first` to `last`, both in."""
        digits = self.text[first : last + 1] if first <= last else ""
        x, y, z = (1 << digits.count(axis) for axis in "012")
        return x, y, z

    def stride(self, h: int) -> XYZ:
        """Return the distance of the samples of all levels up to `h` along x, y, z."""
        return self.extent(h + 1, self.maxh)

    def prefix(self, h: int) -> Bitmask:
        """Return the bitmask of the dataset that levels 0 to `h` alone make."""
        return Bitmask(self.text[: h + 1])

    def covers(self, dims: Sequence[int]) -> bool:
        """Tell whether a box that ends at `dims` (x, y, z) lies inside."""
        return all(n <= size for n, size in zip(dims, self.size, strict=True))

    @property
    def n_samples(self) -> int:
        """Samples of the whole power-of-two box."""
        return math.prod(self.size)
