"""Whose answer is made now, and whose has to wait: a bound for all, and one for each address.

What is counted are answers that are being made: one that waits for its reader, or for a camera's
next frame, costs nothing and lets the next one begin.

>>> turns = Turns(max_active=2, max_active_per_client=1)
>>> turns.take_at_once("10.0.0.7") is None, turns.take_at_once("10.0.0.7") is None
(False, True)
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from pyramidion.server._settings import is_loopback

_WAITING_PER_ACTIVE = 4
_LONGEST_WAIT_S = 10.0

_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


class NoTurnError(Exception):
    """No turn for this answer, now or soon.

    Parameters
    ----------
    status : int
        503 if everybody is to blame, 429 if it is this client.
    id_ : str
        Stable identifier.
    what : str
        The same in words.
    """

    def __init__(self, status: int, id_: str, what: str) -> None:
        super().__init__(what)
        self.status, self.id, self.what = status, id_, what


class Turn:
    """The right to make one answer."""

    __slots__ = ("_client", "_counted", "_held", "_turns")

    def __init__(self, turns: Turns, client: str | None) -> None:
        self._turns, self._client = turns, client
        self._counted = self._held = True

    def rest(self, *, keep_place: bool = True) -> None:
        """Let others go first while this answer waits for somebody else.

        Parameters
        ----------
        keep_place : bool
            It still counts as one of those of its client.
        """
        if self._counted:
            self._counted = False
            self._turns.release(self._client if self._held and not keep_place else None)
            self._held = self._held and keep_place

    def go_on(self) -> None:
        """Go on at once: what has begun is not made to wait again."""
        if not self._counted:
            self._counted = True
            self._turns.count(None if self._held else self._client)
            self._held = True

    def end(self) -> None:
        """Be done with it."""
        self._turns.release(self._client if self._held else None, n_active=int(self._counted))


class Turns:
    """The answers that are made at a time.

    Parameters
    ----------
    max_active : int
        Most of them; four times as many may wait.
    max_active_per_client : int
        Most of one client; half of those who wait may be of one client too.
    is_full : callable, optional
        Tells that so much waits to be read by slow clients that nothing may be added.
    """

    def __init__(
        self,
        max_active: int,
        max_active_per_client: int,
        is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._max_active, self._max_each = max_active, max_active_per_client
        self._max_waiting = _WAITING_PER_ACTIVE * max_active
        self._is_full = is_full
        self._n_active = 0
        self._of_client: Counter[str] = Counter()
        self._waiting: dict[asyncio.Future[Turn], str | None] = {}

    def take_at_once(self, client: str | None) -> Turn | None:
        """Return a turn if nobody has to wait; otherwise None.

        Parameters
        ----------
        client : str or None
            From :func:`client_key`.
        """
        if self._waiting or not self._may_begin(client):
            return None
        self.count(client)
        return Turn(self, client)

    async def take(self, client: str | None) -> Turn:
        """Wait for a turn.

        Raises
        ------
        NoTurnError
            If too many wait already, or it takes too long.
        """
        turn = self.take_at_once(client)
        if turn is not None:
            return turn
        self._check_room(client)
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Turn] = loop.create_future()
        self._waiting[waiting] = client
        timer = loop.call_later(_LONGEST_WAIT_S, _refuse, waiting)
        self._begin_next()  # it may be that only those before it have to wait
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():  # too late: the turn was given already
                waiting.result().end()
            raise
        finally:
            timer.cancel()
            self._waiting.pop(waiting, None)

    def count(self, client: str | None) -> None:
        """Count an answer that is made from now on."""
        self._n_active += 1
        if client is not None:
            self._of_client[client] += 1

    def release(self, client: str | None, n_active: int = 1) -> None:
        """Count an answer no longer, and begin the next one."""
        self._n_active -= n_active
        if client is not None:
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]
        self.begin_next()

    def begin_next(self) -> None:
        """Begin what waits, as far as there is room."""
        if self._waiting:
            self._begin_next()

    def _begin_next(self) -> None:
        for waiting, client in list(self._waiting.items()):
            if self._n_active >= self._max_active:
                return
            if not waiting.done() and self._may_begin(client):
                del self._waiting[waiting]
                self.count(client)
                waiting.set_result(Turn(self, client))

    def _may_begin(self, client: str | None) -> bool:
        if self._n_active >= self._max_active or self._is_full():
            return False
        return client is None or self._of_client[client] < self._max_each

    def _check_room(self, client: str | None) -> None:
        if client is not None:
            n_waiting = sum(other == client for other in self._waiting.values())
            if n_waiting >= self._max_waiting // 2:
                raise NoTurnError(
                    429, "PYR-HTTP-17", "too many requests at a time from this address"
                )
        if len(self._waiting) >= self._max_waiting:
            raise NoTurnError(503, "PYR-HTTP-17", "too many requests at a time")


def _refuse(waiting: asyncio.Future[Turn]) -> None:
    if not waiting.done():
        waiting.set_exception(NoTurnError(503, "PYR-HTTP-17", "too many requests at a time"))


@functools.lru_cache(maxsize=1024)
def client_key(address: str | None) -> str | None:
    """Return what is one client: an IPv4 address, or the /64 network that a home or a lab has.

    Returns
    -------
    str or None
        None for clients whose answers are not counted for themselves: behind a loopback address
        are the proxy and the tunnel through which many come, and the programs of this machine's
        own users.

    Examples
    --------
    >>> client_key("127.0.0.1"), client_key("10.0.0.7"), client_key("2001:db8::1:2:3:4")
    (None, '10.0.0.7', '2001:db8::')
    """
    if address is None or is_loopback(address):
        return None
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)).network_address)


def begin_turn(turn: Turn) -> None:
    """Make it the turn of the running task."""
    _current.set(turn)


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """Let other answers go first while the block waits for something that costs nothing."""
    turn = _current.get()
    if turn is None:
        yield
        return
    turn.rest(keep_place=False)
    try:
        yield
    finally:
        turn.go_on()
