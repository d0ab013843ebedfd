"""A set of block numbers that stays small when it is large."""

from __future__ import annotations

_PAGE_BITS = 12


class BlockSet:
    """Numbers of blocks, kept as bits: neighbours cost one bit each.

    Examples
    --------
    >>> blocks = BlockSet()
    >>> for number in (3, 70000, 3):
    ...     blocks.add(number)
    >>> len(blocks)
    2
    """

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}
        self._n = 0

    def add(self, number: int) -> None:
        """Put a number in."""
        page, bit = number >> _PAGE_BITS, 1 << (number & ((1 << _PAGE_BITS) - 1))
        bits = self._pages.get(page, 0)
        if not bits & bit:
            self._pages[page] = bits | bit
            self._n += 1

    def first(self, n: int) -> list[int]:
        """Return the `n` smallest numbers, or all that there are, in order.

        Examples
        --------
        >>> blocks = BlockSet()
        >>> for number in (70000, 9, 3):
        ...     blocks.add(number)
        >>> blocks.first(2)
        [3, 9]
        """
        found: list[int] = []
        for page in sorted(self._pages):
            bits = self._pages[page]
            while bits and len(found) < n:
                lowest = bits & -bits
                found.append((page << _PAGE_BITS) + lowest.bit_length() - 1)
                bits ^= lowest
        return found

    def __len__(self) -> int:
        return self._n
