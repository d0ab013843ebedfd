"""Faults of a request, and the one table that turns a fault into a status.

Handlers raise; nothing below them knows a status number. Every error body is
``{"error": {"id": ..., "what": ..., ...}}`` and never names a file of this machine. An I/O fault
is a 500 and never a 404: a Zarr reader paints fill values over whatever is "not found".
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from typing import Any

from starlette.types import Send

from pyramidion.core import MissingError, PyramidionError, UsageError, escape
from pyramidion.server._private_paths import without_paths

logger = logging.getLogger("pyramidion.server")

Pairs = tuple[tuple[bytes, bytes], ...]

MAX_LOGGED = 1000
"""Characters of a fault in the log, on one line: names of datasets are foreign text."""

RETRY_S = 2
"""Seconds after which a client that is told to come back may do so."""


class RequestError(PyramidionError):
    """A request that is not answered with what it asked for.

    Parameters
    ----------
    what : str
        What is wrong with it.
    value, mend
        As in :class:`~pyramidion.core.PyramidionError`.
    id : str
        Stable identifier (``PYR-HTTP-10``).
    headers : tuple of (bytes, bytes)
        Headers that belong to the answer (``Allow``, ``Content-Range``).
    """

    def __init__(
        self,
        what: str,
        value: object = None,
        mend: str | None = None,
        *,
        id: str,  # noqa: A002 - the public word for it
        headers: Pairs = (),
    ) -> None:
        super().__init__("request", what, value, mend, id=id)
        self.headers = headers


class BadRequestError(RequestError):
    """The request cannot be understood."""


class ParameterError(BadRequestError):
    """A parameter of the query has a value that makes no sense.

    Parameters
    ----------
    field : str
        Name of the parameter.
    value : object
        What was sent.
    allowed : str
        What may be sent (``1..2304``).
    id, headers
        As in :class:`RequestError`.
    """

    def __init__(
        self,
        field: str,
        value: object,
        allowed: str,
        *,
        id: str = "PYR-HTTP-11",  # noqa: A002 - the public word for it
        headers: Pairs = (),
    ) -> None:
        super().__init__(
            f"{field} is not what it may be", value, f"allowed: {allowed}", id=id, headers=headers
        )
        self.field, self.allowed = field, allowed


class TooLargeError(RequestError):
    """The answer would be larger, or cost more work, than this server gives."""


class BusyError(RequestError):
    """Others are being answered: there is no room for this now.

    Parameters
    ----------
    what : str
        What there is too much of.
    """

    def __init__(self, what: str) -> None:
        told = ((b"retry-after", b"%d" % RETRY_S),)
        super().__init__(what, None, "ask again", id="PYR-HTTP-17", headers=told)


class NotOfferedError(RequestError):
    """A part of a protocol that this server does not speak."""


class FailedReadError(RequestError):
    """What was asked for is there and cannot be read."""


class StoreError(RequestError):
    """The object store behind this server did not give what it should have.

    Parameters
    ----------
    told : PyramidionError
        What it did, for the log; clients are told what, not where.
    what : str
        The same for them.
    """

    def __init__(self, told: PyramidionError, what: str) -> None:
        super().__init__(what, id=told.id)
        self._told = told

    def __str__(self) -> str:
        """Return the line for the log."""
        return self._told.line


class StoreBusyError(StoreError):
    """The object store did not answer, and may do so later."""

    def __init__(self, told: PyramidionError, what: str) -> None:
        super().__init__(told, what)
        self.headers = ((b"retry-after", b"2"),)


class TokenError(RequestError):
    """The token is missing or wrong."""


class ForbiddenError(RequestError):
    """The page that asks may not read from here."""


class NotServedError(RequestError):
    """Nothing is served under this path."""


class FolderError(NotServedError):
    """The path is a folder; folders are not shown unless asked for."""


class MethodError(RequestError):
    """Only GET, HEAD and OPTIONS are answered."""


class PreconditionError(RequestError):
    """The file is not the one that ``If-Match`` named."""


class RangeError(RequestError):
    """No part of the file lies in the range that was asked for."""


class HostError(RequestError):
    """The Host header names another machine."""


STATUS: dict[type[BaseException], int] = {
    BadRequestError: 400,
    UsageError: 400,
    TokenError: 401,
    ForbiddenError: 403,
    NotServedError: 404,
    MissingError: 404,
    MethodError: 405,
    PreconditionError: 412,
    RangeError: 416,
    TooLargeError: 413,
    HostError: 421,
    FailedReadError: 500,
    NotOfferedError: 501,
    StoreError: 502,
    StoreBusyError: 503,
    BusyError: 503,
    PyramidionError: 500,
    OSError: 500,
}


def status_of(error: BaseException) -> int:
    """Return the status that answers this error.

    Examples
    --------
    >>> status_of(FileNotFoundError("gone")), status_of(MissingError("w.zarr", "no such file"))
    (500, 404)
    """
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def describe(error: BaseException, hidden: Sequence[str] = ()) -> dict[str, Any]:
    """Return the body of an error answer.

    Parameters
    ----------
    error : BaseException
        What went wrong.
    hidden : sequence of str
        Folders that are served: where they lie is nobody's business.

    Returns
    -------
    dict
        ``{"error": {"id", "what", "value"?, "mend"?, "field"?, "allowed"?}}``; before it
        ``"detail"`` where an error has one, for clients of an older server.
    """
    if isinstance(error, PyramidionError):
        parts = {
            "id": error.id,
            "what": error.what,
            "value": None if error.value is None else escape(error.value),
            "mend": error.mend,
            "field": getattr(error, "field", None),
            "allowed": getattr(error, "allowed", None),
        }
        told = {
            "error": {
                key: without_paths(part, hidden) for key, part in parts.items() if part is not None
            }
        }
        detail = getattr(error, "detail", None)
        return told if detail is None else {"detail": detail, **told}
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number else "unknown fault"
    return {"error": {"id": "PYR-HTTP-14", "what": f"the file could not be read: {reason}"}}


async def send_error(
    error: BaseException, path: str, send: Send, hidden: Sequence[str] = ()
) -> None:
    """Answer a request with an error.

    Parameters
    ----------
    error : BaseException
        What went wrong.
    path : str
        The URL path, for the log.
    send : callable
        The ASGI ``send`` of the request.
    hidden : sequence of str
        As in :func:`describe`.
    """
    status = status_of(error)
    if status >= 500 and not isinstance(error, BusyError):  # which is no fault, and comes in crowds
        logger.error("%s: %s", escape(path), escape(error, MAX_LOGGED))
    body = json.dumps(describe(error, hidden)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *(error.headers if isinstance(error, RequestError) else ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
