"""Requests on threads of their own.

Python tells the main thread of Ctrl-C only between its own instructions, never within a call of the
client library that waits for a silent store; and the threads of that library, which ask for the parts
of an object, must not wait for another request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

_LISTEN_S = 0.5
_WATCH_S = 1.0


def aside(request: Callable[[], Answer], timeout_s: float | None = None) -> Answer:
    """Run a request on a thread of its own if this is the main one.

    Parameters
    ----------
    request : callable
        Whatever it raises is raised here.
    timeout_s : float, optional
        How long it is waited for; the thread is left behind then.

    Raises
    ------
    TimeoutError
        If it takes longer.
    """
    if timeout_s is None and threading.current_thread() is not threading.main_thread():
        return request()
    answers: list[Answer] = []
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(request())
        except BaseException as error:  # noqa: BLE001 - raised again below
            faults.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="transfer-aside")
    thread.start()
    if timeout_s is not None:
        thread.join(timeout_s)
    else:
        while thread.is_alive():  # where signals do not end a wait, its end hears them
            thread.join(_LISTEN_S)
    if faults:
        raise faults[0]
    if not answers:
        raise TimeoutError
    return answers[0]


class Watch:
    """Looks again and again, while an object is sent in parts, whether that is still right.

    Parameters
    ----------
    look : callable
        Raises if it is not.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look, self._end = look, threading.Event()
        self._fault: BaseException | None = None

    def begin(self) -> None:
        """Look once, and then on a thread of its own."""
        self._look()
        threading.Thread(target=self._watch, daemon=True, name="transfer-watch").start()

    def check(self) -> None:
        """Raise what was found wrong; asks nobody."""
        if self._fault is not None:
            raise self._fault

    def end(self) -> None:
        """Look no more."""
        self._end.set()

    def _watch(self) -> None:
        while not self._end.wait(_WATCH_S):
            try:
                self._look()
            except BaseException as error:  # noqa: BLE001 - raised again by `check`
                self._fault = error
                return
