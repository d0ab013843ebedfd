"""The process of the live server: it ends when the recording does, or its parent.

It runs at a lower priority than the recording, takes no part in it, and holds nothing but a view of
the ring: killing it costs a recording nothing.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from starlette.types import ASGIApp

from pyramidion.core import PyramidionError
from pyramidion.server._app import build_app
from pyramidion.server._checks import free_name
from pyramidion.server._live import LiveView
from pyramidion.server._run import Server, bind, url_of
from pyramidion.server._served import Served
from pyramidion.server._settings import ServerSettings
from pyramidion.storage import end_with_parent

_NICE = 10
_LAST_ANSWERS_S = 1
_LAST_TICKS = 20
"""Tenths of a second in which pages still learn how it ended."""


def run_live_server(
    ring_name: str,
    store: Path | None,
    connection: Connection,
    *,
    settings: ServerSettings,
    listener: socket.socket | None = None,
) -> None:
    """Be the live server until the recording is over, SIGTERM comes, or the parent ends.

    To be the target of a process that ``multiprocessing`` spawns. SIGINT is left to the parent.

    Parameters
    ----------
    ring_name : str
        Name of the parent's :class:`~pyramidion.storage.FrameRing`.
    store : Path, optional
        What is being recorded; it need not exist yet.
    connection : Connection
        Where the URL is sent once the server answers, or the error that it cannot.
    settings : ServerSettings
        Where and how.
    listener : socket, optional
        Bound by the parent, who so knows the port, and keeps it when this process has to be
        started again; otherwise that of `settings` is bound here.
    """
    for ignored in ("SIGINT", "SIGHUP"):
        if hasattr(signal, ignored):
            signal.signal(getattr(signal, ignored), signal.SIG_IGN)
    end_with_parent()  # and so free the port
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICE)
    name = None if store is None else free_name(store.name.lstrip(".") or "data", {})
    served = Served() if store is None or name is None else Served({name: store})
    try:
        with listener or bind(settings) as bound:
            live = LiveView(ring_name, name)
            app = build_app(served, settings, live)
            url = url_of(settings, bound)
            _LiveServer(app, live, lambda: _send(connection, url), settings).run(sockets=[bound])
    except PyramidionError as error:
        _send(connection, error)
    except FileNotFoundError:  # the ring: the recording ended while this process was starting
        return


class _LiveServer(Server):
    """A server that ends with the recording, and whose waiting clients do not hold that up."""

    def __init__(
        self,
        app: ASGIApp,
        live: LiveView,
        on_ready: Callable[[], object],
        settings: ServerSettings,
    ) -> None:
        super().__init__(app, on_ready, settings)
        self.config.timeout_graceful_shutdown = _LAST_ANSWERS_S
        self._live = live
        self._n_last = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End at SIGTERM, not at SIGINT."""
        if sig != signal.SIGINT:
            self._live.end()
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look ten times a second whether the recording is over, and tell that all is well."""
        self._live.beat()
        if self._live.is_over:
            self._live.end()
            self._n_last += 1
            if self._n_last > _LAST_TICKS or not self._live.is_watched:
                return True
        return await super().on_tick(counter)


def _send(connection: Connection, answer: object) -> None:
    with suppress(OSError):  # the parent has given up waiting
        connection.send(answer)
