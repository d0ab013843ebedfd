"""What lies at the destination: whether it may be changed, and what of it is taken out of sight first.

Whose the place is is told by its manifest; see :class:`Claim`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Container, Iterable
from datetime import UTC, datetime

from pyramidion.core import MissingError, UsageError
from pyramidion.storage import Found
from pyramidion.transfer._aside import aside
from pyramidion.transfer._attempts import Attempts
from pyramidion.transfer._claim import Claim, Holder
from pyramidion.transfer._listing import listed
from pyramidion.transfer._manifest import (
    Entry,
    Manifest,
    StoredManifest,
    document,
    parse_document,
)
from pyramidion.transfer._neighbours import is_within, nested_places, not_replaceable
from pyramidion.transfer._parts import checksum
from pyramidion.transfer._putter import Putter
from pyramidion.transfer._stored_manifest import manifest_key
from pyramidion.transfer._stores import Stores
from pyramidion.transfer._tree import is_metadata

_DELETE_PIECE = 1000
_GIVE_BACK_S = 5.0


class Destination:
    """The objects at a destination.

    Parameters
    ----------
    stores : Stores
        The connections to it.
    attempts : Attempts
        Repeats what fails.
    names : tuple of str
        See :class:`LocalTree`.
    dataset : str
        Id of the dataset that is sent.

    Attributes
    ----------
    there : dict of str to Found
        Objects of the dataset that are in the store now, by their key below the destination.
    """

    def __init__(
        self, stores: Stores, attempts: Attempts, names: tuple[str, ...], dataset: str
    ) -> None:
        self._stores, self._attempts, self._names = stores, attempts, names
        self.manifest_key = manifest_key(names)
        self._claim = Claim(stores, attempts, self.manifest_key, dataset)
        self._lock = threading.Lock()
        self._is_hidden = self._replaces = False
        self._old: StoredManifest | None = None
        self.there = self._list()

    def owns(self, key: str) -> bool:
        """Tell whether a key is one that the dataset may have."""
        return not self._names or key.partition("/")[0] in self._names

    def take(self, dataset: str, *, overwrite: bool, expected: Container[str] | None) -> None:
        """Make sure that the place is free or this dataset's; nothing is changed yet.

        Parameters
        ----------
        dataset : str
            Id of the dataset.
        overwrite : bool
            Take the place of another one.
        expected : container of str, optional
            Keys that the dataset has, if that is known; objects of these keys may be there without a
            manifest, put by another program.

        Raises
        ------
        UsageError
            UPL-11 if another dataset is there; ALL-07 if it is not to be replaced.
        """
        holder = self._claim.holder() if self.manifest_key in self.there else None
        if holder is not None and holder.dataset == dataset:
            self._replaces = holder.replaces
            self._claim.continued()
            return
        expected = expected if expected is not None else ()
        # Programs that show folders put empty objects for them.
        others = [key for key in self.strangers(expected, nested=True) if self.there[key].size]
        if not overwrite:
            self._refuse(holder, others)
        elif others:
            self._refuse_irreplaceable(holder, expected)
        self._replaces = overwrite and (holder is not None or bool(others))
        old = self._read_manifest() if holder is not None else None
        self._old, entries = old, tuple(old.entries.values()) if old else ()
        self._claim.prepare(
            document(dataset, entries, complete=False, replaces=self._replaces),
            holder,
            document(old.dataset, entries, complete=old.complete, replaces=old.replaces)
            if old
            else b"",
        )

    def use(self) -> None:
        """Have the place; to be called before every object that is put. See :meth:`Claim.use`."""
        self._claim.use()

    def check_held(self) -> None:
        """Make sure that nobody else has taken the place meanwhile.

        Raises
        ------
        PyramidionError
            UPL-11 if so; nothing is to be published.
        """
        self._claim.check()

    def give_back(self) -> None:
        """Leave the place as it was found, if it was only claimed; see :meth:`Claim.give_back`."""
        before = self.there.keys() | {self.manifest_key}  # nothing was added, if nothing was sent

        def is_empty() -> bool:
            found = listed(self._stores, self._names, self.manifest_key, lambda ask: ask(0))
            return found.keys() <= before

        with contextlib.suppress(TimeoutError):  # the claim stays, as after a crash
            aside(lambda: self._claim.give_back(is_empty), _GIVE_BACK_S)

    def put_manifest(self, manifest: Manifest, putter: Putter, entries: Iterable[Entry]) -> None:
        """Say what the dataset consists of, unless the store says the same already.

        Raises
        ------
        PyramidionError
            UPL-11 if somebody else has taken the place.
        """
        key = self.manifest_key
        own = (entry for entry in entries if entry.key != key)
        data = document(manifest.dataset, own, complete=True)
        there, known, md5 = self.there.get(key), manifest.get(key), checksum(data)
        told = known.etag if known is not None and known.md5 == md5 else md5
        if there is not None and there.etag in (md5, told):
            return
        self._claim.use(stays=True)
        self.check_held()
        etag = putter.put_bytes(key, data, md5)
        self.there[key] = Found(key, len(data), etag, datetime.now(UTC))
        manifest.put(Entry(key, len(data), md5, etag, extra=True))

    def hide(self, keys: Container[str]) -> None:
        """Remove the documents by which readers find the dataset that is there, the roots first.

        Parameters
        ----------
        keys : container of str
            What else belongs to the dataset beside what its manifest names.
        """
        with self._lock:
            if self._is_hidden:
                return
            documents = [key for key in self.there if self.owns(key) and is_metadata(key)]
            places = nested_places(self.there, self.manifest_key)
            documents = [key for key in documents if not is_within(key, places)]
            if documents and not self._replaces:
                known = self._known_keys()
                documents = [key for key in documents if key in known or key in keys]
            self.delete([key for key in documents if "/" not in key])
            self.delete([key for key in documents if "/" in key])
            self._is_hidden = True

    def stale(self, current: Container[str], journal: Iterable[Entry]) -> list[str]:
        """Return the keys of what is left of what was there before: a reader would mix it in.

        Of an earlier version of the dataset that is what was noted of it. Where something else is
        replaced it is all that is there, now: who was sending it may have gone on for a while.

        Parameters
        ----------
        current : container of str
            Keys of the dataset as it is now.
        journal : iterable of Entry
            What the journal knows of.
        """
        if self._replaces:
            self.there = {**self._list(), **self.there}
            return self.strangers(current)
        others = self.strangers(current)
        if not others:
            return []
        noted = {entry.key for entry in journal if not entry.extra} | self._known_keys()
        return [key for key in others if key in noted]

    def strangers(self, current: Container[str], *, nested: bool = False) -> list[str]:
        """Return the keys of the objects that are not in a dataset.

        Parameters
        ----------
        current : container of str
            Keys of the dataset.
        nested : bool
            Also those of other datasets that lie within it and have manifests of their own.
        """
        others = [
            key
            for key in self.there
            if key not in current and self.owns(key) and key != self.manifest_key
        ]
        places = [] if nested else nested_places(others, self.manifest_key)
        return [key for key in others if not is_within(key, places)] if places else others

    def nested(self, current: Container[str]) -> list[str]:
        """Return the keys of other datasets that lie within this one and have manifests."""
        own = set(self.strangers(current))
        return [key for key in self.strangers(current, nested=True) if key not in own]

    def delete(self, keys: list[str]) -> None:
        """Remove objects; the place is ours."""
        from obstore.exceptions import NotFoundError

        def request(tries: int) -> None:
            del tries
            with_prefix = [self._stores.key(key) for key in piece]
            try:
                self._stores.sending(0).delete(with_prefix)
            except (NotFoundError, FileNotFoundError):
                if len(with_prefix) > 1:
                    raise

        for first in range(0, len(keys), _DELETE_PIECE):
            piece = keys[first : first + _DELETE_PIECE]
            self._claim.use(stays=True)
            self._attempts.run(piece[0], request)
            for key in piece:
                self.there.pop(key, None)
        self._stores.bucket.forget()

    def _list(self) -> dict[str, Found]:
        """Return the objects that are there now, by their key below the destination."""
        return listed(
            self._stores, self._names, self.manifest_key, lambda ask: self._attempts.run("", ask)
        )

    def _known_keys(self) -> frozenset[str]:
        if self._old is None:
            self._old = self._read_manifest()
        old = self._old.entries.values() if self._old else ()
        return frozenset(entry.key for entry in old if not entry.extra)

    def _read_manifest(self) -> StoredManifest | None:
        if self.manifest_key not in self.there:
            return None
        key = self._stores.key(self.manifest_key)

        def request(tries: int) -> bytes:
            del tries
            return bytes(self._stores.bucket.store.get(key).bytes())

        try:
            data = self._attempts.run(self.manifest_key, request)
        except MissingError:
            return None
        return parse_document(data, self._stores.url(self.manifest_key))

    def _refuse(self, holder: Holder | None, others: list[str]) -> None:
        """Refuse a place that is not free."""
        if holder is not None:
            raise self._claim.taken(f"id {holder.dataset}")
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            raise self._claim.taken(f"{others[0]}{more}, without a manifest")

    def _refuse_irreplaceable(self, holder: Holder | None, expected: Container[str]) -> None:
        """Refuse to replace what is not one dataset."""
        keys = self.there.keys() - {self.manifest_key}
        found = not_replaceable(keys, self._names, expected, holder)
        if found is not None:
            raise UsageError(
                str(self._stores.destination),
                "refusing to replace (not a dataset)",
                f"{found} is there",
                "remove it yourself, or choose another KEY",
                id="PYR-ALL-07",
            )
