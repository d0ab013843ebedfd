"""Keeping signals out of moments that must not be left half-way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextmanager
def undisturbed(*, then_raise: bool = True) -> Iterator[None]:
    """Have the first signal to stop wait until the block is done; the second acts at once.

    Parameters
    ----------
    then_raise : bool
        Let it act after the block; otherwise it has come too late to matter.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread meets signals
        return
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in _STOPPING}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def wait(number: int, _frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            restore()
            signal.raise_signal(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, wait)
    try:
        yield
    finally:
        restore()
    if waiting and then_raise:
        signal.raise_signal(waiting[0])
