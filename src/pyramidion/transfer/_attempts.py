"""Requests sent again, with pauses, until they go through or nothing has for too long."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from pyramidion.core import PyramidionError
from pyramidion.storage import is_transient, remote_error
from pyramidion.transfer._aside import aside
from pyramidion.transfer._stores import Stores

Answer = TypeVar("Answer")

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_PATIENT_TRIES = 2


class HaltError(Exception):
    """Raised in workers when the run is over for another reason."""


class TimeUpError(Exception):
    """Nothing went through for too long; its text is what the last request failed of."""


class Attempts:
    """How often requests are repeated, counted for the whole run.

    Parameters
    ----------
    stores : Stores
        Whose requests they are.
    retry_time_s : float
        Longest time in which nothing goes through.
    seed : int, optional
        Of the pauses.

    Attributes
    ----------
    n_retries : int
        Requests that were repeated.
    halt : threading.Event
        Set when the run is over: pauses end at once.
    """

    def __init__(self, stores: Stores, retry_time_s: float, seed: int | None = None) -> None:
        self._stores, self._retry_time_s = stores, retry_time_s
        self._random = random.Random(seed)  # noqa: S311 - pauses are no secret
        self._lock = threading.Lock()
        self._last_success = time.monotonic()
        self.n_retries = 0
        self.halt = threading.Event()

    def run(self, key: str, request: Callable[[int], Answer], *, counts: bool = True) -> Answer:
        """Send a request until it goes through; the main thread can be interrupted meanwhile.

        Parameters
        ----------
        key : str
            Of the object, for messages.
        request : callable
            ``request(tries)`` sends it; `tries` is 0 for the first time.
        counts : bool
            That it goes through means that the run gets on.

        Raises
        ------
        PyramidionError
            If it fails in a way that no repetition mends.
        TimeUpError
            If nothing went through for too long.
        HaltError
            If the run is over.
        """
        from obstore.exceptions import BaseError

        tries = 0
        while True:
            self.check()
            try:
                answer = aside(partial(request, tries))
            except PyramidionError:
                raise
            except (BaseError, OSError, ValueError) as error:
                fault = remote_error(error, self._stores.url(key), self._stores.connection)
                if not is_transient(error):
                    raise fault from None
                tries += 1
                self._check_time(tries, fault)
            else:
                if counts:
                    self.succeeded()
                return answer
            self.pause(tries)

    def check(self) -> None:
        """End the worker if the run is over."""
        if self.halt.is_set():
            raise HaltError

    def succeeded(self) -> None:
        """Note that something went through."""
        self._last_success = time.monotonic()

    def pause(self, tries: int) -> None:
        """Count a repetition and wait before it, longer each time."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (tries - 1))
        with self._lock:
            self.n_retries += 1
            wait_s = longest * self._random.uniform(0.5, 1.0)
        self.halt.wait(wait_s)

    def _check_time(self, tries: int, fault: PyramidionError) -> None:
        silent_s = time.monotonic() - self._last_success
        # One long wait for an answer is not yet a reason: the next request is given more time.
        if silent_s > self._retry_time_s and tries >= _PATIENT_TRIES:
            raise TimeUpError(str(fault.value or fault.what))
