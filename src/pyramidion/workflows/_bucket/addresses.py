"""Where a browser finds what is in a bucket."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote, unquote, urlsplit

from pyramidion.core import UsageError
from pyramidion.storage import RemotePath, connection

_ORIGIN = re.compile(r"https?://[^/?#@\s]+", re.IGNORECASE)
_IP = re.compile(r"[0-9.]+|.*:.*")
_PORTS = {"http": 80, "https": 443}


def web_addresses(path: RemotePath) -> list[str]:
    """Return the addresses of an object for browsers, the usual one first.

    A bucket is named by the first part of the path, or by the first part of the host's name; most
    stores know both. What is only in memory has none.
    """
    # The key of a web address is written as in a browser, where some letters are in numbers already.
    name = unquote(path.key) if path.scheme in _PORTS else path.key
    key = quote(name, safe="/~")
    return [f"{root}/{key}" if key else root for root in _roots(path)]


def viewer_beside(dataset: RemotePath) -> RemotePath:
    """Return where the page is, unless another place is asked: beside the dataset."""
    return (dataset.parent if dataset.key else dataset) / "viewer"


def relative_address(path: RemotePath, page: RemotePath) -> str:
    """Return the address of an object as a page of the same bucket names it.

    It holds whatever host serves the bucket.

    Examples
    --------
    >>> from pyramidion.storage import place
    >>> relative_address(place("s3://lab/run 1/a.zarr"), place("s3://lab/run 1/viewer/index.html"))
    '../a.zarr'
    """
    told = posixpath.relpath("/" + path.key, "/" + page.parent.key)
    return quote(f"{told}/" if told.endswith("..") else told, safe="/~")


def endpoint_of(path: RemotePath) -> str:
    """Return the address of the store that a bucket is in; empty for what has none."""
    if path.scheme == "memory":
        return ""
    return connection(path.scheme, path.bucket).endpoint.rstrip("/")


def origin_of(address: str) -> str:
    """Return the origin of a web address, as browsers write it.

    Examples
    --------
    >>> origin_of("http://Store.example:80/lab/a.zarr")
    'http://store.example'
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def parse_origin(text: str) -> str:
    """Read the origin of a page.

    Raises
    ------
    UsageError
        If it is none.
    """
    origin = text.strip().rstrip("/")
    if _ORIGIN.fullmatch(origin):
        try:
            return origin_of(origin)
        except ValueError:
            pass  # a port that is none
    raise UsageError(
        "--origin", "not an origin", text, "write for example https://example.org", id="PYR-ALL-13"
    )


def _roots(path: RemotePath) -> list[str]:
    if path.scheme == "memory":
        return []
    if path.scheme in _PORTS:
        return [f"{path.scheme}://{path.bucket}"]
    connected = connection(path.scheme, path.bucket)
    scheme, _, host = connected.endpoint.rstrip("/").partition("://")
    by_path = f"{scheme}://{host}/{path.bucket}"
    if path.scheme != "s3" or _IP.fullmatch(urlsplit(connected.endpoint).hostname or ""):
        return [by_path]
    by_host = f"{scheme}://{path.bucket}.{host}"
    is_hosted = connected.store_config["virtual_hosted_style_request"]
    return [by_host, by_path] if is_hosted else [by_path, by_host]
