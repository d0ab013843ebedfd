"""Requests as a browser sends them, for a check of what comes back."""

from __future__ import annotations

import gzip
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 10.0
BODY_LIMIT = 2**24
_RANGE_LIMIT = 2**17


class NoAnswerError(Exception):
    """Nothing that is HTTP came back."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Parameters
    ----------
    status : int
        Of HTTP.
    headers : mapping
        By lower-case name; one that came twice is joined with a comma, as browsers do.
    body : bytes
        Its beginning, as it was sent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_refused(self) -> bool:
        """Whether it was not handed out for want of a right."""
        return self.status in (401, 403)

    @property
    def is_absent(self) -> bool:
        """Whether there is no such object."""
        return self.status in (404, 410)

    def listed(self, name: str) -> set[str]:
        """Return the words of a header that is a list, in lower case."""
        return {word.strip().lower() for word in self.headers.get(name, "").split(",")} - {""}

    @property
    def text(self) -> bytes:
        """The body, unpacked if it was packed for the way.

        Raises
        ------
        OSError, EOFError
            If it does not unpack.
        """
        packed = self.headers.get("content-encoding", "").lower() == "gzip"
        return gzip.decompress(self.body) if packed else self.body


class Asker:
    """Sends requests for a page of some origin.

    Parameters
    ----------
    origin : str
        Of the page.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._opener = urllib.request.build_opener(_AsIs())

    def get(self, url: str, span: str = "") -> Answer:
        """Ask for an object, or for a range (``bytes=0-99``) of it."""
        ranged = {"Range": span, "Accept-Encoding": "gzip, deflate, br, zstd"} if span else {}
        return self._ask("GET", url, ranged, _RANGE_LIMIT if span else BODY_LIMIT)

    def head(self, url: str) -> Answer:
        """Ask about an object."""
        return self._ask("HEAD", url, {})

    def preflight(self, url: str, headers: tuple[str, ...]) -> Answer:
        """Ask whether a page may send these headers."""
        names = ",".join(sorted(name.lower() for name in headers))
        asked = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": names,
        }
        return self._ask("OPTIONS", url, asked)

    def _ask(
        self, method: str, url: str, headers: dict[str, str], limit: int = BODY_LIMIT
    ) -> Answer:
        told = {"Origin": self.origin, "User-Agent": "pyramidion-check", **headers}
        request = urllib.request.Request(url, headers=told, method=method)  # noqa: S310 - http(s)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return _answer(response.status, response, limit)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error, limit)
        except urllib.error.URLError as error:
            raise NoAnswerError(_told(error.reason)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswerError(_told(error)) from error


class _AsIs(urllib.request.HTTPRedirectHandler):
    """Shows a redirection instead of following it: browsers follow it only at times."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _answer(status: int, response: Any, limit: int) -> Answer:
    headers: dict[str, str] = {}
    for name, value in (response.headers or {}).items():
        known = headers.get(name.lower())
        headers[name.lower()] = f"{known}, {value}" if known else value
    try:
        body = response.read(limit)
    except http.client.IncompleteRead as error:
        body = error.partial
    return Answer(status, headers, body)


def _told(reason: object) -> str:
    if isinstance(reason, ssl.SSLError):
        return f"TLS: {getattr(reason, 'verify_message', '') or reason.reason}"
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return str(reason)
