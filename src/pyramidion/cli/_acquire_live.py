"""The live server beside a recording: how it is asked for, and what is said of it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pyramidion.server import (
    ServerSettings,
    bind,
    bind_next,
    check_bind,
    check_origins,
    run_live_server,
)

if TYPE_CHECKING:
    from pyramidion.workflows._live_process import ServeLive

DEFAULT_PORT = 8080
_ANY = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound


class Live(NamedTuple):
    """A live server whose address is taken, and which is not running yet.

    Parameters
    ----------
    settings : ServerSettings
        How it behaves.
    listener : socket
        Bound here: the port is known before a camera is opened, and stays ours when the server's
        process has to be started again.
    """

    settings: ServerSettings
    listener: socket.socket

    @property
    def serve(self) -> ServeLive:
        """The function that is the server, for a process of its own."""
        return partial(run_live_server, settings=self.settings, listener=self.listener)


def open_live(values: Mapping[str, Any]) -> Live:
    """Take the address of the live server.

    Parameters
    ----------
    values : mapping
        ``--host``, ``--port``, ``--cors``, ``--token``, ``--no-token`` and ``--really``, as far as
        they are given. Without a port it is 8080, or the next one that is free.

    Raises
    ------
    UsageError
        If one of them is wrong.
    StorageError
        If the port that was asked for is in use.
    """
    host, port = values.get("--host", "127.0.0.1"), values.get("--port")
    given = values.get("--token")
    token = check_bind(
        host, given, no_token=bool(values.get("--no-token")), really=bool(values.get("--really"))
    )
    settings = ServerSettings(
        host=host,
        port=DEFAULT_PORT if port is None else port,
        cors=check_origins(values.get("--cors", ()), token=token),
        token=token,
        allowed_hosts=(socket.gethostname(),) if host in _ANY else (),
        # A token that nobody asked for keeps other machines out; the programs here go on working.
        free_for_this_machine=token is not None and given is None,
    )
    return Live(settings, bind(settings) if port is not None else bind_next(settings))


def live_lines(settings: ServerSettings, url: str) -> list[str]:
    """Say where the live picture is, and the token once.

    Parameters
    ----------
    settings : ServerSettings
        Of the server.
    url : str
        Where it answers on this machine.
    """
    if settings.token is None:
        return [f"Live at {url}/viewer"]
    port = url.rpartition(":")[2]
    reached = f"http://{socket.gethostname()}:{port}" if settings.host in _ANY else url
    free = " On this machine it needs none." if settings.free_for_this_machine else ""
    return [
        f"Live at {reached}/viewer, for those who have its token.{free}",
        f"Open it once with its token: {reached}/viewer#token={settings.token}",
    ]
