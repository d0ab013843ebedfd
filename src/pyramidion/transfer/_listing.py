"""Which objects are at a destination."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyramidion.storage import Found
from pyramidion.transfer._stores import Stores

if TYPE_CHECKING:
    from obstore import ObjectMeta

_PIECE = 1000
_MOST_NAMES = 8
"""So many are asked for one by one; for more everything that lies there is listed."""

Ask = Callable[[Callable[[int], None]], None]
"""Sends a request, again if need be; see :meth:`Attempts.run`."""


def listed(stores: Stores, names: tuple[str, ...], manifest_key: str, ask: Ask) -> dict[str, Found]:
    """Return the objects of a dataset, by their key below the destination.

    Parameters
    ----------
    stores : Stores
        The connections to the destination.
    names : tuple of str
        See :class:`LocalTree`. What lies beside these is not looked at.
    manifest_key : str
        Key of the dataset's manifest.
    ask : callable
        Sends each request; a list that breaks off is gone on with.
    """
    listing = _Listing(stores, frozenset((*names, manifest_key)) if names else None)
    if not names or len(names) > _MOST_NAMES:
        listing.below("", ask)
        return listing.there
    for name in names:
        listing.below(name, ask)
    for name in (*names, manifest_key):
        listing.single(name, ask)
    return listing.there


class _Listing:
    """Objects that were found.

    Parameters
    ----------
    stores : Stores
        The connections.
    names : frozenset of str or None
        The first parts of the keys that are meant; None for all.
    """

    def __init__(self, stores: Stores, names: frozenset[str] | None) -> None:
        self._stores, self._names = stores, names
        prefix = stores.destination.key
        self._n_cut = len(prefix) + 1 if prefix else 0
        self.there: dict[str, Found] = {}

    def below(self, key: str, ask: Ask) -> None:
        """Find what lies below a key."""
        prefix, last = self._stores.key(key), ""

        def request(tries: int) -> None:
            nonlocal last
            del tries
            store = self._stores.sending(0)
            for piece in store.list(prefix or None, offset=last or None, chunk_size=_PIECE):
                for meta in piece:
                    self._add(meta)
                    last = meta["path"]

        ask(request)

    def single(self, key: str, ask: Ask) -> None:
        """Find an object."""

        def request(tries: int) -> None:
            del tries
            with contextlib.suppress(FileNotFoundError):
                self._add(self._stores.sending(0).head(self._stores.key(key)))

        ask(request)

    def _add(self, meta: ObjectMeta) -> None:
        key, etag = meta["path"][self._n_cut :], (meta["e_tag"] or "").strip('"')
        if self._names is not None and key.partition("/")[0] not in self._names:
            return
        # A folder that a program shows is an empty object; listed, it has the name of a file.
        if key and (meta["size"] or key not in self.there):
            self.there[key] = Found(key, meta["size"], etag, meta["last_modified"])
