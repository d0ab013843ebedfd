"""The clock of a camera that is made up or played from a file."""

from __future__ import annotations

import time
from typing import NamedTuple

from pyramidion.core import Lost

_SHORTEST_S = 20e-6


class Taken(NamedTuple):
    """A run of frames that are handed out.

    Parameters
    ----------
    first, stop : int
        Numbers of the first, and behind the last; equal when none came in time.
    lost : Lost or None
        Frames that were overwritten before them.
    """

    first: int
    stop: int
    lost: Lost | None = None


class Pace:
    """Frame n is there (n + 1) / rate seconds after the start, whoever waits for it.

    Parameters
    ----------
    rate_hz : float
        Frames a second; 0 for as many as are asked for.
    n_buffers : int, optional
        Frames that are held until they are taken; older ones are lost. None holds all.
    stall : (int, float)
        Before this frame nothing comes for so many seconds.
    """

    def __init__(
        self, rate_hz: float, n_buffers: int | None = None, stall: tuple[int, float] = (0, 0.0)
    ) -> None:
        self._rate, self._held, self._stall = rate_hz, n_buffers, stall
        self._start, self._next = time.monotonic(), 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, by the monotonic clock."""
        return time.monotonic() - self._start

    @property
    def next(self) -> int:
        """Number of the next frame to be handed out."""
        return self._next

    def take(self, at_most: int, limit: int, timeout_s: float) -> Taken:
        """Wait for frames.

        Parameters
        ----------
        at_most : int
            Most that are wanted.
        limit : int
            There are no frames from this number on.
        timeout_s : float
            Longest to wait for the first.
        """
        until = time.monotonic() + timeout_s
        while (due := min(self._due(), limit)) <= self._next:
            now = time.monotonic()
            if now >= until:
                return Taken(self._next, self._next)
            time.sleep(max(_SHORTEST_S, min(self._when(self._next), until) - now))
        lost = None
        if self._rate and self._held is not None and due - self._next > self._held:
            lost = Lost(self._next, due - self._held - self._next, "driver")
            self._next = due - self._held
        first, self._next = self._next, min(due, self._next + at_most)
        return Taken(first, self._next, lost)

    def _due(self) -> int:
        """Return how many frames are there by now."""
        if not self._rate:
            return 1 << 62
        place, seconds = self._stall
        due = int(self.elapsed_s * self._rate)
        return due if due <= place else max(place, int((self.elapsed_s - seconds) * self._rate))

    def _when(self, number: int) -> float:
        place, seconds = self._stall
        return self._start + (number + 1) / self._rate + (seconds if number >= place else 0.0)
