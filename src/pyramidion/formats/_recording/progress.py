"""Which frames are there: the run from the first on, and what has come ahead of it."""

from __future__ import annotations


class Progress:
    """Counts frames that come in any order.

    Parameters
    ----------
    first : int
        Frames that are there already.

    Examples
    --------
    >>> progress = Progress(0)
    >>> progress.add(4, 2), progress.add(0, 4)
    (0, 6)
    """

    def __init__(self, first: int) -> None:
        self.contiguous = first
        self._ahead: dict[int, int] = {}

    def add(self, t: int, n_frames: int) -> int:
        """Add a run; return how many frames there are without a gap."""
        self._ahead[t] = n_frames
        while (n := self._ahead.pop(self.contiguous, 0)) > 0:
            self.contiguous += n
        return self.contiguous
