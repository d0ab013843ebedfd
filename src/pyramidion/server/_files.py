"""The route of the files: ranges of whatever lies beneath the served folders.

One read and one message for an answer of usual size: the framework's own file answer sends 64 KB
pieces through a thread pool and reached 9 % of nginx's rate. What is in memory is read on the
event loop; what has to come from a disk is read in threads, so one slow disk stops nobody.

Source: RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.types import Receive, Scope, Send

from pyramidion.server import _conditions
from pyramidion.server._errors import NotServedError, Pairs
from pyramidion.server._file_headers import (
    ONE_MESSAGE,
    Part,
    body_bytes,
    file_headers,
    pieces,
    plan_answer,
    versioned,
)
from pyramidion.server._open_files import Buffer, OpenFile, OpenFiles
from pyramidion.server._paths import open_beneath, split_path
from pyramidion.server._ranges import parse_ranges

_N_THREADS = 8
_SWEEP_S = 5.0

Result = TypeVar("Result")


class Files:
    """ASGI application that answers with the files beneath some folders.

    Parameters
    ----------
    mounts : mapping
        First name in the URL -> folder; the folder under ``""`` answers all other paths.
    parts : mapping, optional
        First name -> the names in that folder that are served; everything if it is not there.
    active : bool
        Let pages among the files run as pages of this server; otherwise they are shown in a
        sandbox, since a data folder may hold anything.
    """

    def __init__(
        self,
        mounts: Mapping[str, str],
        parts: Mapping[str, frozenset[str]] | None = None,
        *,
        active: bool = False,
    ) -> None:
        self.mounts = dict(mounts)
        self.parts = dict(parts or {})
        self._active = active
        self._open_files = OpenFiles()
        self._threads = ThreadPoolExecutor(_N_THREADS, thread_name_prefix="pyramidion-read")
        self._sweeping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises
        ------
        RequestError, OSError
            Before anything was sent.
        """
        key: bytes = scope["raw_path"]
        file = self.cached(key)
        if file is None:
            file = await self._open(key)
        await self.answer(file, scope, receive, send)

    def cached(self, key: bytes) -> OpenFile | None:
        """Return an open file that is current and needs no thread, if there is one."""
        file = self._open_files.get(key)
        if file is None or file.nowait is None or not file.is_current():
            return None
        return file

    async def answer(self, file: OpenFile, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with an open file."""
        file.users += 1
        try:
            asked = {
                name: value
                for name, value in scope["headers"]
                if name == b"range" or name in _conditions.NAMES
            }
            headers = versioned(file.headers, scope["query_string"])
            if _conditions.is_unchanged(asked, file.etag, file.status.st_mtime_ns // 10**9):
                kept = [pair for pair in headers if pair[0] in (b"etag", b"cache-control")]
                await _start(send, 304, kept)
                await send({"type": "http.response.body"})
            else:
                await self._answer_body(file, asked, headers, scope, receive, send)
        finally:
            self._open_files.release(file)

    def locate(self, raw_path: bytes) -> tuple[str, list[str]]:
        """Return the served folder that a path lies in, and the names below it.

        Raises
        ------
        RequestError
            If nothing is served there.
        """
        return self.place(split_path(raw_path))

    def place(self, names: list[str]) -> tuple[str, list[str]]:
        """Return the served folder that a path lies in, and the names below it.

        Parameters
        ----------
        names : list of str
            As returned by :func:`~pyramidion.server._paths.split_path`.

        Raises
        ------
        NotServedError
            If nothing is served there.
        """
        if names[0] and names[0] in self.mounts:
            below = names[1:] or [""]
            if below[0] in self.parts.get(names[0], below):
                return self.mounts[names[0]], below
        elif "" in self.mounts:
            return self.mounts[""], names
        raise NotServedError("nothing is served here", id="PYR-HTTP-13")

    async def run(self, work: Callable[..., Result], *args: object) -> Result:
        """Call a function that waits for a disk, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def close(self) -> None:
        """Close files and threads."""
        self._open_files.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _open(self, key: bytes) -> OpenFile:
        known = self._open_files.get(key)
        if known is not None and await self.run(known.is_current):
            return known
        file = await self.run(self._open_file, *self.locate(key))
        self._open_files.put(key, file)
        self._keep_sweeping()
        return file

    def _open_file(self, root: str, names: list[str]) -> OpenFile:
        fd, status = open_beneath(root, names)
        # Looked up by the name in the URL, so that a link that is turned elsewhere is noticed.
        file = OpenFile(fd, os.path.join(root, *names), status)  # noqa: PTH118
        validators = ((b"etag", file.etag), (b"last-modified", file.modified))
        file.headers = file_headers(names[-1], validators, active=self._active)
        return file

    def _keep_sweeping(self) -> None:
        """Let go of idle files, also when no request comes any more."""

        def sweep() -> None:
            self._sweeping = self._open_files.sweep()
            if self._sweeping:
                asyncio.get_running_loop().call_later(_SWEEP_S, sweep)

        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(_SWEEP_S, sweep)

    async def _answer_body(
        self,
        file: OpenFile,
        asked: Mapping[bytes, bytes],
        headers: Pairs,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        ranges = None
        if b"range" in asked and _conditions.may_send_part(asked, file.etag, file.modified):
            ranges = parse_ranges(asked[b"range"], file.size)
        status, told, parts = plan_answer(file.size, ranges, headers)
        if scope["method"] == "HEAD":
            await _start(send, status, told)
            await send({"type": "http.response.body"})
        elif body_bytes(parts) <= ONE_MESSAGE:
            body = await self._read_all(file, parts)
            await _start(send, status, told)
            await send({"type": "http.response.body", "body": body})
        else:
            await _start(send, status, told)
            await self._stream(file, parts, receive, send)

    async def _read_all(self, file: OpenFile, parts: list[Part]) -> Buffer:
        if len(parts) == 1 and not isinstance(parts[0], bytes):
            return await self._read(file, *parts[0])
        return b"".join(
            [part if isinstance(part, bytes) else await self._read(file, *part) for part in parts]
        )

    async def _read(self, file: OpenFile, start: int, n_bytes: int) -> Buffer:
        if n_bytes == 0:
            return b""
        body = file.read_at_once(start, n_bytes)
        return await self.run(file.read, start, n_bytes) if body is None else body

    async def _stream(
        self, file: OpenFile, parts: Iterable[Part], receive: Receive, send: Send
    ) -> None:
        """Send a large body piece by piece, and stop when the client is gone."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            for piece in pieces(parts):
                # Nothing below waits for what is in memory, nor for a client that has left.
                await asyncio.sleep(0)
                if gone.done():
                    return
                body = piece if isinstance(piece, bytes) else await self._read(file, *piece)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            gone.cancel()


async def _start(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
