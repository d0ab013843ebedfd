"""What every request passes before a route sees it: Host, origin, method, token.

It also carries the fast way: a file that is open and current is answered without the router.
Whatever it lets through gets the headers that all answers have in common.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pyramidion.core import escape
from pyramidion.server._access import Hosts, Token, is_from_this_machine, is_token_in
from pyramidion.server._errors import (
    MAX_LOGGED,
    ForbiddenError,
    MethodError,
    Pairs,
    RequestError,
    TokenError,
    send_error,
)
from pyramidion.server._files import Files
from pyramidion.server._origins import Origins
from pyramidion.server._settings import ServerSettings
from pyramidion.server._sign_in import PAGE, POLICY, SESSION

logger = logging.getLogger("pyramidion.server")

ALLOW = (b"allow", b"GET, HEAD, OPTIONS")
_NEVER_KEPT = (b"cache-control", b"no-store")
_EXPOSE = b"access-control-expose-headers"


class Guard:
    """ASGI middleware in front of all routes.

    Parameters
    ----------
    app : ASGI application
        The routes.
    settings : ServerSettings
        Who may ask.
    files : Files
        The files, for the fast way.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, files: Files) -> None:
        self._app = app
        self._files = files
        self._hosts = Hosts(settings)
        self._token = None if settings.token is None else Token(settings.token)
        self._free_here = settings.free_for_this_machine
        self._origins = Origins.of(settings)
        self._hidden = tuple(files.mounts.values())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        common = self._origins.common(headers.get(b"origin"))
        started = False

        def send_with(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _joined(message["headers"], common)
            return send(message)

        try:
            if await self._answered(scope, headers, send_with):
                return
            file = self._files.cached(scope["raw_path"])
            if file is not None:
                await self._files.answer(file, scope, receive, send_with)
            else:
                await self._app(scope, receive, send_with)
        except (RequestError, OSError) as error:
            if started:  # too late for a status: the connection is closed without its end
                logger.error("%s: cut off: %s", escape(scope["path"]), escape(error, MAX_LOGGED))
            else:
                await self._refuse(error, scope, headers, send_with)

    async def _answered(self, scope: Scope, headers: dict[bytes, bytes], send: Send) -> bool:
        """Answer what no route has to see; True if the request is done with.

        Raises
        ------
        RequestError
            If the request is refused.
        """
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        self._hosts.check(hosts, scope.get("server"), scope.get("scheme", "http"))
        method = scope["method"]
        if method == "OPTIONS":
            await self._answer_options(headers, send)
            return True
        if method not in ("GET", "HEAD"):
            raise MethodError(
                "only reading is possible", method, id="PYR-HTTP-09", headers=(ALLOW,)
            )
        if self._token is None:
            return False
        is_free = self._free_here and is_from_this_machine(headers, scope.get("client"))
        if is_free and not is_token_in(scope["query_string"]):
            return False
        scheme, port = scope.get("scheme", "http"), (scope.get("server") or ("", None))[1]
        exchanged = self._token.check(headers, scope["query_string"], port, scheme)
        if exchanged is not None:
            query, cookie = exchanged
            path = b"/" + scope["raw_path"].lstrip(b"/\\")  # never the address of another machine
            place = path + (b"?" + query if query else b"")
            told = ((b"location", place), (b"set-cookie", cookie), (b"content-length", b"0"))
            await _send_empty(send, 303, [*told, _NEVER_KEPT])
            return True
        if scope["raw_path"] == SESSION:
            shown = self._token.is_bearer(headers)
            kept = [(b"set-cookie", self._token.cookie(port, scheme))] if shown else []
            await _send_empty(send, 204, [*kept, _NEVER_KEPT])
            return True
        return False

    async def _refuse(
        self,
        error: RequestError | OSError,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        send: Send,
    ) -> None:
        """Answer with an error; a browser that lacks the token gets a page to enter it."""
        wants_page = b"text/html" in headers.get(b"accept", b"") and scope["raw_path"] != SESSION
        if not isinstance(error, TokenError) or not wants_page:
            await send_error(error, scope["path"], send, self._hidden)
            return
        told = [
            *error.headers,
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", b"%d" % len(PAGE)),
            (b"content-security-policy", POLICY),
            _NEVER_KEPT,
        ]
        await send({"type": "http.response.start", "status": 401, "headers": told})
        body = b"" if scope["method"] == "HEAD" else PAGE
        await send({"type": "http.response.body", "body": body})

    async def _answer_options(self, headers: dict[bytes, bytes], send: Send) -> None:
        origin = headers.get(b"origin")
        told: Pairs = (ALLOW,)
        if origin is not None:
            if not self._origins.allows(origin):
                mend = "start the server with --cors ORIGIN"
                raise ForbiddenError("this page may not read", origin, mend, id="PYR-HTTP-07")
            private = headers.get(b"access-control-request-private-network") == b"true"
            told = (ALLOW, *self._origins.preflight(private_network=private))
        await _send_empty(send, 204, list(told))


def _joined(own: Iterable[tuple[bytes, bytes]], common: Pairs) -> list[tuple[bytes, bytes]]:
    """Return all headers of an answer; what it exposes itself only goes to pages that may read."""
    exposed = [value for name, value in own if name == _EXPOSE]
    if not exposed:
        return [*own, *common]
    kept = [pair for pair in own if pair[0] != _EXPOSE]
    return kept + [
        (name, b", ".join([value, *exposed])) if name == _EXPOSE else (name, value)
        for name, value in common
    ]


async def _send_empty(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})
