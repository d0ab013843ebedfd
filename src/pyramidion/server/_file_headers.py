"""What an answer with a file says of it, and of which pieces its body is made.

Source: RFC 9110, section 14.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence

from pyramidion.server._errors import Pairs

ONE_MESSAGE = 256 * 1024
"""Bytes of a body that is read before the answer begins; a larger one is sent while it is read."""

Part = bytes | tuple[int, int]
"""Bytes of a body: these, or those of the file from an offset on, of a length."""

_PIECE = 256 * 1024
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
    # the metadata of Zarr version 2 are JSON in dot files
    ".zarray": "application/json",
    ".zattrs": "application/json",
    ".zgroup": "application/json",
    ".zmetadata": "application/json",
}
_ACTIVE_SUFFIXES = frozenset({".htm", ".html", ".svg", ".xml"})
_SANDBOX = (b"content-security-policy", b"default-src 'none'; sandbox")
_FOREVER = (b"cache-control", b"private, max-age=31536000, immutable")
_VERSIONED = re.compile(rb"(?:^|&)v=[^&]")


def content_type(name: str) -> str:
    """Return the media type of a file by its name.

    Examples
    --------
    >>> content_type("zarr.json"), content_type(".zarray"), content_type("0.0.0")
    ('application/json', 'application/json', 'application/octet-stream')
    """
    return _TYPES.get(_suffix(name), "application/octet-stream")


def is_versioned(query: bytes) -> bool:
    """Tell whether a URL's query names a version (``v=...``) of what it leads to."""
    return bool(query) and _VERSIONED.search(query) is not None


def file_headers(name: str, validators: Pairs, *, active: bool) -> Pairs:
    """Return what every whole or partial answer says of a file, apart from the lengths.

    Parameters
    ----------
    name : str
        Of the file.
    validators : tuple of (bytes, bytes)
        Its ``etag`` and ``last-modified``.
    active : bool
        A page may run as a page of this server; otherwise it is shown in a sandbox.
    """
    is_sandboxed = not active and _suffix(name) in _ACTIVE_SUFFIXES
    return (
        (b"content-type", content_type(name).encode()),
        (b"accept-ranges", b"bytes"),
        *validators,
        (b"cache-control", b"no-cache"),
        *((_SANDBOX,) if is_sandboxed else ()),
    )


def versioned(headers: Pairs, query: bytes) -> Pairs:
    """Return the headers of a file; a URL with a version (``?v=...``) never changes its content."""
    if not is_versioned(query):
        return headers
    return tuple(_FOREVER if pair[0] == b"cache-control" else pair for pair in headers)


def plan_answer(
    size: int, ranges: Sequence[tuple[int, int]] | None, headers: Pairs
) -> tuple[int, list[tuple[bytes, bytes]], list[Part]]:
    """Return status, headers and body of an answer.

    Parameters
    ----------
    size : int
        Bytes of the file.
    ranges : sequence of (start, stop), or None
        What of it is sent; None for all.
    headers : tuple of (bytes, bytes)
        Of the file.
    """
    if ranges is None:
        return _measured(200, [*headers], [(0, size)])
    if len(ranges) == 1:
        start, stop = ranges[0]
        told = (b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size))
        return _measured(206, [*headers, told], [(start, stop - start)])
    # Several ranges: multipart/byteranges (RFC 9110, 14.6)
    boundary = secrets.token_hex(12).encode()
    kind = dict(headers)[b"content-type"]
    parts: list[Part] = []
    for start, stop in ranges:
        place = b"bytes %d-%d/%d" % (start, stop - 1, size)
        head = b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n" % (
            boundary,
            kind,
            place,
        )
        parts += [head, (start, stop - start)]
    parts.append(b"\r\n--%b--\r\n" % boundary)
    whole = (b"content-type", b"multipart/byteranges; boundary=%b" % boundary)
    told_all = [whole if pair[0] == b"content-type" else pair for pair in headers]
    return _measured(206, told_all, parts)


def body_bytes(parts: Iterable[Part]) -> int:
    """Return the bytes of a body."""
    return sum(len(part) if isinstance(part, bytes) else part[1] for part in parts)


def pieces(parts: Iterable[Part]) -> Iterable[Part]:
    """Return a body in pieces of at most 1 MiB."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        start, n_bytes = part
        for at in range(start, start + n_bytes, _PIECE):
            yield at, min(_PIECE, start + n_bytes - at)


def _measured(
    status: int, headers: list[tuple[bytes, bytes]], parts: list[Part]
) -> tuple[int, list[tuple[bytes, bytes]], list[Part]]:
    headers.append((b"content-length", b"%d" % body_bytes(parts)))
    return status, headers, parts


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""
