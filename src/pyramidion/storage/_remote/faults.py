"""What an object store or the way to it did wrong, in words a user can act on.

Nothing of what a server or the client library says is repeated but a code of letters
(``SignatureDoesNotMatch``) and a region. Raise what :func:`remote_error` returns ``from None``, so that
no traceback holds the rest either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from pyramidion.core import DataError, MissingError, PyramidionError, StorageError
from pyramidion.storage._remote.connection import Connection
from pyramidion.storage._remote.failure import CONFLICTS, Failure, is_transient, read_failure

__all__ = ["blot", "is_transient", "remote_error"]

_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")
_PREFIX = re.compile(r"^Generic \w+ error: ")
_ODD_KEY = re.compile(r"invalid path: Path \"([^\"]{1,1024})\"")
_SERVER_TIME = re.compile(r"<ServerTime>([0-9TZ:.+-]{10,40})</ServerTime>")

NOT_HTTP = "it does not speak HTTP"

_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName"}
_OTHER_REGION = {
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "IllegalLocationConstraintException",
}
_MENDS = {
    "SignatureDoesNotMatch": "check the secret key",
    "AuthenticationFailed": "check the account key",
    "InvalidAccessKeyId": "check the access key",
    "ExpiredToken": "get new credentials",
    "TokenRefreshRequired": "get new credentials",
    "InvalidToken": "check the session token",
}
_LOGIN = {
    "s3": "set AWS_PROFILE",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY",
}
_SECRET_FIELDS = (
    r"(?i)((?:x-amz-)?(?:signature|security-token|credential)=)[^&\s\"'<>,]+",
    r"(?i)([?&](?:sig|access_key|secret_key|awsaccesskeyid)=)[^&\s\"'<>]+",
    r"(?i)(<(?:awsaccesskeyid|signatureprovided|stringtosign(?:bytes)?|canonicalrequest(?:bytes)?|"
    r"token-?\d*)>)[^<]*",
    r"(?i)(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]+",
    r"(?i)(\bauthorization[\"']?: ?[\"']?)[^\n\"']+",
    r"(://)[^/\s@\"']+(?=@)",
)


def remote_error(
    error: BaseException, where: str, connection: Connection | None
) -> PyramidionError:
    """Return the error to raise for a failed request; raise it ``from None``.

    Parameters
    ----------
    error : BaseException
        From the client library.
    where : str
        URL of the object.
    connection : Connection, optional
        To the bucket; None for a store in memory.
    """
    if isinstance(error, PyramidionError):
        return error
    connection = connection or Connection("memory", "", "memory://")
    failure = read_failure(error, blot(str(error), connection))
    if failure.method == "HEAD" and failure.status in (400, 401, 403):
        failure = _asked_for_the_reason(failure, where, connection)
    case = _Case(failure, where, connection)
    found = case.of_connection() or case.of_access() or case.of_bucket() or case.of_object()
    return found or case.unknown()


@dataclass(frozen=True)
class _Case:
    """A request that failed; each method returns the error to raise if the fault is of its kind."""

    failure: Failure
    where: str
    connection: Connection

    def of_connection(self) -> PyramidionError | None:
        """Nothing answered, or not what should."""
        failure, where, connection = self.failure, self.where, self.connection
        if failure.is_connecting:
            return cannot_connect(connection, failure.no_connection)
        if failure.kind and "Parse(" in failure.dump:
            return cannot_connect(connection, NOT_HTTP)
        if failure.kind:
            reason = _counted(failure.no_connection, failure)
            return StorageError(where, "no answer", reason, "try again later", id="PYR-UPL-07")
        if connection.scheme == "s3" and failure.status < 500 and is_page(failure.body):
            return not_a_store(connection)
        return None

    def of_access(self) -> PyramidionError | None:
        """Refused: keys, tokens, clock, rights."""
        failure, where, connection = self.failure, self.where, self.connection
        if "External AWS credential provider" in failure.text:
            return StorageError(
                connection.place, "no credentials could be had", connection.looked_in,
                "log in again", id="PYR-UPL-02",
            )  # fmt: skip
        if failure.code in _MENDS:
            return StorageError(
                connection.place,
                "access denied",
                failure.code,
                _MENDS[failure.code],
                id="PYR-UPL-02",
            )
        if failure.code == "RequestTimeTooSkewed":
            return StorageError(
                connection.place, "access denied", failure.code, _clock(failure, connection),
                id="PYR-UPL-02",
            )  # fmt: skip
        if failure.status not in (401, 403) and not failure.refused:
            return None
        if not connection.signed:
            mend = (
                "leave out --anonymous" if connection.anonymous else _LOGIN.get(connection.scheme)
            )
            answer = f"{failure.answer or 'refused'}, asked without credentials"
            return StorageError(where, "access denied", answer, mend, id="PYR-UPL-02")
        mend = "these credentials may not write here"
        if failure.method in ("GET", "HEAD"):
            mend = "it is not there, or these credentials may not read it"
        return StorageError(
            where, "access denied", failure.answer or "refused", mend, id="PYR-UPL-03"
        )

    def of_bucket(self) -> PyramidionError | None:
        """No such bucket here."""
        failure, connection = self.failure, self.connection
        if failure.code in _NO_BUCKET:
            return StorageError(
                connection.place, f"no such bucket at {connection.endpoint}",
                mend="check its name and --endpoint-url", id="PYR-UPL-03",
            )  # fmt: skip
        if failure.code in _OTHER_REGION or "incorrectly configured region" in failure.text:
            region = _REGION.search(failure.body)
            there = region[1] if region else None
            return StorageError(
                connection.place, f"no such bucket in region {connection.region}",
                f"it is in {there}" if there else "it is in another region",
                f"use --region {there or 'REGION'}", id="PYR-UPL-03",
            )  # fmt: skip
        return None

    def of_object(self) -> PyramidionError | None:
        """Not there, not as expected."""
        failure, where = self.failure, self.where
        if failure.status == 404 or failure.missing:
            return MissingError(where, "no such file", id="PYR-ALL-03")
        if failure.status in (409, 412) and failure.code not in CONFLICTS:
            return StorageError(
                where, "changed by another writer meanwhile", mend="run again", id="PYR-ALL-25"
            )
        if failure.status == 416:
            return DataError(where, "changed while reading", mend="run again", id="PYR-ALL-20")
        if "non-partial response" in failure.text or "Range request not" in failure.text:
            return StorageError(
                where, "the server does not send parts of files", mend="copy the file first",
                id="PYR-UPL-49",
            )  # fmt: skip
        odd = _ODD_KEY.search(failure.text)
        if odd:
            what = "there is a key that cannot be read"
            return DataError(where, what, odd[1], "rename or remove that object", id="PYR-UPL-14")
        if failure.unusable_key:
            return DataError(
                where,
                "not a key that can be used",
                failure.text,
                id="PYR-UPL-14",
            )
        return None

    def unknown(self) -> PyramidionError:
        """Whatever else: 5xx, broken answers."""
        failure, where = self.failure, self.where
        again = "try again later" if failure.status >= 500 or not failure.status else None
        value = _what_failed(failure)
        return StorageError(where, "request failed", value, again, id="PYR-UPL-07")


def blot(text: str, connection: Connection | None) -> str:
    """Remove every secret, signature and token from a foreign text."""
    for secret in connection.secrets if connection else ():
        for form in {secret, quote(secret, safe=""), repr(secret)[1:-1]}:
            text = text.replace(form, "***")
    for pattern in _SECRET_FIELDS:
        text = re.sub(pattern, r"\1***", text)
    return text


def _asked_for_the_reason(failure: Failure, where: str, connection: Connection) -> Failure:
    """Ask once more with GET: answers to HEAD have no body, and so no reason in it."""
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    if connection.scheme != "s3" or not connection.store_config:
        return failure
    settings: dict[str, Any] = {
        "config": connection.store_config,
        "client_options": connection.client_options,
        "retry_config": connection.no_retry_config,
        "credential_provider": connection.credential_provider,
    }
    try:
        S3Store(connection.bucket, **settings).get(where.removeprefix(f"{connection.place}/"))
    except (BaseError, OSError, ValueError) as error:
        found = read_failure(error, blot(str(error), connection))
        return found if found.status == failure.status else failure
    return failure


def is_page(text: str) -> bool:
    """Tell whether a body is a web page; object stores answer in XML."""
    head = text[:4000].lower()
    return "<html" in head or "<!doctype html" in head


def cannot_connect(connection: Connection, reason: str) -> StorageError:
    """Return the error for a store that cannot be reached."""
    mend = "check the address" if connection.scheme.startswith("http") else "check --endpoint-url"
    return StorageError(connection.endpoint, "cannot connect", reason, mend, id="PYR-UPL-04")


def not_a_store(connection: Connection) -> StorageError:
    """Return the error for an address where a web page answers."""
    return cannot_connect(connection, "a web page answers there, not an object store")


def _clock(failure: Failure, connection: Connection) -> str:
    """Tell by how much this computer's clock is wrong, if the server says what time it is."""
    server = _server_time(failure, connection)
    if server is None:
        return "set this computer's clock"
    minutes = round((datetime.now(UTC) - server).total_seconds() / 60)
    if minutes == 0:
        return "set this computer's clock"
    return f"the clock is {abs(minutes)} min {'ahead' if minutes > 0 else 'behind'}, set it"


def _server_time(failure: Failure, connection: Connection) -> datetime | None:
    said = _SERVER_TIME.search(failure.body)
    try:
        if said:
            time = datetime.fromisoformat(said[1])
        else:
            time = parsedate_to_datetime(_date_of(connection.endpoint))
    except (ValueError, TypeError, OSError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _date_of(endpoint: str) -> str:
    """Ask a server for the date that it puts into every answer."""
    import urllib.error  # slow to import, and seldom needed
    import urllib.request

    request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - http(s), was checked
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:  # noqa: S310
            return answer.headers["Date"] or ""
    except urllib.error.HTTPError as error:
        with error:
            return error.headers["Date"] or ""


def _what_failed(failure: Failure) -> str:
    if failure.answer:
        return _counted(failure.answer, failure)
    if "response body" in failure.text:
        return _counted("the answer broke off", failure)
    if "ETag Header missing" in failure.text or "DeleteObjects response" in failure.text:
        return "not an answer of an object store"
    return _PREFIX.sub("", failure.text) or "unknown"


def _counted(reason: str, failure: Failure) -> str:
    return f"{reason}, tried {failure.n_retries + 1} times" if failure.n_retries else reason
