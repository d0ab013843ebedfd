"""TLS: certificate and key, and the handshake with a limit of time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from pyramidion.core import UsageError
from pyramidion.server._clients import HEAD_S, Clients, Connection

_CERT, _KEY = "--tls-cert", "--tls-key"
_SHUTDOWN_S = 5.0
_NEXT_TRY_S = 0.05


def tls_context(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return what makes connections encrypted.

    Parameters
    ----------
    certificate : str or None
        PEM file with the certificate, and those that lead to its authority.
    key : str or None
        PEM file with its private key, without a passphrase.

    Returns
    -------
    SSLContext or None
        None if there is neither.

    Raises
    ------
    UsageError
        If one is missing, unreadable, not what it should be, or if they do not match.
    """
    if certificate is None and key is None:
        return None
    if certificate is None:
        raise UsageError(_CERT, "is missing", None, f"{_KEY} needs it", id="PYR-SRV-06")
    if key is None:
        raise UsageError(_KEY, "is missing", None, f"{_CERT} needs it", id="PYR-SRV-06")
    _check_readable(_CERT, certificate)
    _check_readable(_KEY, key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except ssl.SSLError:
        what, mend = "not a certificate", "name a PEM file (BEGIN CERTIFICATE)"
        raise UsageError(_CERT, what, certificate, mend, id="PYR-SRV-06") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_ask_nobody)
    except _EncryptedError:
        what, mend = "is encrypted", "write it without its passphrase: openssl pkey"
        raise UsageError(_KEY, what, key, mend, id="PYR-SRV-06") from None
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            what, mend = "does not match the certificate", f"name the key of {certificate}"
        else:
            what, mend = "not a private key", "name a PEM file (BEGIN PRIVATE KEY)"
        raise UsageError(_KEY, what, key, mend, id="PYR-SRV-06") from None
    return context


async def accept_tls(
    listener: socket.socket,
    context: ssl.SSLContext,
    clients: Clients,
    connection: Callable[[Connection], asyncio.Protocol],
) -> None:
    """Accept connections and let them in when their handshake is done, until it is cancelled.

    Parameters
    ----------
    listener : socket
        Listening.
    context : SSLContext
        From :func:`tls_context`.
    clients : Clients
        The connections of the server, among which those at the door count.
    connection : callable
        Makes the protocol of a connection, which takes the place of what it is given.
    """
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    while True:
        try:
            accepted, _ = await loop.sock_accept(listener)
        except OSError:  # it left already, or this process has no file left
            await asyncio.sleep(_NEXT_TRY_S)
        else:
            Door(accepted, context, clients, connection)


class Door:
    """A connection until its handshake is done; it counts as one that asks for nothing yet."""

    n_moves = 0
    n_unread = n_queued = 0

    def __init__(
        self,
        accepted: socket.socket,
        context: ssl.SSLContext,
        clients: Clients,
        connection: Callable[[Connection], asyncio.Protocol],
    ) -> None:
        self._clients = clients
        loop = asyncio.get_running_loop()
        inside = connection(self)
        self._handshake = loop.create_task(self._shake_hands(accepted, context, inside))
        clients.add(self, loop.time())

    def refuse(self, *_: object) -> None:
        """Close: there is no way yet to say why."""
        self.hang_up()

    def hang_up(self) -> None:
        """Close at once."""
        self._handshake.cancel()

    async def _shake_hands(
        self, accepted: socket.socket, context: ssl.SSLContext, inside: asyncio.Protocol
    ) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: inside,
                accepted,
                ssl=context,
                ssl_handshake_timeout=HEAD_S,
                ssl_shutdown_timeout=_SHUTDOWN_S,
            )
        except OSError:  # no TLS, a browser that does not trust us, nobody there any more
            accepted.close()
        except asyncio.CancelledError:  # from here: nobody waits for this task
            accepted.close()
        finally:
            self._clients.remove(self)


class _EncryptedError(Exception):
    """The key has a passphrase."""


def _ask_nobody() -> str:
    """Refuse to give a passphrase; otherwise the library would ask on the terminal."""
    raise _EncryptedError


def _check_readable(option: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except FileNotFoundError:
        raise UsageError(option, "no such file", path, id="PYR-SRV-06") from None
    except OSError as error:
        what = (error.strerror or "cannot be read").lower()
        mend = "read access is needed"
        raise UsageError(option, what, path, mend, id="PYR-SRV-06") from None
