"""All connections of a server: which one makes room for a new one, and which is too slow.

Nobody is turned away while somebody is there who holds a connection and asks for nothing. Times are
looked at twice a second; a request costs two entries of a dictionary.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Protocol

HEAD_S = 10.0
"""Time for the head of a request to arrive."""
IDLE_S = 30.0
"""Silence between two requests."""
SLOW_S = 10.0
SLOW_BYTES = 10 * 1024
"""An answer of which fewer bytes are read in `SLOW_S` is closed: 1 KiB a second."""
MAX_UNREAD = 256 * 2**20
"""Bytes of answers that wait to be read; while there are more, none is begun."""

_STUCK_S = 2.0
"""Readers who took nothing for so long are closed when there is more than `MAX_UNREAD`."""


class Connection(Protocol):
    """What is asked of a connection."""

    n_moves: int
    """Grows with every answer that was handed over, or that can be handed over further."""

    @property
    def n_unread(self) -> int:
        """Bytes that are held for the client and that the system did not take yet."""

    @property
    def n_queued(self) -> int:
        """Bytes that the system took and that the client did not receive yet."""

    def refuse(self, status: int, id_: str, what: str) -> None:
        """Answer with an error and close."""

    def hang_up(self) -> None:
        """Close at once, whatever is still to be sent."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a reader stood at some time."""

    time_s: float
    n_moves: int
    n_left: int
    """Bytes still to be received; those that the system holds may be megabytes."""


class Clients:
    """The connections of a server.

    Parameters
    ----------
    max_clients : int
        Most of them.

    Attributes
    ----------
    stalled : set
        Those whose clients read more slowly than they are answered.
    """

    def __init__(self, max_clients: int) -> None:
        self._max_clients = max_clients
        self._all: dict[Connection, None] = {}
        self._unfinished: dict[Connection, float] = {}  # the oldest first, as all of these
        self._idle: dict[Connection, float] = {}
        self._marks: dict[Connection, _Mark] = {}
        self.stalled: set[Connection] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    @property
    def is_full(self) -> bool:
        """Whether more waits to be read than may be held."""
        return bool(self.stalled) and self._n_unread() > MAX_UNREAD

    def add(self, one: Connection, now: float) -> None:
        """Take in a new connection, in place of one that has not asked for anything for longest.

        Where all are being answered, it is the new one that is refused.
        """
        self._all[one] = None
        self._unfinished[one] = now
        if len(self._all) > self._max_clients:
            # Those who never finish a request go first: a browser's idle connection is of use.
            out = next(iter(self._unfinished))
            if out is one and self._idle:
                out = next(iter(self._idle))
            if out is one:
                one.refuse(503, "PYR-HTTP-17", "too many connections")
            else:
                out.hang_up()
            self.remove(out)

    def remove(self, one: Connection) -> None:
        """Forget a connection that is closed."""
        for kept in (self._all, self._unfinished, self._idle, self._marks):
            kept.pop(one, None)
        self.stalled.discard(one)

    def begins(self, one: Connection, now: float) -> None:
        """Note that the first byte of a request came."""
        if one in self._all:
            self._idle.pop(one, None)
            self._unfinished.setdefault(one, now)

    def asks(self, one: Connection) -> None:
        """Note that a request is complete and is being answered."""
        self._unfinished.pop(one, None)

    def rests(self, one: Connection, now: float) -> None:
        """Note that its answer was handed over."""
        if one in self._all:
            self._idle[one] = now

    def hang_up(self) -> None:
        """Close all at once."""
        for one in list(self._all):
            one.hang_up()

    def look(self, now: float) -> None:
        """Close those who take too long: to ask, to ask again, or to read."""
        for one in _older_than(self._unfinished, now - HEAD_S):
            one.refuse(408, "PYR-HTTP-16", "the request did not arrive in time")
        for one in _older_than(self._idle, now - IDLE_S):
            one.hang_up()
        self._mark(now)
        for one, mark in list(self._marks.items()):
            if now - mark.time_s >= SLOW_S:
                one.hang_up()
        if self._n_unread() > MAX_UNREAD:
            self._make_room(now)

    def _mark(self, now: float) -> None:
        """Note who has moved on since they were looked at, and who has nothing to read."""
        for one in self._all:
            if not one.n_unread:
                self._marks.pop(one, None)
                continue
            n_left = one.n_unread + one.n_queued
            mark = self._marks.get(one)
            if mark is None or mark.n_moves != one.n_moves or mark.n_left - n_left >= SLOW_BYTES:
                self._marks[one] = _Mark(now, one.n_moves, n_left)

    def _make_room(self, now: float) -> None:
        """Close who took nothing for longest, until little enough is held."""
        for one in sorted(self._marks, key=lambda one: self._marks[one].time_s):
            if now - self._marks[one].time_s < _STUCK_S or self._n_unread() <= MAX_UNREAD:
                return
            one.hang_up()

    def _n_unread(self) -> int:
        return sum(one.n_unread for one in self.stalled)


def connection_limit(max_clients: int) -> int:
    """Return how many connections this process can have: half of its files at most.

    Parameters
    ----------
    max_clients : int
        How many were asked for.
    """
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return max(1, min(max_clients, soft // 2))
    return max_clients


def queued_bytes(handle: int) -> int:
    """Return how many bytes of a socket the system holds until they are acknowledged.

    Parameters
    ----------
    handle : int
        Its file descriptor.

    Returns
    -------
    int
        0 where the system does not tell.

    Notes
    -----
    Source: SIOCOUTQ in tcp(7), which is TIOCOUTQ.
    """
    with contextlib.suppress(ImportError, OSError):
        import fcntl
        import termios

        answer = fcntl.ioctl(handle, termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(answer, sys.byteorder)
    return 0


def _older_than(times: dict[Connection, float], limit: float) -> list[Connection]:
    old = []
    for one, time in times.items():
        if time > limit:
            break
        old.append(one)
    return old
