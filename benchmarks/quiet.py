"""Measuring while nobody else uses the machine: a busy one says little about times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from processes import busy_seconds, our_seconds


class Quiet:
    """Runs things while nobody else uses the machine, as long as that can be waited for.

    What was disturbed is done again, until `limit_s` seconds have gone in waiting.
    """

    MOST = 25
    """Percent of a core."""

    def __init__(self, limit_s: float) -> None:
        self._until = time.monotonic() + limit_s
        self.taken: list[float] = []

    def run(self, act: Callable[[], Any]) -> Any:
        """Return what `act` returns."""
        while True:
            while time.monotonic() < self._until and watched(lambda: time.sleep(2))[1] > self.MOST:
                pass
            found, taken = watched(act)
            if taken <= self.MOST or time.monotonic() >= self._until:
                self.taken.append(taken)
                return found


def watched(act: Callable[[], Any]) -> tuple[Any, int]:
    """Return what `act` returns, and what others took of the machine meanwhile, in percent of a core."""
    since, busy, ours = time.time(), busy_seconds(), our_seconds()
    found = act()
    theirs = busy_seconds() - busy - (our_seconds() - ours)
    return found, round(100 * theirs / (time.time() - since))
