"""Requests to S3 that the client library has no words for, signed with AWS Signature Version 4.

Only requests without a body are sent here, few and small, so the standard library's connections do.
The steps and names are those of "Authenticating Requests: Using the Authorization Header (AWS
Signature Version 4)" in the Amazon S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, quote, urlsplit

from pyramidion import __version__
from pyramidion.core import Closing
from pyramidion.storage._remote.connection import Connection

_EMPTY = hashlib.sha256(b"").hexdigest()
_CODE = re.compile(rb"<Code>([A-Za-z0-9_.]{1,80})</Code>")
_PASSING = (408, 429, 500, 502, 503, 504)
_LARGEST_ANSWER = 4 * 2**20
_ANSWER_S = 10
_IN_ALL_S = 30
_TRIES = 6
_FIRST_PAUSE_S = 0.1


class SignedRequestError(Exception):
    """A request did not go through; its text is a code of letters or a few words of ours."""


@dataclass(frozen=True)
class Keys:
    """Who asks.

    Parameters
    ----------
    access, secret, token : str
        As in the AWS files; the token may be empty.
    """

    access: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed_headers(
    method: str,
    address: SplitResult,
    keys: Keys,
    region: str,
    at: datetime,
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of a request without a body, with its signature.

    Parameters
    ----------
    method : str
        ``GET``...
    address : SplitResult
        Its URL; path and query are encoded as :func:`encoded_query` does, the query is sorted.
    keys : Keys
        Who asks.
    region : str
        Of the bucket.
    at : datetime
        The time, in UTC.
    headers : mapping, optional
        What else is sent, in lower case.
    """
    time_text = at.strftime("%Y%m%dT%H%M%SZ")
    sent = {
        **(headers or {}),
        "host": address.netloc,
        "x-amz-content-sha256": _EMPTY,
        "x-amz-date": time_text,
        **({"x-amz-security-token": keys.token} if keys.token else {}),
    }
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name].strip()}\n" for name in sorted(sent))
    request = "\n".join((method, address.path or "/", address.query, lines, names, _EMPTY))
    scope = f"{time_text[:8]}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{time_text}\n{scope}\n{hashed}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope},"
        f"SignedHeaders={names},Signature={signature}"
    )
    return sent


def encoded_query(query: Mapping[str, str]) -> str:
    """Return a query as it is signed: everything but letters, digits and ``-._~`` encoded, sorted."""
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


class SignedRequests(Closing):
    """One connection to a bucket of S3, for a few requests within half a minute.

    Parameters
    ----------
    connection : Connection
        How the bucket is reached, with keys.

    Raises
    ------
    SignedRequestError
        If it can only be reached in a way that is not known here.
    """

    def __init__(self, connection: Connection) -> None:
        config = connection.store_config
        base = urlsplit(str(config["endpoint"]))
        if _has_proxy(base):
            raise SignedRequestError("a proxy is in between")
        self._keys, self._region = _keys(connection), connection.region
        in_host = bool(config["virtual_hosted_style_request"])
        path = base.path if in_host else f"{base.path}/{quote(connection.bucket)}"
        is_default = base.port in (None, {"http": 80, "https": 443}[base.scheme])
        host = base.netloc.rpartition(":")[0] if is_default and base.port else base.netloc
        self._bucket = base._replace(netloc=host, path=path)
        self._http: HTTPConnection | None = None
        self._until = time.monotonic() + _IN_ALL_S

    def send(self, method: str, key: str, query: Mapping[str, str]) -> bytes:
        """Send a request until it goes through; return the body of the answer.

        Raises
        ------
        SignedRequestError
            If the store refuses it, or it did not go through.
        """
        address = self._bucket._replace(
            path=f"{self._bucket.path}/{quote(key)}" if key else self._bucket.path or "/",
            query=encoded_query(query),
        )
        told = ""
        for tries in range(_TRIES):
            if tries:
                time.sleep(_FIRST_PAUSE_S * 2**tries * random.uniform(0.5, 1))  # noqa: S311
            if time.monotonic() > self._until:
                break
            try:
                status, body = self._answer(method, address)
            except ssl.SSLCertVerificationError:
                raise SignedRequestError("certificate refused") from None
            except (OSError, HTTPException, ValueError):  # the last for what no header can hold
                self.close()
                told = "connection lost"
                continue
            if status < 300:
                return body
            code = _CODE.search(body)
            told = code[1].decode() if code else f"HTTP {status}"
            if status not in _PASSING:
                break
        raise SignedRequestError(told or "out of time")

    def close(self) -> None:
        """Hang up; the next request connects anew."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _answer(self, method: str, address: SplitResult) -> tuple[int, bytes]:
        if self._http is None:
            self._http = _opened(address)
        further = {"user-agent": f"pyramidion/{__version__}"}
        headers = signed_headers(method, address, self._keys, self._region, datetime.now(UTC))
        target = f"{address.path}?{address.query}" if address.query else address.path
        self._http.request(method, target, headers={**headers, **further})
        answer = self._http.getresponse()
        if answer.length is None:  # of a body that is cut off, only `read` without a limit tells
            body = answer.read(_LARGEST_ANSWER + 1)
        else:
            body = b"" if answer.length > _LARGEST_ANSWER else answer.read()
        if (answer.length or 0) + len(body) > _LARGEST_ANSWER:
            self.close()
            raise SignedRequestError("answer too long")
        return answer.status, body


def _opened(address: SplitResult) -> HTTPConnection:
    if address.scheme == "http":
        return HTTPConnection(address.hostname or "", address.port, timeout=_ANSWER_S)
    context = ssl.create_default_context()
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        context.load_verify_locations(bundle)
    return HTTPSConnection(address.hostname or "", address.port, timeout=_ANSWER_S, context=context)


def _has_proxy(address: SplitResult) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    return bool(named) and not proxy_bypass(address.netloc)


def _keys(connection: Connection) -> Keys:
    """Return the keys that the client library was given, or asks for.

    Raises
    ------
    SignedRequestError
        If it finds them by itself, in a service of the machine.
    """
    config = connection.store_config
    if connection.credential_provider is not None:
        try:
            told = connection.credential_provider()
            return Keys(told["access_key_id"], told["secret_access_key"], told["token"] or "")
        except Exception:  # noqa: BLE001 - of programs that users name; what they say may hold keys
            raise SignedRequestError("no keys") from None
    if not config.get("access_key_id"):
        raise SignedRequestError("keys of the machine's role")
    token = str(config.get("session_token", ""))
    return Keys(str(config["access_key_id"]), str(config["secret_access_key"]), token)
