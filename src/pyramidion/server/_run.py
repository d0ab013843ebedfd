"""Running an application: the port is bound before anything is announced, and the end is quiet."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from pyramidion.core import StorageError, UsageError
from pyramidion.server._access_log import AccessLog
from pyramidion.server._checks import check_port
from pyramidion.server._clients import IDLE_S, Clients, Connection, connection_limit
from pyramidion.server._origins import Origins
from pyramidion.server._protocol import BoundedProtocol, Traffic
from pyramidion.server._settings import ServerSettings, authority
from pyramidion.server._tls import accept_tls, tls_context
from pyramidion.server._turns import Turns

_BACKLOG = 2048
_LAST_ANSWERS_S = 5
_GIVING_UP_S = 1.0
_TICKS_A_LOOK = 5
"""Tenths of a second."""
_START_S = 30.0
_LOOK_S = 0.2
_NEXT_PORTS = 32


def run(
    app: ASGIApp,
    settings: ServerSettings,
    on_ready: Callable[[str], object] | None = None,
    *,
    listener: socket.socket | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; answers under way are finished first, for five seconds.

    A second signal ends it at once.

    Parameters
    ----------
    app : ASGI application
        From :func:`~pyramidion.server.build_app`.
    settings : ServerSettings
        Where to listen.
    on_ready : callable, optional
        Called with the URL (``http://127.0.0.1:8000``) once the server answers.
    listener : socket, optional
        From :func:`bind`, for a caller who has to know first whether the address is free.

    Raises
    ------
    UsageError, StorageError
        If the address cannot be bound.
    KeyboardInterrupt
        After the clean end that SIGINT asked for.
    """
    with listener or bind(settings) as bound:
        url = url_of(settings, bound)
        ready = None if on_ready is None else lambda: on_ready(url)
        Server(app, ready, settings).run(sockets=[bound])


@contextlib.contextmanager
def serve_background(app: ASGIApp, settings: ServerSettings | None = None) -> Iterator[str]:
    """Serve in a thread while the block runs.

    Parameters
    ----------
    app : ASGI application
        From :func:`~pyramidion.server.build_app`.
    settings : ServerSettings, optional
        Where to listen; by default at a free port of this machine.

    Yields
    ------
    str
        The URL, without a slash at the end.

    Examples
    --------
    >>> from pyramidion.server import build_app
    >>> import tempfile
    >>> with serve_background(build_app([tempfile.gettempdir()])) as url:
    ...     url.startswith("http://127.0.0.1:")
    True
    """
    settings = settings or ServerSettings(port=0)
    with bind(settings) as listener:
        url = url_of(settings, listener)
        ready = threading.Event()
        server = Server(app, ready.set, settings)

        def serve() -> None:
            with contextlib.suppress(SystemExit):  # if the application does not start
                server.run([listener])

        thread = threading.Thread(target=serve, name="pyramidion-server", daemon=True)
        thread.start()
        try:
            until = time.monotonic() + _START_S
            while not ready.wait(_LOOK_S) and thread.is_alive() and time.monotonic() < until:
                pass
            if not ready.is_set():
                raise StorageError(url, "the server did not start", id="PYR-SRV-01")
            yield url
        finally:
            server.should_exit = True
            thread.join()


def bind(settings: ServerSettings) -> socket.socket:
    """Take the address that a server will listen on.

    Parameters
    ----------
    settings : ServerSettings
        Where to listen.

    Returns
    -------
    socket
        Bound, not yet listening.

    Raises
    ------
    UsageError
        If the port or the host cannot be an address of this machine.
    StorageError
        If the port is in use.
    """
    host, port = settings.host, check_port(settings.port)
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise UsageError("--host", "not an address", host, id="PYR-SRV-01") from None
    listener = socket.socket(family, kind)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)  # now, so that two servers cannot both believe it is theirs
    except OSError as error:
        listener.close()
        raise _cannot_bind(error, host, port) from None
    return listener


