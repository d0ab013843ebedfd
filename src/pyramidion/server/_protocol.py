"""HTTP/1.1 with bounds: how long, how large and how slow a request and the reading of its answer.

The server underneath answers everything it cannot parse with 400, waits for ever for the first
byte, lets a head grow without end, and keeps an answer for whoever never reads it. This says what is
wrong, and stops waiting.
"""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pyramidion.server._access_log import AccessLog
from pyramidion.server._clients import Clients, Connection, queued_bytes
from pyramidion.server._errors import Pairs
from pyramidion.server._origins import Origins
from pyramidion.server._turns import NoTurnError, Turn, Turns, begin_turn, client_key
from pyramidion.server._work import ClientGoneError, unless_gone

MAX_HEAD_BYTES = 16 * 1024
MAX_URL_BYTES = 8 * 1024
MAX_HEADERS = 100

_ALLOW = "allow: GET, HEAD, OPTIONS\r\n"
_RETRY_AFTER = "retry-after: 1\r\n"
_CLIENT_LEFT = 499
_PARTING_S = 1.0
"""For a client to read why it is refused, before the connection is gone."""
_MAX_PARTING = 64


class _RefusedError(Exception):
    """Leaves the parser's callback; the protocol has noted what to answer."""


class Traffic(ServerState):
    """What the connections of one server share.

    Parameters
    ----------
    clients : Clients
        All connections.
    turns : Turns
        The answers that are made at a time.
    origins : Origins
        The pages that may read, also that they are to come back later.
    access_log : AccessLog, optional
        Where requests are written.
    """

    def __init__(
        self,
        clients: Clients,
        turns: Turns,
        origins: Origins,
        access_log: AccessLog | None = None,
    ) -> None:
        super().__init__()
        self.clients, self.turns, self.origins = clients, turns, origins
        self.access_log = access_log
        self.n_parting = 0


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    server_state: Traffic

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._routes: ASGIApp = self.app
        self.app = self._answer
        self._clients, self._turns = self.server_state.clients, self.server_state.turns
        self._refusal: tuple[int, str, str] | None = None
        self._in_head = True
        self._n_head_bytes = 0
        self._answered: RequestResponseCycle | None = None
        self._turn: Turn | None = None
        self._client: str | None = None
        self._is_refused = False
        self.n_moves = 0
        self.door: Connection | None = None
        """What held the place of this connection among the others until now."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._client = client_key(self.client[0] if self.client else None)
        if self.door is not None:
            self._clients.remove(self.door)
        self._clients.add(self, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """Be forgotten."""
        self._clients.remove(self)
        if self._answered is not None:
            # The server underneath tells it to the last request only, which may still wait.
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    @property
    def n_unread(self) -> int:
        """Bytes that are held for the client and that the system did not take yet."""
        return self.transport.get_write_buffer_size()

    @property
    def n_queued(self) -> int:
        """Bytes that the system took and that the client did not receive yet."""
        return queued_bytes(self.transport.get_extra_info("socket").fileno())

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than it is answered: others go first."""
        super().pause_writing()
        self._clients.stalled.add(self)
        if self._turn is not None:
            self._turn.rest()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        super().resume_writing()
        self.n_moves += 1
        self._clients.stalled.discard(self)
        if self._turn is not None:
            self._turn.go_on()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there."""
        self.n_moves += 1
        if self._in_head:  # a part of the next one is
            self._clients.begins(self, self.loop.time())
        elif not self.pipeline:
            self._clients.rests(self, self.loop.time())
        super().on_response_complete()

    def hang_up(self) -> None:
        """Close at once, whatever is still to be sent."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what came; note what a refused request did wrong."""
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # nothing to upgrade to: the request itself has been answered
        except httptools.HttpParserInvalidMethodError:
            self.refuse(501, "PYR-HTTP-09", "not a method")
            return
        except httptools.HttpParserError:
            self.refuse(*(self._refusal or (400, "PYR-HTTP-15", "not an HTTP request")))
            return
        if self._in_head:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES:
                self.refuse(431, "PYR-HTTP-15", "the head of the request is too long")

    def on_message_begin(self) -> None:
        """Start a request."""
        self._in_head = True
        self._n_head_bytes = 0
        if self.cycle is None or self.cycle.response_complete:
            self._clients.begins(self, self.loop.time())
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the URL."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._leave(414, "PYR-HTTP-15", "the URL is too long")

    def on_headers_complete(self) -> None:
        """Check the head and start the answer."""
        self._in_head = False
        self._clients.asks(self)
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
            self._leave(431, "PYR-HTTP-15", "the head of the request is too long")
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            self._leave(505, "PYR-HTTP-15", "not HTTP/1.1")
        if self.parser.get_method() == b"CONNECT":
            self._leave(405, "PYR-HTTP-09", "only reading is possible")
        if self.url == b"*" and self.parser.get_method() == b"OPTIONS":
            self.url = b"/"
        if not self.url.startswith(b"/"):
            self._leave(421, "PYR-HTTP-05", "this is not a proxy")
        super().on_headers_complete()

    def refuse(self, status: int, id_: str, what: str) -> None:
        """Answer with an error and close; what is being answered is finished first."""
        if self._is_refused or self.transport.is_closing():
            self.transport.abort()  # nor did the client read this
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer is under way: it is finished, and the connection closed after it.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        body = json.dumps({"error": {"id": id_, "what": what}})
        more = {405: _ALLOW, 501: _ALLOW, 503: _RETRY_AFTER}.get(status, "")
        common = self.server_state.origins.common(None)
        more += "".join(f"{name.decode()}: {value.decode()}\r\n" for name, value in common)
        head = (
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"{more}connection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode("ascii"))
        self._part()
        log = self.server_state.access_log
        if log is not None:
            log.add(self._address, "-", b"-", status, len(body), 0.0)

    def _part(self) -> None:
        """Close once the client has; what it sent and nobody took would reset the connection."""
        self._is_refused = True
        self._clients.asks(self)  # and is not waited for
        traffic = self.server_state
        if not self.transport.can_write_eof() or traffic.n_parting >= _MAX_PARTING:
            self.transport.close()
            return

        def end() -> None:
            traffic.n_parting -= 1
            self.transport.abort()

        traffic.n_parting += 1
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_PARTING_S, end)

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else "-"

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request when it is its turn."""
        self._answered = _cycle_of(receive)
        log = self.server_state.access_log
        if log is None:
            await self._answer_in_turn(scope, receive, send)
            return
        began, told = self.loop.time(), _Told(has_body=scope["method"] != "HEAD")
        try:
            await self._answer_in_turn(scope, receive, told.listening(send))
        finally:
            query = scope["query_string"]
            target = scope["raw_path"] + (b"?" + query if query else b"")
            took = self.loop.time() - began
            log.add(self._address, scope["method"], target, told.status, told.n_bytes, took)

    async def _answer_in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = self._turns.take_at_once(self._client)
        try:
            if turn is None:
                taken = asyncio.ensure_future(self._turns.take(self._client))
                turn = await unless_gone(receive, taken)
            self._turn = turn
            if self.flow.write_paused:  # the client has yet to read what it asked for before
                turn.rest()
            begin_turn(turn)
            await self._routes(scope, receive, self._drained(send))
        except ClientGoneError:
            return
        except NoTurnError as busy:
            origin = dict(scope["headers"]).get(b"origin")
            await _send_busy(busy, send, self.server_state.origins.common(origin))
        except asyncio.CancelledError:
            # The server ends, and waits no longer. Passed on, this would be printed as a fault.
            _cycle_of(receive).disconnected = True
            self.transport.abort()
        finally:
            if self._turn is turn:
                self._turn = None
            if turn is not None:
                turn.end()

    def _drained(self, send: Send) -> Send:
        """Return a ``send`` that waits until a piece is read before the next one is made.

        The server underneath waits when it has the next one: two for each slow reader.
        """

        async def send_piece(message: Message) -> None:
            await send(message)
            if self.flow.write_paused:
                await self.flow.drain()

        def send_drained(message: Message) -> Awaitable[None]:
            return send_piece(message) if message.get("more_body") else send(message)

        return send_drained

    def _leave(self, status: int, id_: str, what: str) -> None:
        self._refusal = (status, id_, what)
        raise _RefusedError(what)


@dataclass
class _Told:
    """What a client was told."""

    has_body: bool
    status: int = _CLIENT_LEFT
    n_bytes: int = 0

    def listening(self, send: Send) -> Send:
        """Return a ``send`` that is listened to."""

        def send_heard(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif self.has_body:
                self.n_bytes += len(message.get("body", b""))
            return send(message)

        return send_heard


def _cycle_of(receive: Receive) -> RequestResponseCycle:
    """Return the answer that a ``receive`` belongs to: of pipelined ones not always the last."""
    cycle = getattr(receive, "__self__", None)
    assert isinstance(cycle, RequestResponseCycle)
    return cycle


async def _send_busy(busy: NoTurnError, send: Send, common: Pairs) -> None:
    mend = "try again in a second"
    body = json.dumps({"error": {"id": busy.id, "what": busy.what, "mend": mend}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"1"),
        (b"cache-control", b"no-store"),
        *common,
    ]
    await send({"type": "http.response.start", "status": busy.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
