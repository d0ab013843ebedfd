"""HTTP/1.1 with bounds: how long, how large and how slow the head of a request may be.

The server underneath answers everything it cannot parse with 400, waits for ever for the first
byte, and lets a head grow without end. This says what is wrong, and stops waiting.
"""

from __future__ import annotations

import asyncio
import http
import json
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 16 * 1024
MAX_URL_BYTES = 8 * 1024
MAX_HEADERS = 100
HEAD_TIMEOUT_S = 10.0

_ALLOW = "allow: GET, HEAD, OPTIONS\r\n"


class _RefusedError(Exception):
    """Leaves the parser's callback; the protocol has noted what to answer."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refusal: tuple[int, str, str] | None = None
        self._in_head = True
        self._n_head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; note what a refused request did wrong."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # nothing to upgrade to: the request itself has been answered
        except httptools.HttpParserInvalidMethodError:
            self._refuse(501, "PYR-HTTP-09", "not a method")
            return
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "PYR-HTTP-15", "not an HTTP request")))
            return
        if self._in_head and self._n_head_bytes == 0 and self._head_timer is None:
            self._wait_for_head()
        if self._in_head:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "PYR-HTTP-15", "the head of the request is too long")

    def on_message_begin(self) -> None:
        """Start a request."""
        self._in_head = True
        self._n_head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the URL."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._leave(414, "PYR-HTTP-15", "the URL is too long")

    def on_headers_complete(self) -> None:
        """Check the head and start the answer."""
        self._in_head = False
        self._stop_waiting()
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
            self._leave(431, "PYR-HTTP-15", "the head of the request is too long")
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            self._leave(505, "PYR-HTTP-15", "not HTTP/1.1")
        if self.parser.get_method() == b"CONNECT":
            self._leave(405, "PYR-HTTP-09", "only reading is possible")
        if not self.url.startswith(b"/") and self.url != b"*":
            self._leave(421, "PYR-HTTP-05", "this is not a proxy")
        if self.url == b"*":
            self.url = b"/"
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._refuse(408, "PYR-HTTP-16", "the request did not arrive in time")

    def _leave(self, status: int, id_: str, what: str) -> None:
        self._refusal = (status, id_, what)
        raise _RefusedError(what)

    def _refuse(self, status: int, id_: str, what: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer is under way: it is finished, and the connection closed after it.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        body = json.dumps({"error": {"id": id_, "what": what}})
        head = (
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"{_ALLOW if status in (405, 501) else ''}connection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode("ascii"))
        self.transport.close()
