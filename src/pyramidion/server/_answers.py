"""Answers whose body is in memory: conditions, one range, HEAD."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import Scope, Send

from pyramidion.server import _conditions
from pyramidion.server._file_headers import is_versioned
from pyramidion.server._ranges import parse_ranges


@dataclass(frozen=True)
class Body:
    """Bytes, and what they are.

    Parameters
    ----------
    content : bytes
        The bytes.
    kind : str
        Their media type.
    etag : bytes
        Strong tag, with its quotes.
    """

    content: bytes
    kind: str
    etag: bytes

    @classmethod
    def of(cls, content: bytes, kind: str = "application/octet-stream") -> Body:
        """Tag bytes by what they are: right whatever changed beneath them."""
        tag = hashlib.blake2b(content, digest_size=12).hexdigest()
        return cls(content, kind, f'"{tag}"'.encode())


async def send_body(
    body: Body, scope: Scope, send: Send, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer a request with a body.

    Parameters
    ----------
    body : Body
        What is asked for.
    scope, send
        The ASGI request.
    extra : iterable of (bytes, bytes)
        Further headers.

    Raises
    ------
    RequestError
        If a condition fails or no byte lies in the range; nothing was sent then.
    """
    asked = dict(scope["headers"])
    forever = is_versioned(scope["query_string"])
    kept = b"private, max-age=31536000, immutable" if forever else b"no-cache"
    told = [(b"etag", body.etag), (b"cache-control", kept), *extra]
    # It was made now, so it has no date: only tags can say that it is unchanged.
    if _conditions.is_unchanged(asked, body.etag, 2**62):
        await _send(send, 304, told)
        return
    status, content = 200, body.content
    told += [(b"content-type", body.kind.encode()), (b"accept-ranges", b"bytes")]
    if b"range" in asked and _conditions.may_send_part(asked, body.etag, b""):
        ranges = parse_ranges(asked[b"range"], len(content))
        if ranges is not None and len(ranges) == 1:  # several: the whole is a right answer too
            start, stop = ranges[0]
            place = b"bytes %d-%d/%d" % (start, stop - 1, len(content))
            told.append((b"content-range", place))
            status, content = 206, content[start:stop]
    told.append((b"content-length", b"%d" % len(content)))
    await _send(send, status, told, b"" if scope["method"] == "HEAD" else content)


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
