"""Which pages may read: the CORS headers (research: what browsers and Zarr readers need).

Pages of this machine may, on any port; others only when they are named. A page that may not read
sees no CORS header at all.
"""

from __future__ import annotations

import re

from pyramidion.server._errors import Pairs
from pyramidion.server._settings import ServerSettings

_LOCAL_PAGE = re.compile(rb"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
_EXPOSED = (
    b"Content-Length, Content-Range, ETag, Accept-Ranges, "
    b"X-Frame-Number, X-Timestamp, X-Frame-Shape, X-Frame-Dtype"
)
_MAX_AGE_S = 86_400
_ALWAYS: Pairs = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_MAX_KNOWN = 64
"""Strangers may send any number of origins."""


class Origins:
    """The pages that may read from a server.

    Parameters
    ----------
    cors : tuple of str
        Further origins, or ``("*",)`` for all.
    with_token : bool
        Pages may send the ``Authorization`` header.
    """

    def __init__(self, cors: tuple[str, ...], *, with_token: bool = False) -> None:
        self._all = "*" in cors
        self._named = frozenset(origin.encode() for origin in cors)
        sent = b"Range, If-None-Match, If-Range" + (b", Authorization" if with_token else b"")
        self._preflight: Pairs = (
            (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
            (b"access-control-allow-headers", sent),
            (b"access-control-max-age", b"%d" % _MAX_AGE_S),
        )
        self._common: dict[bytes | None, Pairs] = {}

    @classmethod
    def of(cls, settings: ServerSettings) -> Origins:
        """Return the pages that may read from a server with these settings."""
        cors = ("*",) if settings.public else settings.cors
        return cls(cors, with_token=settings.token is not None)

    def allows(self, origin: bytes) -> bool:
        """Tell whether pages of this origin may read."""
        return self._all or origin in self._named or _LOCAL_PAGE.fullmatch(origin) is not None

    def common(self, origin: bytes | None) -> Pairs:
        """Return the headers that every answer to a page of an origin has, whatever it is."""
        known = self._common.get(origin)
        if known is None:
            known = self.headers(origin) + _ALWAYS
            if len(self._common) < _MAX_KNOWN:
                self._common[origin] = known
        return known

    def headers(self, origin: bytes | None) -> Pairs:
        """Return the headers for an answer to a page, or to no page at all."""
        if self._all:
            return (
                (b"access-control-allow-origin", b"*"),
                (b"access-control-expose-headers", _EXPOSED),
                (b"cross-origin-resource-policy", b"cross-origin"),
            )
        always = ((b"vary", b"Origin"), (b"cross-origin-resource-policy", b"same-origin"))
        if origin is None or not self.allows(origin):
            return always
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            *always,
        )

    def preflight(self, *, private_network: bool) -> Pairs:
        """Return the further headers of the answer to a preflight of an allowed page."""
        private = ((b"access-control-allow-private-network", b"true"),)
        return self._preflight + (private if private_network else ())
