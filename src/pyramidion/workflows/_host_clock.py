"""One clock for everything that a host records: Unix time that never jumps.

The system's clock may be set while a recording runs, by an hour or by a day. So it is asked once,
and from then on the monotonic clock counts, which all processes of a machine share.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Self

from pyramidion.core import UsageError

CLOCK_VARIABLE = "PYRAMIDION_CLOCK"
"""``<unix_ns>:<monotonic_ns>``: one moment on both clocks, for programs that shall agree."""


@dataclass(frozen=True)
class HostClock:
    """Unix time from the monotonic clock.

    Parameters
    ----------
    unix_ns, monotonic_ns : int
        One moment on both clocks.
    """

    unix_ns: int
    monotonic_ns: int

    @classmethod
    def now(cls) -> Self:
        """Return the clock that the environment asks for, otherwise one that is set now.

        Raises
        ------
        UsageError
            If the environment's is not one.
        """
        given = os.environ.get(CLOCK_VARIABLE)
        if not given:
            return cls(time.time_ns(), time.monotonic_ns())
        unix, _, monotonic = given.partition(":")
        if not (unix.isdigit() and monotonic.isdigit()):
            mend = "write <unix ns>:<monotonic ns>"
            raise UsageError(CLOCK_VARIABLE, "not a clock", given, mend, id="PYR-ACQ-09")
        return cls(int(unix), int(monotonic))

    def __str__(self) -> str:
        """Return the value for the environment."""
        return f"{self.unix_ns}:{self.monotonic_ns}"

    def unix_s(self) -> float:
        """Return the time now, in seconds since 1970."""
        return (self.unix_ns + time.monotonic_ns() - self.monotonic_ns) / 1e9

    def jump_s(self) -> float:
        """Return by how much the system's clock was set since this one was."""
        return time.time() - self.unix_s()
