"""What a reader of the catalogue asks for in the address: words, a kind, an order, a part."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pyramidion.server._catalogue import Found
from pyramidion.server._facts import facts_of, size_of

KINDS = ("waveform", "image")
_NUMBER = re.compile(r"\d+")
_BLANKS = re.compile(r"[\u2009\u00a0 ]")
_ORDERS: dict[str, Callable[[Found], object]] = {
    "name": lambda found: natural(found.dataset.name),
    "date": lambda found: -(found.changed or 0.0),
    "size": lambda found: -found.n_bytes,
}
ORDERS = tuple(_ORDERS)


@dataclass(frozen=True)
class CatalogueQuery:
    """The question of a page without scripts.

    Parameters
    ----------
    words : str
        All of them occur in name, folder or facts of a dataset.
    kind : str
        ``waveform`` or ``image``; empty for both.
    order : str
        ``name``, ``date`` (newest first) or ``size`` (largest first).
    page : int
        From 1.
    """

    words: str = ""
    kind: str = ""
    order: str = "name"
    page: int = 1

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> CatalogueQuery:
        """Read a query; what makes no sense in it counts as not said."""
        kind, order = parameters.get("kind", ""), parameters.get("sort", "")
        page = parameters.get("page", "")
        return cls(
            parameters.get("q", "")[:200],
            kind if kind in KINDS else "",
            order if order in ORDERS else "name",
            int(page) if re.fullmatch("[1-9][0-9]{0,5}", page) else 1,
        )

    def address(self, page: int) -> str:
        """Return the query of another page of the same."""
        said = {"q": self.words, "kind": self.kind, "sort": self.order, "page": page}
        kept = {k: v for k, v in said.items() if v not in ("", "name", 1)}
        return "?" + urlencode(kept) if kept else "./"

    def choose(self, found: Iterable[Found]) -> list[Found]:
        """Return the datasets asked for, in order."""
        words = plain(self.words).split()
        chosen = [
            each
            for each in found
            if self.kind in ("", each.dataset.kind) and (not words or has_words(each, words))
        ]
        chosen.sort(key=_ORDERS[self.order])  # type: ignore[arg-type]
        return chosen


def has_words(found: Found, words: Iterable[str]) -> bool:
    """Tell whether all words occur in what is shown of a dataset."""
    dataset = found.dataset
    facts = " ".join([dataset.kind, *facts_of(dataset), size_of(found)])
    text = plain(f"{dataset.name} {facts}")
    compact = _BLANKS.sub("", text)
    return all(word in text or word in compact for word in words)


def plain(text: str) -> str:
    """Return text as it is compared: small letters, one form of each, ``x`` for a cross.

    Examples
    --------
    >>> plain("512 \u00d7 512 A")
    '512 x 512 a'
    """
    return unicodedata.normalize("NFC", text).lower().replace("\u00d7", "x")


def natural(name: str) -> str:
    """Return what sorts names as people do: ``run 9`` before ``run 10``."""
    return _NUMBER.sub(lambda number: number[0].rjust(12, "0"), name.lower())


def n_pages(n_found: int, page_size: int) -> int:
    """Return the number of pages that hold all that was found; at least one."""
    return max(1, math.ceil(n_found / page_size))
