"""A proxy in front of an object store that makes requests fail as planned, and counts everything.

It passes each request on as it came, the Host header included, so that signatures made for the
proxy's address stay right. Bodies stream through in both directions, connections are kept.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tests.object_store.faults import Choice, Fault, Plan, Request
from tests.object_store.http_messages import (
    Head,
    first_half,
    flip_one_bit,
    read_body,
    read_head,
    write_body,
)

ANSWERS = {
    Fault.INTERNAL_ERROR: (500, "InternalError"),
    Fault.SLOW_DOWN: (503, "SlowDown"),
    Fault.TOO_MANY: (429, "TooManyRequests"),
    Fault.REQUEST_TIMEOUT: (408, "RequestTimeout"),
    Fault.FORBIDDEN: (403, "AccessDenied"),
    Fault.ERROR_IN_200: (200, "InternalError"),
}
"""Status and S3 code of the errors that the proxy writes itself."""

CHECKSUM_HEADERS = ("content-md5", "x-amz-checksum-*", "x-amz-sdk-checksum-*", "x-amz-trailer")
STREAM_LIMIT = 1 << 18


@dataclass
class Exchange:
    """One request, and what became of it.

    Attributes
    ----------
    request
        What was asked.
    fault
        What befell it; None for nothing.
    n_bytes
        Bytes of its body that arrived.
    status
        Of the answer that was sent; None if none was.
    """

    request: Request
    fault: Fault | None
    n_bytes: int = 0
    status: int | None = None

    @property
    def key(self) -> str:
        """Bucket and key, without the slash in front and without escapes."""
        return unquote(self.request.path).removeprefix("/")


class FaultProxy:
    """A proxy in a thread of its own, from `with` to its end.

    Parameters
    ----------
    upstream
        Address of the server: `http://127.0.0.1:PORT`.
    plan
        What fails; nothing without.
    seed
        Of the random part of the plan.

    Attributes
    ----------
    endpoint : str
        Address of the proxy.
    faults_on : bool
        Whether requests fail; may be changed at any time.
    log : list of Exchange
        Every request, in the order of arrival. The counters are made from it.
    most_at_once : int
        The most requests that were under way at one time.
    """

    def __init__(self, upstream: str, plan: Plan | None = None, *, seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self._upstream = parts.hostname, parts.port
        self._plan = plan or Plan()
        self._choice = Choice(self._plan, seed)
        self._connections: set[_Connection] = set()
        self._n_at_once = 0
        self.faults_on, self.log, self.most_at_once, self.endpoint = True, [], 0, ""

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def requests(self) -> Counter:
        """Number of requests by method."""
        return Counter(exchange.request.method for exchange in self.log)

    def faults(self) -> Counter:
        """Number of faults by kind."""
        return Counter(exchange.fault for exchange in self.log if exchange.fault)

    def puts(self) -> Counter:
        """Number of PUT requests, parts included, by `BUCKET/KEY`."""
        return Counter(exchange.key for exchange in self.log if exchange.request.method == "PUT")

    def bytes_received(self) -> Counter:
        """Bytes of the bodies that arrived, by `BUCKET/KEY`."""
        total = Counter()
        for exchange in self.log:
            total[exchange.key] += exchange.n_bytes
        return +total

    async def _serve(self, started):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
            listener.setblocking(False)
            self.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
            # asyncio's own server loses a connection that arrives while it is closed.
            self._loop.add_reader(listener, self._accept, listener)
            started.set()
            await self._end.wait()
            self._loop.remove_reader(listener)
        for connection in list(self._connections):
            await connection.is_open.wait()  # what was accepted a moment ago has no streams yet
            connection.cut()
        await asyncio.gather(*(c.task for c in self._connections), return_exceptions=True)

    def _accept(self, listener):
        with contextlib.suppress(BlockingIOError, ConnectionError):  # gone again
            connection = _Connection(self, listener.accept()[0])
            self._connections.add(connection)
            connection.task.add_done_callback(lambda _: self._connections.discard(connection))

    def begin(self, request: Request) -> Exchange:
        """Note a request that has arrived, and choose what befalls it."""
        exchange = Exchange(request, self._choice.of(request) if self.faults_on else None)
        self.log.append(exchange)
        self._n_at_once += 1
        self.most_at_once = max(self.most_at_once, self._n_at_once)
        return exchange

    def finish(self) -> None:
        """Note that a request is done with."""
        self._n_at_once -= 1

    @property
    def plan(self) -> Plan:
        """What fails."""
        return self._plan

    async def connect(self):
        """Streams from and to the server, on a new connection."""
        return await asyncio.open_connection(*self._upstream, limit=STREAM_LIMIT)


class _Connection:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(self, proxy, own):
        self._proxy, self._socket = proxy, own
        self._up_reader = self._up_writer = None
        self.is_open = asyncio.Event()
        self.task = asyncio.create_task(self._pass_all())

    def cut(self):
        """End it now, whatever is under way."""
        self._writer.transport.abort()
        self.task.cancel()

    async def _pass_all(self):
        streams = await asyncio.open_connection(sock=self._socket, limit=STREAM_LIMIT)
        self._reader, self._writer = streams
        self.is_open.set()
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._pass_one():
                    pass
        finally:
            self._hang_up()
            self._writer.close()

    async def _pass_one(self):
        """Pass one request on; returns whether another one may follow."""
        head = await read_head(self._reader)
        exchange = self._proxy.begin(_request(head))
        try:
            return await self._fare(head, exchange) and not head.closes
        finally:
            self._proxy.finish()

    async def _fare(self, head, exchange):
        """What becomes of a request; returns whether the connection lives on."""
        fault = exchange.fault
        if fault is Fault.RESET_BEFORE_BODY:
            return self._reset()
        if (head["expect"] or "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _count(read_body(self._reader, head), exchange)
        if fault in ANSWERS or fault is Fault.HTML_PAGE:
            return await self._answer_ourselves(fault, exchange, body)
        answer = await self._ask_server(head, body, fault)
        if answer is None:
            return self._reset()
        return await self._answer(answer, exchange)

    async def _ask_server(self, head, body, fault):
        """Send a request on; the head of the server's answer, or None where it was cut off."""
        sent = head.without("expect")
        if self._proxy.plan.without_checksums:
            sent = sent.without(*CHECKSUM_HEADERS)
        if fault is Fault.FLIPPED_REQUEST:
            body = flip_one_bit(body, head.length)
        await self._reach_server()
        self._up_writer.write(bytes(sent))
        if fault is Fault.RESET_IN_BODY:
            await write_body(self._up_writer, Head("", []), first_half(body, head.length))
            return None
        with contextlib.suppress(ConnectionError):  # the server has answered, and listens no more
            await write_body(self._up_writer, sent, body)
        return await read_head(self._up_reader)

    async def _answer(self, answer, exchange):
        """Pass the server's answer on."""
        fault = exchange.fault
        method = exchange.request.method
        is_empty = method == "HEAD" or answer.status in (204, 304) or answer.length == 0
        body = _nothing() if is_empty else read_body(self._up_reader, answer, to_end=True)
        match fault:
            case Fault.RESET_AFTER_DONE | Fault.EMPTY_ANSWER:
                async for _ in body:
                    pass
                return self._reset() if fault is Fault.RESET_AFTER_DONE else False
            case Fault.SLOW_ANSWER:
                await asyncio.sleep(self._proxy.plan.delay_s)
            case Fault.STALLED_ANSWER:
                await self._reader.read()  # until the client gives up
                return False
            case Fault.FLIPPED_ANSWER:
                body = flip_one_bit(body, answer.length)
            case Fault.TRUNCATED_ANSWER:
                return await self._answer_half(answer, body, is_empty, exchange)
        exchange.status = answer.status
        self._writer.write(bytes(answer))
        await write_body(self._writer, Head("", []) if is_empty else answer, body)
        if answer.closes:
            self._hang_up()
        return is_empty or answer.is_chunked or answer.length is not None

    async def _answer_half(self, answer, body, is_empty, exchange):
        """Half of the body, or half of the first line where there is no body; then the end."""
        if is_empty or answer.length == 1:
            self._writer.write(answer.first[: len(answer.first) // 2].encode())
        else:
            exchange.status = answer.status
            self._writer.write(bytes(answer))
            pieces = first_half(body, answer.length)
            async for piece in pieces:
                self._writer.write(
                    b"%x\r\n%b\r\n" % (len(piece), piece) if answer.is_chunked else piece
                )
        await self._writer.drain()
        return False

    async def _answer_ourselves(self, fault, exchange, body):
        """Take a request as a server would, and answer it without one."""
        async for _ in body:
            pass
        status, kind, text = (
            200,
            "text/html",
            "<!DOCTYPE html><title>Sign in</title><h1>Sign in</h1>",
        )
        if fault in ANSWERS:
            status, code = ANSWERS[fault]
            kind, text = "application/xml", _s3_error(code, exchange.request.path)
        exchange.status = status
        lines = [("Content-Type", kind), ("Content-Length", str(len(text)))]
        self._writer.write(bytes(Head(f"HTTP/1.1 {status} {fault.name}", lines)))
        if exchange.request.method != "HEAD":
            self._writer.write(text.encode())
        await self._writer.drain()
        return True

    async def _reach_server(self):
        """Keep the connection to the server, or open it where there is none that is alive."""
        if self._up_writer is not None and self._up_reader.at_eof():
            self._hang_up()
        if self._up_writer is None:
            self._up_reader, self._up_writer = await self._proxy.connect()

    def _hang_up(self):
        if self._up_writer is not None:
            self._up_writer.transport.abort()
            self._up_reader = self._up_writer = None

    def _reset(self):
        """End the client's connection with a reset instead of a good-bye."""
        linger_not = struct.pack("ii", 1, 0)  # on, for no time
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        self._writer.transport.abort()
        return False


def _request(head):
    method, target, _ = head.first.split(" ")
    has_body = head.is_chunked or bool(head.length)
    return Request(method, target, has_body, head["x-amz-copy-source"] is not None)


async def _count(pieces, exchange):
    async for piece in pieces:
        exchange.n_bytes += len(piece)
        yield piece


async def _nothing():
    return
    yield


def _s3_error(code, path):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>Made by the fault proxy.</Message>"
        f"<Resource>{path}</Resource><RequestId>fault-proxy</RequestId></Error>"
    )
