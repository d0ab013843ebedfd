"""The datasets that are known, and what changed among them since somebody asked last."""

from __future__ import annotations

import re
import secrets
import threading
from bisect import bisect_right
from dataclasses import dataclass

from pyramidion.server._catalogue import Found
from pyramidion.server._dataset import Dataset

_CURSOR = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})-([0-9]{1,15})")
_SPARE = 10_000
"""Changes that are remembered beyond two for each dataset."""


@dataclass
class _Entry:
    """A dataset in the index."""

    found: Found
    source: str
    revision: int
    sweep: int


@dataclass(frozen=True)
class Changes:
    """What is new since a cursor.

    Parameters
    ----------
    cursor : str
        To be sent with the next question.
    is_all : bool
        What the client knew counts no more: this is the beginning of everything.
    more : bool
        There are more changes: ask again at once.
    found : list of Found
        New or changed datasets.
    gone : list of str
        Names of those that are no longer there.
    total : int
        How many are known in all.
    """

    cursor: str
    is_all: bool
    more: bool
    found: list[Found]
    gone: list[str]
    total: int


class Index:
    """The known datasets by name; several sources fill it, from any thread.

    Every change has a number. A client that names the number it saw last is told what came
    after it, so that a page stays right without loading everything again.
    """

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._revision = 0
        self._changes: list[tuple[int, str]] = []  # in order; a name's last one counts
        self._gone: dict[str, int] = {}
        self._forgotten = 0  # changes up to this number are no longer known
        self._sorted: tuple[int, list[Found]] = (0, [])

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def revision(self) -> int:
        """Number of the last change."""
        return self._revision

    def put(self, source: str, sweep: int, found: Found) -> None:
        """Note what a source found in a sweep; of two datasets of one name the first counts."""
        name = found.dataset.name
        with self._lock:
            known = self._entries.get(name)
            if known is not None and known.source != source:
                return
            if known is not None and known.found == found:
                known.sweep = sweep
                return
            self._gone.pop(name, None)
            self._entries[name] = _Entry(found, source, self._changed(name), sweep)

    def finish(self, source: str, sweep: int) -> None:
        """End a sweep: what it did not meet is gone."""
        with self._lock:
            gone = [
                name
                for name, entry in self._entries.items()
                if entry.source == source and entry.sweep != sweep
            ]
            for name in gone:
                del self._entries[name]
                self._gone[name] = self._changed(name)
            if len(self._changes) > 2 * len(self._entries) + _SPARE:
                self._forget()

    def all(self) -> list[Found]:
        """Return the datasets in order of name."""
        with self._lock:
            if self._sorted[0] != self._revision:
                names = sorted(self._entries)
                self._sorted = (self._revision, [self._entries[name].found for name in names])
            return self._sorted[1]

    def datasets(self) -> list[Dataset]:
        """Return the datasets in order of name."""
        return [found.dataset for found in self.all()]

    def since(self, cursor: str, limit: int) -> Changes:
        """Return what changed.

        Parameters
        ----------
        cursor : str
            Of the last answer; anything else for the first question.
        limit : int
            Most changes in the answer.
        """
        with self._lock:
            seen = self._seen(cursor)
            is_all = seen is None
            # A client that is still loading everything needs to hear of what vanished since then.
            after, base = seen or (0, self._revision)
            found: list[Found] = []
            gone: list[str] = []
            last = bisect_right(self._changes, after, key=lambda change: change[0])
            while last < len(self._changes) and len(found) + len(gone) < limit:
                after, name = self._changes[last]
                last += 1
                entry = self._entries.get(name)
                if entry is not None and entry.revision == after:
                    found.append(entry.found)
                elif not is_all and self._gone.get(name) == after:
                    gone.append(name)
            more = last < len(self._changes)
            told = f"{self._run}-{after}-{base}"
            return Changes(told, is_all, more, found, gone, len(self._entries))

    def _seen(self, cursor: str) -> tuple[int, int] | None:
        """Return the change that a client saw last, and the last one when it began.

        None if what it knows cannot be brought up to date.
        """
        parts = _CURSOR.fullmatch(cursor)
        if parts is None or parts[1] != self._run:
            return None
        after, base = int(parts[2]), int(parts[3])
        is_known = self._forgotten <= max(after, base) <= self._revision
        return (after, base) if is_known else None

    def _changed(self, name: str) -> int:
        self._revision += 1
        self._changes.append((self._revision, name))
        return self._revision

    def _forget(self) -> None:
        """Keep the last change of each dataset only."""
        kept = sorted((entry.revision, name) for name, entry in self._entries.items())
        self._changes, self._gone, self._forgotten = kept, {}, self._revision
