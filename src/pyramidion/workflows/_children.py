"""Processes that belong to a recording: they start without noticing Ctrl-C."""

from __future__ import annotations

import signal
from multiprocessing.process import BaseProcess


def start_child(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach, from its first moment on.

    A terminal sends the signal to all processes at once; only the one that was started by the user
    shall act on it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        process.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
