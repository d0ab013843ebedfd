"""One bucket, connected: the few requests that everything else is made of.

A bucket is connected once in a process. Reads are tried again by the client, as far as that can
help; what still fails is told as one of our errors, with the URL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyramidion.core import DataError, PyramidionError, UsageError
from pyramidion.storage._remote.faults import is_page, remote_error
from pyramidion.storage._remote.path import RemotePath
from pyramidion.storage._remote.reach import check_reachable
from pyramidion.storage._remote.settings import Connection, connection

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Answer = TypeVar("Answer")

_LIST_PIECE = 1000
_ROOTS = ("zarr.json", ".zgroup", ".zarray")
_KNOWN_S = 2.0
"""How long what was asked about a key is taken to be so. Opening a store asks for the same few keys
several times, and each question travels."""


@dataclass(frozen=True)
class Found:
    """An object.

    Parameters
    ----------
    key : str
        Its key in the bucket.
    size : int
        Bytes.
    etag : str
        What the store calls this content, without quotes.
    modified : datetime
        When it was stored.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class Bucket:
    """A bucket, or a web server.

    Parameters
    ----------
    scheme, name : str
        As in the URL.
    """

    def __init__(self, scheme: str, name: str) -> None:
        self.scheme, self.name = scheme, name
        self.connection: Connection | None = (
            None if scheme == "memory" else connection(scheme, name)
        )
        if self.connection is not None:
            check_reachable(self.connection)
        self.store: ObjectStore = connect(scheme, name, self.connection)
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def url(self, key: str) -> str:
        """Return the URL of a key."""
        return f"{self.scheme}://{self.name}/{key}"

    def head(self, key: str) -> Found | None:
        """Ask about an object; None if there is none.

        Raises
        ------
        PyramidionError
            If the store cannot be asked.
        """
        return self._remembered("head", key, self._head)

    def get(self, key: str, limit: int | None = None) -> bytes:
        """Read a whole object.

        Raises
        ------
        FileNotFoundError
            If there is none.
        DataError
            If it is longer than `limit`.
        """
        with self._told(key):
            result = self.store.get(key)
            size = result.meta["size"]
            if limit is not None and size > limit:
                raise DataError(
                    self.url(key), f"over the limit of {limit} B", size, id="PYR-ZAR-02"
                )
            data = bytes(result.bytes())
        if self.scheme.startswith("http") and is_page(data[:4000].decode("latin-1")):
            what = "a web page answers there"  # with status 200, whatever is asked for
            raise DataError(self.url(key), what, mend="check the address", id="PYR-UPL-04")
        return data

    def get_range(self, key: str, offset: int, n_bytes: int) -> tuple[Found, bytes]:
        """Read a range; fewer bytes only where the object ends."""
        return self._get(key, {"range": (offset, offset + n_bytes)})

    def get_tail(self, key: str, n_bytes: int) -> tuple[Found, bytes]:
        """Read the last bytes, or all of a shorter object."""
        return self._get(key, {"range": {"suffix": n_bytes}})

    def objects(self, prefix: str) -> Iterator[Found]:
        """Yield every object below a key, in the order of their keys."""
        with self._told(prefix):
            for piece in self.store.list(prefix or None, chunk_size=_LIST_PIECE):
                yield from map(_found, piece)

    def children(self, prefix: str) -> tuple[list[str], list[Found]]:
        """Return what lies directly below a key: names of folders, and objects."""
        return self._remembered("children", prefix, self._children)

    def has_children(self, key: str) -> bool:
        """Tell whether there are objects below a key; a web server is asked for those of a store."""
        if self.scheme.startswith("http"):
            return any(self.head(f"{key}/{name}" if key else name) for name in _ROOTS)
        return self._remembered("any", key, self._has_children)

    def put(self, key: str, data: bytes, *, only_new: bool = False, **attributes: str) -> str:
        """Store a small object; return its tag.

        Raises
        ------
        FileExistsError
            If `only_new` is asked and there is one.
        """
        from obstore.exceptions import AlreadyExistsError

        told = {name.replace("_", "-"): value for name, value in attributes.items()}
        with self._told(key):
            try:
                result = self.store.put(
                    key,
                    data,
                    mode="create" if only_new else "overwrite",
                    attributes=told or None,
                    use_multipart=False,
                )
            except AlreadyExistsError:
                raise FileExistsError(17, "Object exists", self.url(key)) from None
            finally:
                self.forget()
        return (result["e_tag"] or "").strip('"')

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        wanted = list(keys)
        try:
            for first in range(0, len(wanted), _LIST_PIECE):
                with suppress(FileNotFoundError), self._told(wanted[first]):
                    self.store.delete(wanted[first : first + _LIST_PIECE])
        finally:
            self.forget()

    def forget(self) -> None:
        """Ask anew from now on: something was changed."""
        with self._lock:
            self._known.clear()

    def _head(self, key: str) -> Found | None:
        try:
            with self._told(key):
                return _found(self.store.head(key))
        except FileNotFoundError:
            return None

    def _has_children(self, key: str) -> bool:
        if not key:  # a key that the client cannot have, far below, must not spoil the bucket
            return any(self.children(""))
        return next(self.objects(key), None) is not None

    def _children(self, prefix: str) -> tuple[list[str], list[Found]]:
        if self.scheme.startswith("http"):
            raise UsageError(
                self.url(prefix), "a web server does not list", mend="name the dataset itself",
                id="PYR-UPL-18",
            )  # fmt: skip
        with self._told(prefix):
            result = self.store.list_with_delimiter(prefix or None)
        folders = [name.rstrip("/").rpartition("/")[2] for name in result["common_prefixes"]]
        return folders, [_found(meta) for meta in result["objects"]]

    def _get(self, key: str, options: Any) -> tuple[Found, bytes]:
        with self._told(key):
            result = self.store.get(key, options=options)
            return _found(result.meta), bytes(result.bytes())

    def _remembered(self, kind: str, key: str, ask: Callable[[str], Answer]) -> Answer:
        now = time.monotonic()
        with self._lock:
            at, answer = self._known.get((kind, key), (float("-inf"), None))
        if now - at < _KNOWN_S:
            return cast("Answer", answer)
        answer = ask(key)
        with self._lock:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[kind, key] = (time.monotonic(), answer)
        return answer

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Tell what the client says as one of our errors; an absent object as the system does."""
        from obstore.exceptions import BaseError

        try:
            yield
        except PyramidionError:
            raise
        except FileNotFoundError as error:  # what the client raises for every 404
            if _is_no_bucket(error):
                raise remote_error(error, self.url(key), self.connection) from None
            raise FileNotFoundError(2, "No such object", self.url(key)) from None
        except FileExistsError:
            raise
        except (BaseError, OSError) as error:
            raise remote_error(error, self.url(key), self.connection) from None


@cache
def _bucket(scheme: str, name: str) -> Bucket:
    return Bucket(scheme, name)


def bucket_of(path: RemotePath) -> Bucket:
    """Return the bucket that a path lies in, connected.

    Raises
    ------
    UsageError
        If the settings contradict each other.
    StorageError
        If no store answers there; asked once, at once.
    """
    return _bucket(path.scheme, path.bucket)


def forget_buckets() -> None:
    """Connect anew from now on: settings or credentials are others."""
    _bucket.cache_clear()


def connect(scheme: str, name: str, connected: Connection | None) -> ObjectStore:
    """Return the client library's side of a bucket; a store in memory without a connection."""
    from obstore.store import AzureStore, GCSStore, HTTPStore, MemoryStore, S3Store

    if connected is None:
        return MemoryStore()
    how: dict[str, Any] = {
        "client_options": connected.client_options,
        "retry_config": connected.retry_config,
    }
    if scheme in ("http", "https"):
        return HTTPStore(f"{scheme}://{name}", **how)
    if connected.credential_provider is not None:
        how["credential_provider"] = connected.credential_provider
    kinds: dict[str, Any] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    store: ObjectStore = kinds[scheme](name, config=connected.store_config, **how)
    return store


def _found(meta: Any) -> Found:
    modified = meta["last_modified"] or datetime.fromtimestamp(0, UTC)
    return Found(meta["path"], meta["size"], (meta["e_tag"] or "").strip('"'), modified)


def _is_no_bucket(error: Exception) -> bool:
    return "NoSuchBucket" in str(error)
