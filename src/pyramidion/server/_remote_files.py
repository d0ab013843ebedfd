"""The route of the objects: ranges of whatever lies beneath the served places of stores.

This server reads with the credentials of whoever started it, and hands on what is served like the
files of a folder: same names, same headers. Most answers cost one request, since the range that a
client wants is asked for at once; only where the answer depends on the size or the tag of the
object (conditions, several ranges, HEAD) these are asked for before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from pyramidion.server import _conditions
from pyramidion.server._errors import RequestError
from pyramidion.server._file_headers import (
    ONE_MESSAGE,
    Part,
    body_bytes,
    file_headers,
    plan_answer,
    versioned,
)
from pyramidion.server._paths import split_path
from pyramidion.server._ranges import parse_ranges, parse_single
from pyramidion.server._remote_objects import (
    Buffer,
    ObjectChangedError,
    Opened,
    RemoteObject,
    RemoteObjects,
)
from pyramidion.server._remote_roots import RemoteRoots
from pyramidion.server._work import ClientGoneError, unless_gone
from pyramidion.storage import RemotePath

_ATTEMPTS = 3
_N_STREAMS = 64
"""Large answers at once; they do not hold up the small ones."""

_KEPT = (b"etag", b"cache-control")


@dataclass(frozen=True)
class _Answer:
    """An answer whose body is in memory, or yet to be read."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: Buffer | None
    found: RemoteObject
    parts: Sequence[Part] = ()
    opened: Opened | None = None


class RemoteFiles:
    """ASGI application that answers with the objects beneath some places.

    Parameters
    ----------
    roots : RemoteRoots
        The places.
    """

    def __init__(self, roots: RemoteRoots) -> None:
        self.roots = roots
        self._objects = RemoteObjects()
        self._streams = asyncio.Semaphore(_N_STREAMS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; given up when the client leaves.

        Raises
        ------
        RequestError
            Before anything was sent, unless a large answer breaks off.
        """
        path = self.roots.object_at(split_path(scope["raw_path"]))
        try:
            await unless_gone(receive, asyncio.ensure_future(self._answer(path, scope, send)))
        except ClientGoneError:
            return

    def close(self) -> None:
        """Keep nothing."""
        self._objects.close()

    async def _answer(self, path: RemotePath, scope: Scope, send: Send) -> None:
        for left in reversed(range(_ATTEMPTS)):
            try:
                answer = await self._prepare(path, scope)
                break
            except ObjectChangedError:
                if not left:
                    raise
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        if answer.body is not None:
            await send(start)
            await send({"type": "http.response.body", "body": answer.body})
            return
        async with self._streams:
            await send(start)
            await self._stream(answer, send)

    async def _prepare(self, path: RemotePath, scope: Scope) -> _Answer:
        is_head = scope["method"] == "HEAD"
        asked = {
            name: value
            for name, value in scope["headers"]
            if name == b"range" or name in _conditions.NAMES
        }
        opened = None if is_head else await self._open(path, asked)
        found = opened.found if opened else await self._objects.find(path)
        headers = versioned(
            file_headers(path.name, found.validators, active=False), scope["query_string"]
        )
        if found.encoding:
            headers = (*headers, (b"content-encoding", found.encoding.encode("latin-1")))
        if _conditions.is_unchanged(asked, found.etag, found.modified_s):
            kept = [pair for pair in headers if pair[0] in _KEPT]
            return _Answer(304, kept, b"", found)
        ranges = None
        if b"range" in asked and _conditions.may_send_part(asked, found.etag, found.modified):
            ranges = parse_ranges(asked[b"range"], found.size)
        status, told, parts = plan_answer(found.size, ranges, headers)
        if is_head:
            return _Answer(status, told, b"", found)
        if body_bytes(parts) > ONE_MESSAGE:
            return _Answer(status, told, None, found, parts, opened)
        return _Answer(status, told, await self._read(found, parts, opened), found)

    async def _open(self, path: RemotePath, asked: Mapping[bytes, bytes]) -> Opened | None:
        """Ask for what the client wants, where nothing has to be known of the object before."""
        if asked.keys() - {b"range"}:
            return None
        known, is_fresh = self._objects.last_known(path)
        if is_fresh or (known is not None and self._keeps(known, asked)):
            return None
        if b"range" not in asked:
            return await self._objects.open(path)
        wanted = parse_single(asked[b"range"])
        # Some web servers know no ranges at the end.
        if wanted is None or (wanted[0] < 0 and path.scheme.startswith("http")):
            return None
        return await self._objects.open(path, wanted)

    def _keeps(self, known: RemoteObject, asked: Mapping[bytes, bytes]) -> bool:
        """Tell whether the body is kept, if the object is still the same."""
        try:
            ranges = parse_ranges(asked[b"range"], known.size) if b"range" in asked else None
        except RequestError:
            return False
        return all(self._objects.keeps(known, *each) for each in ranges or [(0, known.size)])

    async def _read(
        self, found: RemoteObject, parts: Sequence[Part], opened: Opened | None
    ) -> Buffer:
        read = [
            part if isinstance(part, bytes) else await self._objects.read(found, *part, opened)
            for part in parts
        ]
        return read[0] if len(read) == 1 else b"".join(read)

    async def _stream(self, answer: _Answer, send: Send) -> None:
        """Send a large body while it comes."""
        for part in answer.parts:
            if isinstance(part, bytes):
                await send({"type": "http.response.body", "body": part, "more_body": True})
                continue
            async for piece in self._objects.stream(answer.found, *part, answer.opened):
                await asyncio.sleep(0)  # a store may hand out all at once
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})
