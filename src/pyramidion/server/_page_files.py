"""The viewer's own files, from the package: small, held in memory, compressed once.

They are read anew when they change on disk, so that whoever works on the viewer only reloads.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Receive, Scope, Send

from pyramidion.server._conditions import is_unchanged
from pyramidion.server._errors import NotServedError
from pyramidion.server._file_headers import content_type
from pyramidion.server._paths import open_beneath, split_path

_POLICY = (
    b"default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src *; "
    b"style-src 'self'"
)
_INDEX = "index.html"


@dataclass(frozen=True)
class _Asset:
    """A file in memory."""

    version: tuple[int, int]
    plain: bytes
    packed: bytes
    etag: bytes
    kind: bytes


class PageFiles:
    """ASGI application that answers ``/<prefix>/...`` with the files of a folder.

    Parameters
    ----------
    folder : Path
        The page: ``index.html`` and what it loads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.realpath(folder)
        self._assets: dict[tuple[str, ...], _Asset] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request.

        Raises
        ------
        RequestError, OSError
            Before anything was sent.
        """
        names = split_path(scope["raw_path"])[1:]
        names[-1] = names[-1] or _INDEX
        asset = self._load(tuple(names))
        headers = dict(scope["headers"])
        packed = bool(asset.packed) and _accepts_gzip(headers.get(b"accept-encoding", b""))
        etag = asset.etag + (b'-gzip"' if packed else b'"')
        told = [
            (b"etag", etag),
            (b"cache-control", b"no-cache"),
            (b"vary", b"Accept-Encoding"),
            (b"content-security-policy", _POLICY),
        ]
        if is_unchanged(headers, etag, 2**62):
            await send({"type": "http.response.start", "status": 304, "headers": told})
            await send({"type": "http.response.body"})
            return
        body = asset.packed if packed else asset.plain
        told += [(b"content-type", asset.kind), (b"content-length", b"%d" % len(body))]
        if packed:
            told.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": b"" if _is_head(scope) else body})

    def _load(self, names: tuple[str, ...]) -> _Asset:
        try:
            fd, status = open_beneath(self._folder, names)
        except NotServedError:
            self._assets.pop(names, None)
            raise
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor
            known = self._assets.get(names)
            version = (status.st_mtime_ns, status.st_size)
            if known is not None and known.version == version:
                return known
            plain = file.read()
        packed = gzip.compress(plain, 9, mtime=0)
        etag = b'"' + hashlib.sha256(plain).hexdigest()[:24].encode()
        smaller = packed if len(packed) < len(plain) else b""
        asset = _Asset(version, plain, smaller, etag, content_type(names[-1]).encode())
        self._assets[names] = asset
        return asset


def _accepts_gzip(header: bytes) -> bool:
    """Tell whether a client takes gzip (``gzip;q=0`` refuses it)."""
    for part in header.split(b","):
        name, _, weight = part.partition(b";")
        if name.strip().lower() in (b"gzip", b"*"):
            value = weight.partition(b"=")[2].strip()
            return not value or value.strip(b"0.") != b""
    return False


def _is_head(scope: Scope) -> bool:
    return bool(scope["method"] == "HEAD")
