"""What an object is, so that a browser that is given its address does the right thing."""

from __future__ import annotations

from pathlib import PurePosixPath

_TYPES = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".xml": "application/xml",
    ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".idx": "text/plain; charset=utf-8",
}
_NAMES = dict.fromkeys((".zattrs", ".zgroup", ".zarray", ".zmetadata"), "application/json")


def content_type(key: str) -> str:
    """Return the media type of a key; chunks and blocks are bytes.

    Examples
    --------
    >>> content_type("w.zarr/zarr.json"), content_type("w.zarr/c/0/0")
    ('application/json', 'application/octet-stream')
    """
    path = PurePosixPath(key)
    return _NAMES.get(path.name) or _TYPES.get(path.suffix.lower(), "application/octet-stream")
