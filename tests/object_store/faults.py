"""What can go wrong between a program and an object store, and when it shall."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, urlsplit


class Fault(Enum):
    """One way to fail."""

    # Answered by the proxy; the server never sees the request.
    INTERNAL_ERROR = "500 with an S3 error"
    SLOW_DOWN = "503 SlowDown"
    TOO_MANY = "429 with an S3 error"
    REQUEST_TIMEOUT = "408 RequestTimeout"
    FORBIDDEN = "403 AccessDenied"
    HTML_PAGE = "200 with a page that is no S3 answer, as of a login or a console"
    ERROR_IN_200 = "200 with an S3 error in its body, as CompleteMultipartUpload may give"
    RESET_BEFORE_BODY = "connection reset once the head of the request is read"
    # The server sees part of the request.
    RESET_IN_BODY = "connection reset half way through the body of the request"
    # The server does what it is asked; the answer is lost or wrong.
    RESET_AFTER_DONE = "connection reset in place of the answer"
    EMPTY_ANSWER = "connection closed in place of the answer"
    TRUNCATED_ANSWER = "connection closed half way through the answer"
    SLOW_ANSWER = "answer held back for a while"
    STALLED_ANSWER = "answer held back for ever"
    # Every status is right, the bytes are not.
    FLIPPED_REQUEST = "one bit of the request's body flipped"
    FLIPPED_ANSWER = "one bit of the answer's body flipped"


PASSING = (
    Fault.INTERNAL_ERROR,
    Fault.SLOW_DOWN,
    Fault.TOO_MANY,
    Fault.REQUEST_TIMEOUT,
    Fault.RESET_BEFORE_BODY,
    Fault.RESET_IN_BODY,
    Fault.RESET_AFTER_DONE,
    Fault.EMPTY_ANSWER,
    Fault.TRUNCATED_ANSWER,
    Fault.SLOW_ANSWER,
    Fault.ERROR_IN_200,
)
"""Faults that are over when the request is sent again."""

CORRUPTING = (Fault.FLIPPED_REQUEST, Fault.FLIPPED_ANSWER)
"""Faults that only checksums find."""


@dataclass(frozen=True)
class Request:
    """What the choice of a fault may depend on.

    Attributes
    ----------
    method, target
        As in the first line of the request.
    has_body
        Whether a body follows.
    copies
        Whether the server makes the object from another one.
    """

    method: str
    target: str
    has_body: bool = False
    copies: bool = False

    @property
    def path(self) -> str:
        """`/BUCKET/KEY`, as sent."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters after the path."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def work(self) -> str:
        """What is asked, in words that are the same in every run, in whichever bucket."""
        key, query = self.path.lstrip("/").partition("/")[2], self.query
        return f"{self.method} {key} {sorted(query)} {query.get('partNumber', '')}"

    def can_have(self, fault: Fault) -> bool:
        """Whether a fault makes sense for this request."""
        match fault:
            case Fault.RESET_IN_BODY | Fault.FLIPPED_REQUEST:
                return self.has_body
            case Fault.FLIPPED_ANSWER:
                return self.method == "GET"
            case Fault.ERROR_IN_200:
                return self.copies or (self.method == "POST" and "uploadId" in self.query)
        return True


@dataclass(frozen=True)
class Rule:
    """A fault for the requests that match.

    Parameters
    ----------
    fault
        What happens to them.
    method, path
        Regular expressions; the first has to match the whole method, the second is searched for in
        the path with its query.
    nth
        Which of the matching requests, from 1; all of them when empty.
    """

    fault: Fault
    method: str = ".*"
    path: str = ""
    nth: frozenset[int] | set[int] | range = frozenset()

    def matches(self, request: Request) -> bool:
        """Whether the rule is about this request."""
        return bool(
            re.fullmatch(self.method, request.method) and re.search(self.path, request.target)
        )


@dataclass(frozen=True)
class Plan:
    """Which requests fail, and how.

    Parameters
    ----------
    shares
        Share of the requests, 0 to 1, that each fault befalls. A fault that makes no sense for a
        request is replaced by one of the others, so that their sum is the share that fails.
    rules
        Asked first, in this order.
    delay_s
        How long a slow answer takes.
    without_checksums
        Whether the checksums that travel in headers are removed, so that a server cannot notice
        flipped bits. Signatures then no longer match: for servers that do not check them.
    """

    shares: dict[Fault, float] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    delay_s: float = 1.5
    without_checksums: bool = False

    @classmethod
    def mixed(cls, share: float, faults: tuple[Fault, ...] = PASSING, **fields) -> "Plan":
        """The same part of `share` for each of the faults."""
        return cls({fault: share / len(faults) for fault in faults}, **fields)

    @classmethod
    def always(cls, fault: Fault, **fields) -> "Plan":
        """A fault for every request that can have it."""
        return cls(rules=(Rule(fault),), **fields)


class Choice:
    """Chooses a fault for each request; alike for the same seed, whatever the order of requests.

    Parameters
    ----------
    plan
        What shall fail.
    seed
        Of the random part. It depends on what is asked and on how often it was asked before.
    """

    def __init__(self, plan: Plan, seed: int) -> None:
        self._plan, self._seed = plan, seed
        self._n_matches, self._n_asked = Counter(), Counter()

    def of(self, request: Request) -> Fault | None:
        """What shall happen to a request; None for nothing."""
        for number, rule in enumerate(self._plan.rules):
            if rule.matches(request) and request.can_have(rule.fault):
                self._n_matches[number] += 1
                if not rule.nth or self._n_matches[number] in rule.nth:
                    return rule.fault
        return self._by_chance(request)

    def _by_chance(self, request):
        self._n_asked[request.work] += 1
        chance = random.Random(f"{self._seed} {self._n_asked[request.work]} {request.work}")
        shares = {f: share for f, share in self._plan.shares.items() if request.can_have(f)}
        if not shares or chance.random() >= sum(self._plan.shares.values()):
            return None
        return chance.choices([*shares], [*shares.values()])[0]
