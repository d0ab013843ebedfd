"""The number of each frame, and which frames are missing before it.

Three things tell of frames that never came. The library's count of transferred frames: a reader
that fell behind a whole ring sees it jump. The camera's stamp on each frame, 32 bits that wrap
around: a step of more than one is a loss before the ring. And errors of the wait, "a frame was
lost", which some cameras show in the stamps as well and others do not. So of what stamps show and
what was reported, the larger number counts.
"""

from __future__ import annotations

from typing import Final

from pyramidion.core import Lost
from pyramidion.instruments._dcam.constants import UNKNOWN_STAMP

_MASK: Final = 0xFFFFFFFF
_HALF: Final = 1 << 31


def unwrapped(total: int, low_bits: int) -> int:
    """Return a count of any size from its low 32 bits, and what it was shortly before.

    Examples
    --------
    >>> unwrapped(2**32 - 2, 1) - 2**32
    1
    """
    return total + ((low_bits - total) & _MASK)


class Numbering:
    """Numbers frames from 0 and lists what is missing.

    Parameters
    ----------
    has_stamps : bool
        Whether the frames carry stamps that count; otherwise transfers are counted.

    Attributes
    ----------
    next_number : int
        Of the next frame, if none is missing before it.
    lost : list of Lost
        Grows; whoever hands it on empties it.
    """

    def __init__(self, *, has_stamps: bool) -> None:
        self._has_stamps = has_stamps
        self.next_number = 0
        self.lost: list[Lost] = []
        self._next_index = 0
        self._last_stamp: int | None = None
        self._n_shown = self._n_reported = self._n_settled = self._n_counted = 0
        self._settle_at = 0

    def take(self, index: int, stamp: int) -> int:
        """Return the number of a frame that was fetched.

        Parameters
        ----------
        index : int
            Its place among all frames transferred since the start; rises from call to call. Those
            left out were overwritten in the ring.
        stamp : int
            The camera's, any 32 bits of it.

        Returns
        -------
        int
        """
        skipped = index - self._next_index
        if self._has_stamps:
            self._n_shown += self._missing(skipped, stamp & _MASK)
        if index >= self._settle_at:
            self._n_settled = self._n_reported
        self._lose(skipped, "driver")
        self._lose_by_camera()
        number = self.next_number
        self.next_number, self._next_index = number + 1, index + 1
        return number

    def report(self, n_transferred: int) -> None:
        """Note the error "a frame was lost".

        It counts only if the stamps do not show it: they do so at the second frame at the latest
        that is transferred after the report. Without stamps it lies before the next transfer.

        Parameters
        ----------
        n_transferred : int
            Frames transferred so far.
        """
        self._n_reported += 1
        self._settle_at = n_transferred + (1 if self._has_stamps else 0)

    def settle(self) -> None:
        """Count what was reported and is behind the last frame, when no further frame comes."""
        self._n_settled = self._n_reported
        self._lose_by_camera()

    def _lose_by_camera(self) -> None:
        n_lost = max(self._n_shown, self._n_settled)
        self._lose(n_lost - self._n_counted, "camera")
        self._n_counted = n_lost

    def _lose(self, n_frames: int, reason: str) -> None:
        if n_frames:
            self.lost.append(Lost(self.next_number, n_frames, reason))
            self.next_number += n_frames

    def _missing(self, skipped: int, stamp: int) -> int:
        """Return the frames that the stamp says are missing, beyond those skipped in the ring."""
        last, usual = self._last_stamp, skipped + 1
        if last is None:
            self._last_stamp = None if stamp == UNKNOWN_STAMP else stamp
            return 0
        step = (stamp - last) & _MASK
        if stamp == UNKNOWN_STAMP and step != usual:
            self._last_stamp = (last + usual) & _MASK
            return 0
        self._last_stamp = stamp
        # A stamp that stands still or goes back was set anew: it says nothing of this step.
        return max(0, step - usual) if step < _HALF else 0
