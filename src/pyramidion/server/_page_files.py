"""The viewer's own files, from the package: small, held in memory, compressed once.

They are read anew when they change on disk, so that whoever works on the viewer only reloads.

A page names its files beneath a fingerprint of them all (``/viewer/~0123456789ab/main.js``). Nothing
beneath it ever changes, so that a browser asks only once: each worker and each later page would
otherwise ask again for every module it shares.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Receive, Scope, Send

from pyramidion.server._conditions import is_unchanged
from pyramidion.server._errors import NotServedError
from pyramidion.server._file_headers import content_type
from pyramidion.server._fingerprint import Fingerprint
from pyramidion.server._paths import open_beneath, split_path

_POLICY = (
    b"default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src *; "
    b"style-src 'self'"
)
_INDEX = "index.html"
_MARK = "~"
_OWN_FILE = re.compile(rb'\b(src|href)="(?=[\w/.-]+")')
_KEPT = b"public, max-age=31536000, immutable"
_ASKED_AGAIN = b"no-cache"


@dataclass(frozen=True)
class _Asset:
    """A file in memory."""

    version: tuple[int, int, str]
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
        self._fingerprint = Fingerprint(folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request.

        Raises
        ------
        RequestError, OSError
            Before anything was sent.
        """
        names = split_path(scope["raw_path"])[1:]
        names[-1] = names[-1] or _INDEX
        if names == [_INDEX]:
            self._fingerprint.renew()
        # Pages that were open before an update still ask beneath the fingerprint of before.
        is_named = names[0].startswith(_MARK) and names[1:] not in ([], [_INDEX])
        is_kept = is_named and names[0] == _MARK + self._fingerprint.last
        asset = self._load(tuple(names[is_named:]))
        headers = dict(scope["headers"])
        packed = bool(asset.packed) and _accepts_gzip(headers.get(b"accept-encoding", b""))
        etag = asset.etag + (b'-gzip"' if packed else b'"')
        told = [
            (b"etag", etag),
            (b"cache-control", _KEPT if is_kept else _ASKED_AGAIN),
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
            beneath = self._fingerprint.last if names == (_INDEX,) else ""
            version = (status.st_mtime_ns, status.st_size, beneath)
            if known is not None and known.version == version:
                return known
            plain = file.read()
        if beneath:
            plain = _OWN_FILE.sub(rb'\1="%s%s/' % (_MARK.encode(), beneath.encode()), plain)
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
