"""What a check of a bucket found, condition by condition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OK = "ok"
FAILS = "fails"
ADVISED = "advised"
"""Shown all the same, but slower or with less to go by when something is wrong."""
UNNEEDED = "not needed"


@dataclass(frozen=True)
class Condition:
    """One thing that must be so.

    Parameters
    ----------
    name : str
        One word or two.
    state : str
        :data:`OK`, :data:`FAILS`, :data:`ADVISED` or :data:`UNNEEDED`.
    found : str
        What was seen.
    mend : str
        What to do about it.
    rule : str
        ``cors`` or ``policy``: the document that mends it.
    """

    name: str
    state: str
    found: str
    mend: str = ""
    rule: str = ""


@dataclass
class BucketReport:
    """What a check found.

    Parameters
    ----------
    dataset : str
        URL, as it was given.
    address : str
        Where browsers find it.
    origin : str
        Of the page for which it was checked.
    reader : str
        Who it was checked for: ``browser``, or ``OpenVisus client`` for IDX.
    conditions : list of Condition
        In the order in which they were looked at; what depends on one that fails is left out.
    """

    dataset: str
    address: str
    origin: str
    reader: str = "browser"
    conditions: list[Condition] = field(default_factory=list)

    @property
    def failed(self) -> list[Condition]:
        """Conditions without which it is not shown."""
        return [one for one in self.conditions if one.state == FAILS]

    @property
    def advised(self) -> list[Condition]:
        """Conditions with which it is shown better."""
        return [one for one in self.conditions if one.state == ADVISED]

    @property
    def rules(self) -> set[str]:
        """Documents that mend something: ``cors``, ``policy``."""
        return {one.rule for one in (*self.failed, *self.advised) if one.rule}

    def add(self, condition: Condition) -> bool:
        """Note a condition; tell whether it holds."""
        self.conditions.append(condition)
        return condition.state != FAILS

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": self.dataset,
            "address": self.address,
            "origin": self.origin,
            "reader": self.reader,
            "shown": not self.failed,
            "conditions": [
                {
                    "name": one.name,
                    "state": one.state,
                    "found": one.found,
                    "mend": one.mend,
                    "rule": one.rule,
                }
                for one in self.conditions
            ],
        }
