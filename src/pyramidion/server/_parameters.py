"""What may stand in a query: one description that checks requests and tells clients.

The routes check with it, and :mod:`pyramidion.server._openapi` describes them with it, so that the
description cannot promise other limits than those that hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyramidion.server._errors import ParameterError

_WHOLE = re.compile("-?[0-9]{1,18}")
MOST_DIGITS = 10**18 - 1
"""The largest number that is read."""


@dataclass(frozen=True)
class Whole:
    """A whole number between two limits.

    Parameters
    ----------
    name : str
        Of the parameter.
    low, high : int
        Limits, both allowed. A dataset may have closer ones.
    about : str
        What it is.
    """

    name: str
    low: int
    high: int
    about: str

    @property
    def schema(self) -> dict[str, Any]:
        """The same as JSON schema."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def parse(self, text: str, low: int | None = None, high: int | None = None) -> int:
        """Return the number that was sent.

        Parameters
        ----------
        text : str
            As sent, decoded.
        low, high : int, optional
            Closer limits.

        Raises
        ------
        ParameterError
            If it is anything else.

        Examples
        --------
        >>> Whole("scale", 1, 64, "").parse("4")
        4
        """
        low = self.low if low is None else low
        high = self.high if high is None else high
        number = whole(text)
        if number is None or not low <= number <= high:
            raise ParameterError(self.name, text, f"{low}..{high}" if low != high else f"{low}")
        return number


@dataclass(frozen=True)
class Word:
    """One word of a few.

    Parameters
    ----------
    name, about : str
        As in :class:`Whole`.
    words : sequence of str
        Those that are told; a route may take other spellings too.
    """

    name: str
    words: Sequence[str]
    about: str

    @property
    def schema(self) -> dict[str, Any]:
        """The same as JSON schema."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Text:
    """Text of a form.

    Parameters
    ----------
    name, about : str
        As in :class:`Whole`.
    form : str
        Regular expression, of Python and of ECMA-262 alike, that all of it matches.
    allowed : str
        The same for people.
    """

    name: str
    form: str
    allowed: str
    about: str

    @property
    def schema(self) -> dict[str, Any]:
        """The same as JSON schema."""
        return {"type": "string", "pattern": f"^(?:{self.form})$"}

    def parse(self, text: str) -> str:
        """Return what was sent.

        Raises
        ------
        ParameterError
            If it is not of the form.
        """
        if not re.fullmatch(self.form, text):
            raise ParameterError(self.name, text, self.allowed)
        return text


Parameter = Whole | Word | Text


def whole(text: str) -> int | None:
    """Return a whole number of at most 18 digits; None for everything else.

    Examples
    --------
    >>> whole("12"), whole("-3"), whole("1.5"), whole("1_0")
    (12, -3, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None