def bind_next(settings: ServerSettings) -> socket.socket:
    """Take the address that a server will listen on, at the next port if that one is in use.

    Parameters
    ----------
    settings : ServerSettings
        Where to listen; at the ports after this one too, and then at any.

    Returns
    -------
    socket
        Bound, not yet listening.

    Raises
    ------
    UsageError
        If the host cannot be an address of this machine.
    StorageError
        If no port is free.
    """
    for port in range(settings.port, min(settings.port + _NEXT_PORTS, 2**16)):
        with contextlib.suppress(StorageError):
            return bind(replace(settings, port=port))
    return bind(replace(settings, port=0))


class Server(uvicorn.Server):
    """A server that tells when it answers, and keeps its limits.

    Parameters
    ----------
    app : ASGI application
        The routes.
    on_ready : callable, optional
        Called once it answers.
    settings : ServerSettings, optional
        How many clients, whether encrypted, what is logged.

    Raises
    ------
    UsageError
        If certificate, key or log file cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_ready: Callable[[], object] | None,
        settings: ServerSettings | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=int(IDLE_S),
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        super().__init__(config)
        self._on_ready = on_ready
        settings = settings or ServerSettings()
        self._tls = tls_context(settings.tls_cert, settings.tls_key)
        self._clients = Clients(connection_limit(settings.max_clients))
        self._turns = Turns(
            settings.max_answers, settings.max_answers_per_client, lambda: self._clients.is_full
        )
        self._log = None
        if settings.access_log is not None:
            self._log = AccessLog(settings.access_log, settings.token)
        self.server_state = Traffic(self._clients, self._turns, Origins.of(settings), self._log)
        self._doors: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        if self._tls is None:
            await super().startup(sockets=sockets)
        else:
            await super().startup(sockets=[])
            loop = asyncio.get_running_loop()
            self._doors = [
                loop.create_task(accept_tls(each, self._tls, self._clients, self._connection))
                for each in sockets or ()
            ]
        if self._on_ready is not None:
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look after slow clients and the log; return whether to end."""
        if counter % _TICKS_A_LOOK == 0:
            self._look()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End; at the second signal at once."""
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody, finish what is being answered, close the rest without a word."""
        for door in self._doors:
            door.cancel()
        for server in self.servers:
            server.close()
        for bound in sockets or ():
            bound.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_for_the_last(self.config.timeout_graceful_shutdown or 0)
        # Who is still there reads too slowly, or waits for what takes too long. Without their
        # connections most answers end by themselves.
        self._clients.hang_up()
        await asyncio.sleep(0.05)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._wait_for_the_last(0 if self.force_exit else _GIVING_UP_S)
        await self.lifespan.shutdown()
        if self._log is not None:
            self._log.close()

    async def _wait_for_the_last(self, limit_s: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while len(self._clients) or self.server_state.tasks:
            if self.force_exit or loop.time() >= until:
                return
            self._look()
            await asyncio.sleep(0.02)

    def _look(self) -> None:
        self._clients.look(asyncio.get_running_loop().time())
        self._turns.begin_next()
        if self._log is not None:
            self._log.write()

    def _connection(self, door: Connection) -> asyncio.Protocol:
        state = self.lifespan.state
        made = BoundedProtocol(self.config, server_state=self.server_state, app_state=state)
        made.door = door
        return made


def url_of(settings: ServerSettings, listener: socket.socket) -> str:
    """Return the URL of a server that listens there, as this machine reaches it."""
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{authority(settings.host, listener.getsockname()[1])}"


def _cannot_bind(error: OSError, host: str, port: int) -> UsageError | StorageError:
    if error.errno == errno.EADDRINUSE:
        owner = _listening_process(port)
        what = f"{port} in use" + (f" by process {owner}" if owner else "")
        mend = "use --port 0 for a free one"
        return StorageError("--port", what, None, mend, id="PYR-SRV-01")
    if error.errno == errno.EACCES:
        mend = "ports below 1024 need special rights, use --port 8000"
        return UsageError("--port", "not permitted", port, mend, id="PYR-SRV-01")
    return UsageError("--host", "not an address of this machine", host, id="PYR-SRV-01")


def _listening_process(port: int) -> int | None:
    """Return the process that listens on a port; None where that cannot be seen (not Linux)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if any(os.readlink(fd) in inodes for fd in (process / "fd").iterdir()):  # noqa: PTH115
                return int(process.name)
    return None
