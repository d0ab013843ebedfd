"""Who may ask: the Host header and the token.

The Host header is checked so that a page elsewhere cannot give its own name the address of this
machine and read as if it were from here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from pyramidion.server._errors import BadRequestError, HostError, TokenError
from pyramidion.server._settings import ServerSettings, is_loopback

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_IN_QUERY = b"token="
_PASSED_ON = (b"forwarded", b"via", b"x-real-ip", b"x-forwarded-")


class Hosts:
    """The names under which a server is reached."""

    def __init__(self, settings: ServerSettings) -> None:
        bound = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._own = {name.lower() for name in (*_LOOPBACK, bound)}
        self._further = {name.lower() for name in settings.allowed_hosts}
        self._any = settings.public

    def check(
        self,
        values: list[bytes],
        server: tuple[str, int | None] | None,
        scheme: str = "http",
    ) -> None:
        """Check the Host header of a request.

        Parameters
        ----------
        values : list of bytes
            All Host headers that were sent.
        server : (str, int) or None
            Address and port of the socket that the request came to.
        scheme : str
            ``http`` or ``https``: which port is meant where none is named.

        Raises
        ------
        BadRequestError
            If there is not exactly one.
        HostError
            If it names another machine or port.
        """
        if len(values) != 1:
            what = "no Host header" if not values else "more than one Host header"
            raise BadRequestError(what, id="PYR-HTTP-05")
        match = _HOST.fullmatch(values[0])
        name = match[1].decode().lower() if match else ""
        port = int(match[2] or _PORTS.get(scheme, 80)) if match else 0
        if match and self._any:
            return
        if name in self._further or f"{name}:{port}" in self._further:
            return
        address, own_port = server or (name, None)
        # An address that a request came to is no name that another machine could have made up.
        reached = f"[{address}]" if ":" in address else address
        if (name in self._own or name == reached) and own_port in (None, port):
            return
        mend = "start the server with --allowed-host NAME"
        raise HostError("not the name of this server", values[0], mend, id="PYR-HTTP-05")


class Token:
    """The secret of a server.

    Parameters
    ----------
    secret : str
        As given to people.
    """

    def __init__(self, secret: str) -> None:
        self._digest = _digest(secret.encode())
        # The cookie proves knowledge of the token without being it.
        self._cookie = hashlib.blake2b(secret.encode(), person=b"pyramidion cook").hexdigest()

    def check(
        self, headers: Mapping[bytes, bytes], query: bytes, port: int | None, scheme: str = "http"
    ) -> tuple[bytes, bytes] | None:
        """Check that a request carries the token.

        Parameters
        ----------
        headers : mapping
            Request headers by lower-case name.
        query : bytes
            Query of the URL.
        port : int or None
            Port of the server: browsers send cookies to every port of a machine.
        scheme : str
            ``https`` if the cookie is for encrypted connections only.

        Returns
        -------
        (bytes, bytes) or None
            The query without the token and the cookie to be kept, if the token came in the
            query: the browser is sent to the URL without it.

        Raises
        ------
        TokenError
            If it is missing or wrong.
        """
        if is_token_in(query):
            self._check_secret(_token_in(query))
            kept = b"&".join(p for p in query.split(b"&") if not p.startswith(_IN_QUERY))
            return kept, self.cookie(port, scheme)
        cookies = headers.get(b"cookie", b"")
        if not self.is_bearer(headers) and not self._has_cookie(cookies, port):
            raise _wrong("this server needs its token")
        return None

    def is_bearer(self, headers: Mapping[bytes, bytes]) -> bool:
        """Tell whether the token is in the ``Authorization`` header.

        Raises
        ------
        TokenError
            If another one is.
        """
        scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return False
        self._check_secret(secret.strip())
        return True

    def cookie(self, port: int | None, scheme: str) -> bytes:
        """Return the value of ``Set-Cookie`` that a browser shows from then on."""
        secure = "; Secure" if scheme == "https" else ""
        value = f"{_cookie_name(port)}={self._cookie}; Path=/; HttpOnly; SameSite=Strict{secure}"
        return value.encode()

    def _check_secret(self, secret: bytes) -> None:
        if not hmac.compare_digest(_digest(secret), self._digest):
            raise _wrong("not the token of this server")

    def _has_cookie(self, header: bytes, port: int | None) -> bool:
        name = _cookie_name(port).encode()
        pairs = (pair.strip().partition(b"=") for pair in header.split(b";"))
        values = [value for key, _, value in pairs if key == name]
        return any(hmac.compare_digest(value, self._cookie.encode()) for value in values)


def is_from_this_machine(
    headers: Mapping[bytes, bytes], client: tuple[str, int | None] | None
) -> bool:
    """Tell whether a program on this machine asks, for itself.

    Parameters
    ----------
    headers : mapping
        Request headers by lower-case name.
    client : (str, int) or None
        Address and port that the request came from.

    Examples
    --------
    >>> is_from_this_machine({}, ("127.0.0.1", 5)), is_from_this_machine({}, ("10.0.0.7", 5))
    (True, False)
    >>> is_from_this_machine({b"x-forwarded-for": b"10.0.0.7"}, ("127.0.0.1", 5))
    False
    """
    passed_on = any(name.startswith(_PASSED_ON) for name in headers)
    return client is not None and is_loopback(client[0]) and not passed_on


def is_token_in(query: bytes) -> bool:
    """Tell whether a query has a token, and not only a value with such a word in it.

    Examples
    --------
    >>> is_token_in(b"a=1&token=x"), is_token_in(b"data=https://h.org/?token=x")
    (True, False)
    """
    return any(part.startswith(_IN_QUERY) for part in query.split(b"&"))


def _cookie_name(port: int | None) -> str:
    return f"pyramidion-{port}"


def _token_in(query: bytes) -> bytes:
    values = [value for key, value in parse_qsl(query.decode("latin-1")) if key == "token"]
    return values[0].encode() if len(values) == 1 else b""


def _digest(secret: bytes) -> bytes:
    """Hash a secret, so that the comparison tells nothing of its length either."""
    return hashlib.sha256(secret).digest()


def _wrong(what: str) -> TokenError:
    mend = "open the address that was printed at the start, or send Authorization: Bearer TOKEN"
    told = ((b"www-authenticate", b"Bearer"),)
    return TokenError(what, None, mend, id="PYR-HTTP-08", headers=told)
