"""What lies at the destination: whose it is, and taking it out of sight before it is changed.

``.manifest.json`` is both the claim of a dataset to its place and, at the end, the list of its
objects. Two who upload different datasets to one place meet there: it is put on the condition that
there is none, and read again before the root documents are put.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from typing import Literal

from pyramidion.core import MissingError, UsageError
from pyramidion.storage import Found
from pyramidion.transfer._attempts import Attempts
from pyramidion.transfer._manifest import (
    Entry,
    Manifest,
    StoredManifest,
    document,
    parse_document,
)
from pyramidion.transfer._parts import checksum
from pyramidion.transfer._putter import Putter
from pyramidion.transfer._stored_manifest import manifest_key
from pyramidion.transfer._stores import Stores
from pyramidion.transfer._tree import is_metadata

_LIST_PIECE = 1000
_DELETE_PIECE = 1000
_HEAD_BYTES = 4096


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

    Attributes
    ----------
    there : dict of str to Found
        Objects of the dataset that are in the store now, by their key below the destination.
    """

    def __init__(self, stores: Stores, attempts: Attempts, names: tuple[str, ...] = ()) -> None:
        self._stores, self._attempts, self._names = stores, attempts, frozenset(names)
        self.manifest_key = manifest_key(names)
        self._lock = threading.Lock()
        self._is_hidden = False
        self._old: StoredManifest | None = None
        self.there: dict[str, Found] = attempts.run("", self._list)

    def owns(self, key: str) -> bool:
        """Tell whether a key is one that the dataset may have."""
        return not self._names or key.partition("/")[0] in self._names

    def take(
        self, dataset: str, *, overwrite: bool, expected: Container[str] | None, is_dry: bool
    ) -> None:
        """Make sure that the place is free or this dataset's, and claim it.

        Parameters
        ----------
        dataset : str
            Id of the dataset.
        overwrite : bool
            Take the place of another one.
        expected : container of str, optional
            Keys that the dataset has, if that is known; objects of these keys may be there without a
            manifest, put by another program.
        is_dry : bool
            Change nothing.

        Raises
        ------
        UsageError
            UPL-11 if another dataset is there.
        """
        holder = self._holder()
        if holder == dataset:
            return
        if not overwrite:
            if holder is not None:
                raise self._taken(f"id {holder}")
            self._refuse_strangers(expected)
        if holder is not None:
            self._old = self._read_manifest()
        if not is_dry:
            self._claim(dataset, replaces=holder)

    def check_held(self, dataset: str) -> None:
        """Make sure that nobody else has taken the place meanwhile.

        Raises
        ------
        UsageError
            UPL-11 if so; nothing is to be published.
        """
        holder = self._attempts.run(self.manifest_key, self._read_head)
        if holder != dataset:
            raise self._taken(f"id {holder}" if holder else "its manifest was removed")

    def put_manifest(self, manifest: Manifest, putter: Putter, entries: Iterable[Entry]) -> None:
        """Say what the dataset consists of, unless the store says the same already.

        Raises
        ------
        UsageError
            UPL-11 if somebody else has taken the place.
        """
        key = self.manifest_key
        own = (entry for entry in entries if entry.key != key)
        data = document(manifest.dataset, own, complete=True)
        there, known, md5 = self.there.get(key), manifest.get(key), checksum(data)
        told = known.etag if known is not None and known.md5 == md5 else md5
        if there is not None and there.etag in (md5, told):
            return
        self.check_held(manifest.dataset)
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
            if documents:
                roots = [key for key in documents if "/" not in key]
                known = self._known_keys() if len(roots) < len(documents) else frozenset()
                self.delete(roots)
                self.delete([k for k in documents if "/" in k and (k in known or k in keys)])
            self._is_hidden = True

    def stale(self, current: Container[str], journal: Iterable[Entry]) -> list[str]:
        """Return the keys of what is left of an earlier version: a reader would mix it in.

        Parameters
        ----------
        current : container of str
            Keys of the dataset as it is now.
        journal : iterable of Entry
            What the journal knows of.
        """
        others = self.strangers(current)
        if not others:
            return []
        noted = {entry.key for entry in journal if not entry.extra} | self._known_keys()
        return [key for key in others if key in noted]

    def strangers(self, current: Container[str]) -> list[str]:
        """Return the keys of the objects that are not in a dataset."""
        return [
            key
            for key in self.there
            if key not in current and self.owns(key) and key != self.manifest_key
        ]

    def delete(self, keys: list[str]) -> None:
        """Remove objects."""
        from obstore.exceptions import NotFoundError

        def request(tries: int) -> None:
            del tries
            with_prefix = [self._stores.key(key) for key in piece]
            try:
                self._stores.bucket.store.delete(with_prefix)
            except (NotFoundError, FileNotFoundError):
                if len(with_prefix) > 1:
                    raise

        for first in range(0, len(keys), _DELETE_PIECE):
            piece = keys[first : first + _DELETE_PIECE]
            self._attempts.run(piece[0], request)
            for key in piece:
                self.there.pop(key, None)
        self._stores.bucket.forget()

    def _list(self, tries: int) -> dict[str, Found]:
        del tries
        prefix = self._stores.destination.key
        n_cut = len(prefix) + 1 if prefix else 0
        there: dict[str, Found] = {}
        for piece in self._stores.bucket.store.list(prefix or None, chunk_size=_LIST_PIECE):
            for meta in piece:
                key, etag = meta["path"][n_cut:], (meta["e_tag"] or "").strip('"')
                if key == self.manifest_key or self.owns(key):
                    there[key] = Found(key, meta["size"], etag, meta["last_modified"])
        return there

    def _holder(self) -> str | None:
        """Return the id of the dataset that claims the place; None if nobody does."""
        if self.manifest_key not in self.there:
            return None
        return self._attempts.run(self.manifest_key, self._read_head)

    def _read_head(self, tries: int) -> str | None:
        del tries
        key = self._stores.key(self.manifest_key)
        try:
            head = bytes(
                self._stores.bucket.store.get(key, options={"range": (0, _HEAD_BYTES)}).bytes()
            )
        except FileNotFoundError:
            return None
        line = head.partition(b"\n")[0]
        try:
            return str(json.loads(line.rstrip() + b"]}")["dataset"])
        except (ValueError, KeyError, TypeError):
            return "unknown"

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

    def _refuse_strangers(self, expected: Container[str] | None) -> None:
        others = self.strangers(expected if expected is not None else ())
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            raise self._taken(f"{others[0]}{more}, without a manifest")

    def _claim(self, dataset: str, *, replaces: str | None) -> None:
        """Put the claim; objects of the dataset that it replaces stay listed in it until the end."""
        from obstore.exceptions import AlreadyExistsError, NotSupportedError

        old = self._old.entries.values() if self._old else ()
        claim = document(dataset, old, complete=False)

        def request(tries: int) -> bool:
            del tries
            try:
                self._put(claim, "create" if replaces is None else "overwrite")
            except AlreadyExistsError:
                return False
            except NotSupportedError:  # then only the look before publishing keeps two apart
                self._put(claim, "overwrite")
            return True

        if not self._attempts.run(self.manifest_key, request):
            self.check_held(dataset)  # the answer to the first try may have been lost

    def _put(self, claim: bytes, mode: Literal["create", "overwrite"]) -> None:
        self._stores.bucket.store.put(
            self._stores.key(self.manifest_key),
            claim,
            mode=mode,
            attributes={"Content-Type": "application/json"},
            use_multipart=False,
        )

    def _taken(self, by: str) -> UsageError:
        return UsageError(
            str(self._stores.destination),
            "holds another dataset",
            by,
            "use --overwrite or another prefix",
            id="PYR-UPL-11",
        )
