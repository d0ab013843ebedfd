"""Conditions that a store must meet for a page to read from it: who may read, CORS, ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pyramidion.workflows._bucket.addresses import origin_of
from pyramidion.workflows._bucket.asking import Answer, Asker
from pyramidion.workflows._bucket.report import ADVISED, FAILS, OK, UNNEEDED, Condition
from pyramidion.workflows._bucket.rules import ASKED_HEADERS

_PIECE = 2**16
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_ADD_CORS = "add the CORS rule"
_ADD_POLICY = "add the policy"
_SERVER_MEND = "serve it from a bucket, nginx or `pyramidion serve`"
_LOOPBACK = ("localhost", "::1")


def mixed_content(address: str, origin: str) -> Condition | None:
    """Tell whether browsers let a page of this origin ask for plain http; None where it is not."""
    host = urlsplit(address).hostname or ""
    if not (origin.startswith("https:") and address.startswith("http:")):
        return None
    if host in _LOOPBACK or host.endswith(".localhost") or host.startswith("127."):
        return None  # browsers take this machine for safe
    return Condition(
        "https", FAILS, f"pages of {origin} may not read from plain http",
        "give the store https, or open the page by http",
    )  # fmt: skip


def public(answer: Answer, name: str) -> Condition:
    """Tell whether everybody may read an object, from the answer to a request without a key."""
    if answer.is_refused:
        return Condition(
            "public", FAILS, f"{name} is refused to those without a key ({answer.status})",
            f"{_ADD_POLICY}; without leave to list, what is absent is refused as well", "policy",
        )  # fmt: skip
    return Condition("public", OK, "everybody may read")


def cors(answer: Answer, asker: Asker, address: str) -> Condition:
    """Tell whether the answer to a GET may be shown to the page."""
    if _is_own(asker, address):
        return Condition("CORS", UNNEEDED, "the page is of the same origin")
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed is None:
        what = f"no Access-Control-Allow-Origin for {asker.origin}"
        return Condition("CORS", FAILS, what, _ADD_CORS, "cors")
    if not _allows_origin(answer, asker.origin):
        what = f"Access-Control-Allow-Origin is {allowed}, not {asker.origin}"
        return Condition("CORS", FAILS, what, _ADD_CORS, "cors")
    return Condition("CORS", OK, f"Access-Control-Allow-Origin: {allowed}")


def preflight(asker: Asker, address: str, url: str) -> Condition:
    """Tell whether the page may send the headers that readers send.

    A page that may not ask for the last bytes of an object asks for its size instead, one request
    more for each shard; so a refusal fails only where HEAD is not allowed either.
    """
    if _is_own(asker, address):
        return Condition("preflight", UNNEEDED, "the page is of the same origin")
    if _allows(asker.preflight(url, ASKED_HEADERS), asker, ASKED_HEADERS):
        return Condition("preflight", OK, f"{', '.join(ASKED_HEADERS)} may be sent")
    if _allows(asker.preflight(url, ("Range",)), asker, ("Range",)):
        what = "If-None-Match and If-Range may not be sent; some readers do"
        return Condition("preflight", ADVISED, what, _ADD_CORS, "cors")
    head = asker.head(url)
    if head.status == 200 and _allows_origin(head, asker.origin):
        what = "Range may not be sent: each shard costs one request more"
        return Condition("preflight", ADVISED, what, _ADD_CORS, "cors")
    return Condition(
        "preflight", FAILS, "OPTIONS with Range is refused, and so is HEAD", _ADD_CORS, "cors"
    )


def exposed(answer: Answer, asker: Asker, address: str) -> Condition:
    """Tell whether the page may see the headers that say what it got."""
    if _is_own(asker, address):
        return Condition("exposed headers", UNNEEDED, "the page is of the same origin")
    told = answer.listed("access-control-expose-headers")
    # Content-Length is shown to every page.
    hidden = [name for name in ("Content-Range", "ETag") if name.lower() not in told]
    if not hidden or "*" in told:
        return Condition("exposed headers", OK, "Content-Range, Content-Length and ETag are seen")
    what = f"{', '.join(hidden)} not exposed: wrong ranges go unnoticed"
    return Condition("exposed headers", ADVISED, what, _ADD_CORS, "cors")


def ranges(asker: Asker, url: str, tail_bytes: int) -> Iterator[Condition]:
    """Tell whether ranges are answered with the bytes that were asked for.

    Parameters
    ----------
    asker : Asker
        Who asks.
    url : str
        An object that is there.
    tail_bytes : int
        How much of its end readers ask for first; 0 if they do not.
    """
    answer = asker.get(url, f"bytes=0-{_PIECE - 1}")
    total = _total(answer)
    fault = _range_fault(answer, 0, min(_PIECE, total))
    yield _ranged("Range", fault)
    yield _encoding(answer)
    if fault or not tail_bytes:
        return
    n = min(tail_bytes, total, _PIECE)
    tail = asker.get(url, f"bytes=-{n}")
    if tail.status in (200, 416):
        what = "the last bytes cannot be asked for: each shard costs one request more"
        yield Condition("suffix range", ADVISED, what, _SERVER_MEND)
        return
    fault = _range_fault(tail, total - n, n)
    if not fault and tail.body != asker.get(url, f"bytes={total - n}-{total - 1}").body:
        fault = "other bytes than the ones asked for"
    yield _ranged("suffix range", fault)


def absent(asker: Asker, url: str) -> Condition:
    """Tell whether what is not there is answered as such, asking for what cannot be there."""
    answer = asker.get(url)
    if answer.is_absent:
        return Condition("absent objects", OK, f"answered {answer.status}")
    if answer.is_refused:
        what = f"answered {answer.status}, as if they were private: empty shards look like errors"
        mend = f"{_ADD_POLICY}: s3:ListBucket makes it 404"
        return Condition("absent objects", ADVISED, what, mend, "policy")
    what = f"answered {answer.status} instead of 404: empty shards look like damage"
    return Condition("absent objects", ADVISED, what, "switch off the error page of the site")


def _ranged(name: str, fault: str) -> Condition:
    if fault:
        return Condition(name, FAILS, fault, _SERVER_MEND)
    return Condition(name, OK, "206, and the bytes that were asked for")


def _range_fault(answer: Answer, start: int, n_bytes: int) -> str:
    """Return what is wrong with the answer to a range; nothing if all is well."""
    if answer.status != 206:
        return f"answered {answer.status} to a request for a part"
    told = answer.headers.get("content-range", "")
    match = _CONTENT_RANGE.fullmatch(told)
    if match is None:
        return f"Content-Range is `{told}`"
    is_asked = (int(match[1]), int(match[2])) == (start, start + n_bytes - 1)
    packed = "content-encoding" in answer.headers
    if not is_asked or (not packed and len(answer.body) != n_bytes):
        return f"asked for {n_bytes} bytes from {start}, got {len(answer.body)} as `{told}`"
    return ""


def _encoding(answer: Answer) -> Condition:
    packed = answer.headers.get("content-encoding", "identity")
    if packed.lower() == "identity":
        return Condition("encoding", OK, "the bytes come as they are stored")
    return Condition(
        "encoding", FAILS, f"packed on the way (Content-Encoding: {packed}): ranges then fail",
        "switch off compression for this path in the server, proxy or CDN",
    )  # fmt: skip


def _total(answer: Answer) -> int:
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    return int(match[3]) if match and match[3] != "*" else len(answer.body)


def _allows(answer: Answer, asker: Asker, headers: tuple[str, ...]) -> bool:
    """Tell whether an answer to a preflight lets a GET with these headers through."""
    # GET needs no leave of its own: only its headers do.
    names = answer.listed("access-control-allow-headers")
    is_named = "*" in names or {name.lower() for name in headers} <= names
    return 200 <= answer.status < 300 and _allows_origin(answer, asker.origin) and is_named


def _allows_origin(answer: Answer, origin: str) -> bool:
    return answer.headers.get("access-control-allow-origin") in ("*", origin)


def _is_own(asker: Asker, address: str) -> bool:
    return asker.origin == origin_of(address)
