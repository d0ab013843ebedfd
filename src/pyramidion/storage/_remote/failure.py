"""What the exceptions of the client library say: there are few kinds, the rest stands in their text.

The text is a sentence with the status and the body of the answer, then a dump of the client's own
error, from which can be seen what failed in a connection. Bodies hold signatures and, from some
servers, tokens: only codes of letters and known words are taken from here into messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DUMP = "\n\nDebug source:"
_STATUS = re.compile(r"Server returned non-2xx status code: (\d{3}) ?([A-Za-z -]*)")
_CODE = re.compile(r"<Code>([A-Za-z0-9_.]{1,80})</Code>")
_KIND = re.compile(r"HttpError \{\s*kind: (\w+)")
_RETRIES = re.compile(r"after (\d+) retries")
_METHOD = re.compile(r"Error performing ([A-Z]+) ")

_DAMAGED_ON_THE_WAY = {
    "BadDigest", "IncompleteBody", "InvalidDigest", "RequestTimeout", "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
}  # fmt: skip
CONFLICTS = {"ConditionalRequestConflict", "OperationAborted"}
"""Another writer was there at the same moment; the store wants the request again."""

_BROKEN_ANSWERS = (
    "response body",  # it broke off
    "Server returned error response",  # the status was 200 and the body an error
    "ETag Header missing",  # so, too
    "invalid multipart response",
)
_REASONS = (
    ("ConnectionRefused", "connection refused"),
    ("dns error", "name not known"),
    ("NotValidForName", "the certificate is for another name"),
    ("Expired", "the certificate has expired"),
    ("InvalidCertificate", "the certificate is not trusted"),
    ("InvalidContentType", "no TLS there: write http:// instead of https://"),
    ("NetworkUnreachable", "network unreachable"),
    ("HostUnreachable", "host unreachable"),
    ("TimedOut", "timed out"),
    ("Elapsed", "timed out"),
    ("ConnectionReset", "connection reset"),
)
_CONNECTING = re.compile(r"Error\(\s*Connect,")
_CERTIFICATE = re.compile(r"InvalidCertificate|InvalidMessage|AlertReceived")


@dataclass(frozen=True)
class Failure:
    """What the text of an exception of the client library says.

    Parameters
    ----------
    status : int
        HTTP status; 0 if there was no answer.
    phrase : str
        The words of the status.
    code : str
        The server's own word for it (``NoSuchBucket``).
    kind : str
        What failed in the connection: ``Connect``, ``Timeout``, ``Interrupted``, ``Request``,
        ``Decode``, ``Unknown``; empty if that was not it.
    method : str
        ``GET``, ``PUT``...; empty if unknown.
    n_retries : int
        How often it was tried again.
    text, body, dump : str
        The sentence, the answer's body in it, the client's own error; they may hold secrets.
    refused, missing, unusable_key : bool
        What the class of the exception says.
    """

    status: int
    phrase: str
    code: str
    kind: str
    method: str
    n_retries: int
    text: str
    body: str
    dump: str
    refused: bool = False
    missing: bool = False
    unusable_key: bool = False

    @property
    def answer(self) -> str:
        """The answer in a few words."""
        if self.code:
            return self.code
        return f"{self.status} {self.phrase}".strip() if self.status else ""

    @property
    def is_connecting(self) -> bool:
        """Whether no connection came about."""
        in_time = self.kind == "Timeout" and _CONNECTING.search(self.dump)
        return self.kind == "Connect" or bool(in_time)

    @property
    def no_connection(self) -> str:
        """Why there was none, or why it broke."""
        return next((said for word, said in _REASONS if word in self.dump), "connection lost")


def read_failure(error: BaseException, told: str | None = None) -> Failure:
    """Read what the client library put into an exception.

    Parameters
    ----------
    error : BaseException
        The exception.
    told : str, optional
        Its text, if secrets were taken out of it.
    """
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    text, _, dump = (str(error) if told is None else told).partition(_DUMP)
    status = _STATUS.search(text)
    body = text[status.end() :] if status else text
    code, kind = _CODE.search(body), _KIND.search(dump)
    method, retries = _METHOD.search(text), _RETRIES.search(text)
    return Failure(
        status=int(status[1]) if status else 0,
        phrase=status[2].strip() if status else "",
        code=code[1] if code else "",
        kind=kind[1] if kind and not status else "",
        method=method[1] if method else "",
        n_retries=int(retries[1]) if retries else 0,
        text=text,
        body=body if status else "",
        dump=dump,
        refused=isinstance(error, PermissionDeniedError | UnauthenticatedError),
        missing=isinstance(error, FileNotFoundError),
        unusable_key=isinstance(error, ValueError),
    )


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed when it is sent again.

    Refusals (403, 404) are not, nor is a certificate; whether the store is there at all is asked
    once, by :func:`~pyramidion.storage._remote.reach.check_reachable`, so that a connection refused
    later is a server that starts again.
    """
    if isinstance(error, FileNotFoundError | PermissionError | ValueError):
        return False
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    failure = read_failure(error)
    if failure.status:
        again = failure.status in (408, 429) or failure.status >= 500
        if failure.status in (501, 505):
            return False
        return again or failure.code in _DAMAGED_ON_THE_WAY | CONFLICTS
    if failure.kind:
        return not _CERTIFICATE.search(failure.dump)
    return any(words in failure.text for words in _BROKEN_ANSWERS)
