"""Ctrl-C and SIGTERM: the first ends a run cleanly, the second at once."""

from __future__ import annotations

import os
import signal
from types import FrameType

_SHOW_CURSOR = b"\r\x1b[?25h"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as cleanly as Ctrl-C does."""


def catch_signals() -> None:
    """Raise :class:`KeyboardInterrupt` or :class:`Terminated` at the first signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and `&` ask for
            signal.signal(number, _stop)


def stopped_status(stop: BaseException | None) -> int:
    """Return the exit status of a run that a signal ended."""
    return 143 if isinstance(stop, Terminated) else 130


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, _leave_at_once)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _leave_at_once(number: int, frame: FrameType | None) -> None:
    """Leave without a word: the line is printed already, or the user does not wait for it."""
    del frame
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)  # the progress bar hides it
    os._exit(128 + number)
