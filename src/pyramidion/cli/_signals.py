"""Ctrl-C, SIGTERM and a closed terminal: the first ends a run cleanly, the second at once."""

from __future__ import annotations

import os
import signal
from types import FrameType

_SHOW_CURSOR = b"\r\x1b[?25h"


_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Terminated(KeyboardInterrupt):
    """SIGTERM, or the terminal was closed: ends a run as cleanly as Ctrl-C does.

    Parameters
    ----------
    number : int
        Which signal.
    """

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.number = number


def catch_signals() -> None:
    """Raise :class:`KeyboardInterrupt` or :class:`Terminated` at the first signal."""
    for number in _STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and `&` ask for
            signal.signal(number, _stop)


def stopped_status(stop: BaseException | None) -> int:
    """Return the exit status of a run that a signal ended."""
    return 128 + (stop.number if isinstance(stop, Terminated) else signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    for again in _STOPPING:
        signal.signal(again, _leave_at_once)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)


def _leave_at_once(number: int, frame: FrameType | None) -> None:
    """Leave without a word: the line is printed already, or the user does not wait for it."""
    del frame
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)  # the progress bar hides it
    os._exit(128 + number)
