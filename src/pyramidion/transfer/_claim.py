"""Whose a place in a store is.

``.manifest.json`` is both the claim of a dataset to its place and, at the end, the list of its
objects. Two who upload different datasets to one place meet there: it is put on the condition that
there is none, just before the first object, and read again every few seconds while objects are
sent, and before the root documents are put.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyramidion.core import PyramidionError, StorageError, UsageError
from pyramidion.transfer._attempts import Attempts
from pyramidion.transfer._stores import Stores

_HEAD_BYTES = 4096
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a place.

    Parameters
    ----------
    dataset : str
        Id of the dataset; ``unknown`` if the manifest is none of ours.
    complete : bool
        All of it was sent.
    replaces : bool
        It is being put in the place of something else, of which objects may be left.
    """

    dataset: str
    complete: bool = False
    replaces: bool = False


class Claim:
    """The claim of one dataset; used by several threads.

    Parameters
    ----------
    stores : Stores
        The connections to the place.
    attempts : Attempts
        Repeats what fails.
    key : str
        Of the manifest, below the destination.
    dataset : str
        Id of the dataset.
    """

    def __init__(self, stores: Stores, attempts: Attempts, key: str, dataset: str) -> None:
        self._stores, self._attempts = stores, attempts
        self._key, self._dataset = key, dataset
        self._lock = threading.Lock()
        self._is_put = self._is_tried = self._has_changed = self._stays = False
        self._look_at = 0.0
        self._fault: BaseException | None = None
        self._before: Holder | None = None
        self._document, self._earlier = b"", b""

    def holder(self) -> Holder | None:
        """Return who has the place now; None if nobody."""
        return self._attempts.run(self._key, lambda _: self._read_head(), counts=False)

    def continued(self) -> None:
        """Note that an earlier run has put the claim."""
        self._is_put = True

    def prepare(self, document: bytes, before: Holder | None, earlier: bytes) -> None:
        """Note what is to be put, and what is there now.

        Parameters
        ----------
        document : bytes
            The claim.
        before : Holder, optional
            Who has the place, and is to lose it.
        earlier : bytes
            The manifest that says so.
        """
        self._document, self._before, self._earlier = document, before, earlier

    def hold(self) -> None:
        """Have the place: to be called before anything in it is changed, as often as it is.

        Puts the claim the first time, and makes sure every few seconds that it is still there.

        Raises
        ------
        UsageError
            UPL-11 if somebody else has the place; nothing was changed there.
        StorageError
            UPL-11 if somebody else has taken it meanwhile.
        """
        with self._lock:
            if self._is_put:
                if time.monotonic() < self._look_at:
                    return
                self._look_at = time.monotonic() + _LOOK_S
            else:
                self._put_once()
                self._is_put = True
                self._look_at = time.monotonic() + _LOOK_S
                return
        self.check()

    def use(self, *, stays: bool = False) -> None:
        """Have the place, and note that something in it is about to change.

        Parameters
        ----------
        stays : bool
            The claim is not given back any more.
        """
        self.hold()
        self._has_changed = True
        self._stays = self._stays or stays

    def check(self) -> None:
        """Make sure that nobody else has taken the place.

        Raises
        ------
        PyramidionError
            UPL-11 if so; see :meth:`hold`.
        """
        holder = self.holder()
        if holder is None or holder.dataset != self._dataset:
            raise self._lost(holder)

    def taken(self, by: str) -> UsageError:
        """Return the error of a place that is not free."""
        return UsageError(
            str(self._stores.destination),
            "holds another dataset",
            by,
            "use --overwrite or another prefix",
            id="PYR-UPL-11",
        )

    def give_back(self, is_empty: Callable[[], bool]) -> None:
        """Take the claim of this run away if nothing was sent after it; only tried once.

        Parameters
        ----------
        is_empty : callable
            Asks the store whether really nothing arrived.
        """
        from obstore.exceptions import BaseError

        if not self._is_tried or self._stays:
            return
        self._stays = True
        with contextlib.suppress(BaseError, OSError, ValueError, PyramidionError):
            holder = self._read_head()
            if holder is None or holder.dataset != self._dataset or not is_empty():
                return
            if self._before is None:
                self._stores.sending(0).delete(self._stores.key(self._key))
            else:
                self._put(self._earlier, "overwrite")
            self._stores.bucket.forget()

    def _put_once(self) -> None:
        """Put the claim; if that fails it fails for all who wait for it."""
        if self._fault is not None:
            raise self._fault
        try:
            self._put_first()
        except BaseException as error:
            self._fault = error
            raise

    def _put_first(self) -> None:
        from obstore.exceptions import AlreadyExistsError, NotSupportedError

        if self._before is not None:
            holder = self.holder()
            if holder is None or holder.dataset != self._before.dataset:
                raise self._lost(holder)

        def request(tries: int) -> bool:
            del tries
            try:
                self._put(self._document, "create" if self._before is None else "overwrite")
            except AlreadyExistsError:
                return False
            except NotSupportedError:  # then only the looks keep two apart
                self._put(self._document, "overwrite")
            return True

        self._is_tried = True
        if not self._attempts.run(self._key, request):
            self.check()  # the answer to the first try may have been lost

    def _put(self, data: bytes, mode: Literal["create", "overwrite"]) -> None:
        self._stores.sending(len(data)).put(
            self._stores.key(self._key),
            data,
            mode=mode,
            attributes={"Content-Type": "application/json"},
            use_multipart=False,
        )

    def _read_head(self) -> Holder | None:
        try:
            head = bytes(
                self._stores.sending(0)
                .get(self._stores.key(self._key), options={"range": (0, _HEAD_BYTES)})
                .bytes()
            )
        except FileNotFoundError:
            return None
        try:
            told = json.loads(head.partition(b"\n")[0].rstrip() + b"]}")
            return Holder(str(told["dataset"]), bool(told["complete"]), bool(told.get("replaces")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Holder("unknown", complete=True)

    def _lost(self, holder: Holder | None) -> PyramidionError:
        by = f"id {holder.dataset}" if holder else "its manifest was removed"
        if not self._has_changed:
            return self.taken(by)
        return StorageError(
            str(self._stores.destination),
            "holds another dataset",
            f"{by}, since this one is being sent",
            "its data may be damaged: send it again, or this one with --overwrite",
            id="PYR-UPL-11",
        )
