"""Has the file changed since the client saw it? The conditions of a request (RFC 9110, 13)."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

from pyramidion.server._errors import PreconditionError

NAMES = frozenset(
    {b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"}
)


def is_unchanged(headers: Mapping[bytes, bytes], etag: bytes, modified_s: int) -> bool:
    """Tell whether the client's copy is good (the answer is a 304).

    Parameters
    ----------
    headers : mapping
        Request headers by lower-case name.
    etag : bytes
        Strong tag of the file, with its quotes.
    modified_s : int
        Last change of the file in whole seconds since 1970.

    Raises
    ------
    PreconditionError
        If the client wants only the file it knows, and it has changed.

    Examples
    --------
    >>> is_unchanged({b"if-none-match": b'W/"a", "b"'}, b'"b"', 0)
    True
    """
    _require(headers, etag, modified_s)
    known = headers.get(b"if-none-match")
    if known is not None:
        return known.strip() == b"*" or etag in (_strong(tag) for tag in known.split(b","))
    since = _seconds(headers.get(b"if-modified-since"))
    return since is not None and modified_s <= since


def may_send_part(headers: Mapping[bytes, bytes], etag: bytes, modified: bytes) -> bool:
    """Tell whether a part fits to the parts the client has (``If-Range``)."""
    known = headers.get(b"if-range")
    return known is None or known.strip() in (etag, modified)


def _require(headers: Mapping[bytes, bytes], etag: bytes, modified_s: int) -> None:
    wanted = headers.get(b"if-match")
    if wanted is not None:
        if wanted.strip() != b"*" and etag not in (tag.strip() for tag in wanted.split(b",")):
            raise PreconditionError("the file has changed", id="PYR-HTTP-21")
        return
    before = _seconds(headers.get(b"if-unmodified-since"))
    if before is not None and modified_s > before:
        raise PreconditionError("the file has changed", id="PYR-HTTP-21")


def _strong(tag: bytes) -> bytes:
    return tag.strip().removeprefix(b"W/")


def _seconds(date: bytes | None) -> float | None:
    """Return a date of HTTP in seconds since 1970; None if there is none or it is malformed."""
    if date is None:
        return None
    parsed = parsedate_tz(date.decode("latin-1"))
    if parsed is None:
        return None
    try:
        return mktime_tz(parsed)
    except (ValueError, OverflowError):
        return None
