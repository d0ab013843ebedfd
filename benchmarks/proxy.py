"""Between browser and server: keeps account of what goes over the wire, and lets it wait."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyramidion

VIEWER = Path(pyramidion.__file__).parent / "server" / "viewer"


class Asked(NamedTuple):
    """One request that passed the proxy."""

    at: float  # Unix seconds
    path: str
    status: int
    bytes: int
    is_packed: bool

    @property
    def is_page(self) -> bool:
        return self.path.startswith("/viewer/")


class Proxy:
    """Stands between browser and server, keeps account, and lets requests wait.

    `delay` is what each request waits, in seconds; `delay_page` what those for the page's own files
    wait.
    """

    def __init__(self, origin: str) -> None:
        self._port = int(origin.rpartition(":")[2])
        self.delay = self.delay_page = 0.0
        self.log: list[Asked] = []
        self.origin = ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the browser until it ends."""
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        # The browser hangs up as it likes, and so do we in the end.
        gone = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*gone):
            while True:
                await self._exchange(reader, writer, back, forth)
        for one in (forth, writer):
            one.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        path = target.partition(b"?")[0].decode()
        came = time.time()
        await asyncio.sleep(self.delay_page if path.startswith("/viewer/") else self.delay)
        forth.write(head)
        answer = await back.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
        status = int(answer.split(b" ", 2)[1])
        has_body = method != b"HEAD" and status not in (204, 304)
        length = int(fields[b"content-length"]) if has_body else 0
        # Before the bytes, so that a page that has them always finds them logged.
        self.log.append(Asked(came, path, status, length, b"content-encoding" in fields))
        writer.write(answer)
        while length:
            part = await back.read(min(length, 1 << 18))
            if not part:
                raise ConnectionResetError
            length -= len(part)
            writer.write(part)
            await writer.drain()


@contextlib.contextmanager
def proxied(origin: str) -> Iterator[Proxy]:
    """A proxy before a server, in a thread of its own."""
    proxy = Proxy(origin)
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
        proxy.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await over.wait()
        server.close()

    def run() -> None:
        loop.run_until_complete(serve())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    yield proxy
    loop.call_soon_threadsafe(over.set)
    thread.join()


def raw_size(one: Asked) -> int:
    """Bytes of one of the page's own files before it was compressed; none for what was known."""
    if one.status != 200:
        return 0
    name = re.sub(r"^/viewer/(~\w+/)?", "", one.path) or "index.html"  # ~ and the release
    return (VIEWER / name).stat().st_size
