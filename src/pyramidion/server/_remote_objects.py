"""The objects of stores as the gateway reads them: on the event loop, a bounded number at once.

What was read last is kept, for the viewer asks for the same few objects again and again. A body is
only handed out again under the tag that the store says the object has now; what it says is taken to
be so for two seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pyramidion.core import DataError, MissingError, PyramidionError, StorageError
from pyramidion.server._errors import (
    NotServedError,
    Pairs,
    RequestError,
    StoreBusyError,
    StoreError,
)
from pyramidion.storage import (
    ByteCache,
    RemotePath,
    bucket_of,
    is_transient,
    remote_error,
)

if TYPE_CHECKING:
    from obstore import GetResult

CACHE_BYTES = 64 * 2**20
_KNOWN_S = 2.0
_MAX_KNOWN = 10_000
_N_REQUESTS = 32
_PATIENCE_S = 60.0
_PIECE = 2**20
_NO_TAG = b"\n"  # no header can hold it

Buffer = bytes | memoryview
Result = TypeVar("Result")


class ObjectChangedError(StoreError):
    """The object was replaced between two requests of one answer."""


@dataclass(frozen=True)
class RemoteObject:
    """What a store says of an object.

    Parameters
    ----------
    path : RemotePath
        Where it is.
    size : int
        Bytes.
    tag : bytes
        What its content is called, with quotes; empty if the store does not say.
    modified_s : int
        When it was stored, in seconds since 1970; 0 if the store does not say.
    encoding : str
        How its content is packed (``gzip``), empty for not at all.
    """

    path: RemotePath
    size: int
    tag: bytes
    modified_s: int
    encoding: str = ""

    @classmethod
    def of(cls, path: RemotePath, result: GetResult) -> RemoteObject:
        """Take what came with an answer of the store."""
        meta = result.meta
        modified = meta["last_modified"] or datetime.fromtimestamp(0, UTC)
        encoding = str(result.attributes.get("Content-Encoding", ""))
        tag = (meta["e_tag"] or "").encode()
        return cls(path, meta["size"], tag, int(modified.timestamp()), encoding)

    @property
    def etag(self) -> bytes:
        """Its tag, to be compared with what a client knows."""
        if self.tag:
            return self.tag.removeprefix(b"W/")
        return b'"%x-%x"' % (self.modified_s, self.size) if self.modified_s else _NO_TAG

    @property
    def modified(self) -> bytes:
        """When it was stored, as HTTP writes dates."""
        return formatdate(self.modified_s, usegmt=True).encode() if self.modified_s else b""

    @property
    def validators(self) -> Pairs:
        """Headers by which a client can ask later whether it is still the same."""
        # A date counts whole seconds: two contents may share it.
        shown = self.tag or (b"W/" + self.etag if self.modified_s else b"")
        pairs = ((b"etag", shown), (b"last-modified", self.modified))
        return tuple(pair for pair in pairs if pair[1])


@dataclass(frozen=True)
class Opened:
    """An answer of a store of which only the head was read.

    Parameters
    ----------
    found : RemoteObject
        The object.
    start, stop : int
        What of it will come.
    result : GetResult
        The answer.
    """

    found: RemoteObject
    start: int
    stop: int
    result: GetResult


class RemoteObjects:
    """Objects of any number of stores. All methods belong to one event loop."""

    def __init__(self) -> None:
        self._known: dict[RemotePath, tuple[float, RemoteObject | None]] = {}
        self._bodies: ByteCache[Buffer] = ByteCache(CACHE_BYTES, len)
        self._requests = asyncio.Semaphore(_N_REQUESTS)

    def last_known(self, path: RemotePath) -> tuple[RemoteObject | None, bool]:
        """Return what was known last of an object, and whether it can be taken to be so still."""
        at, found = self._known.get(path, (float("-inf"), None))
        return found, time.monotonic() - at < _KNOWN_S

    def keeps(self, found: RemoteObject, start: int, stop: int) -> bool:
        """Tell whether a part of an object is kept."""
        return (found, start, stop) in self._bodies

    async def find(self, path: RemotePath) -> RemoteObject:
        """Return what is known of an object, asking if it is not known by now.

        Raises
        ------
        NotServedError
            If there is none.
        StoreError
            If the store does not say.
        """
        found, is_fresh = self.last_known(path)
        if not is_fresh:
            async with self._requests:
                result = await self._get(path, {"head": True})
            found = self._remember(path, RemoteObject.of(path, result))
        if found is None:
            raise _nothing()
        return found

    async def open(
        self, path: RemotePath, wanted: tuple[int, int | None] | None = None
    ) -> Opened | None:
        """Ask for an object, or one range of it, of which nothing need be known.

        Parameters
        ----------
        path : RemotePath
            The object.
        wanted : (int, int or None), optional
            As :func:`~pyramidion.server._ranges.parse_single` returns it.

        Returns
        -------
        Opened or None
            None if the store does not give that range; asking for the size tells why.
        """
        try:
            async with self._requests:
                result = await self._get(path, {} if wanted is None else _range(*wanted))
        except (NotServedError, StoreBusyError):
            raise
        except StoreError:
            if wanted is None:
                raise
            return None
        found = self._remember(path, RemoteObject.of(path, result))
        return Opened(found, *result.range, result)

    async def read(
        self, found: RemoteObject, start: int, n_bytes: int, opened: Opened | None = None
    ) -> Buffer:
        """Return a part of an object.

        Parameters
        ----------
        found : RemoteObject
            The object, as the answer describes it.
        start, n_bytes : int
            Which part.
        opened : Opened, optional
            An answer that begins to give it.

        Raises
        ------
        ObjectChangedError
            If it is another object by now.
        StoreError
            If the store does not give it.
        """
        if n_bytes == 0:
            return b""
        key = (found, start, start + n_bytes)
        if key in self._bodies:
            return self._bodies.get(key, bytes)
        async with self._requests:
            result = await self._result(found, start, start + n_bytes, opened)
            body = memoryview(await _asked(found.path, result.bytes_async()))
        if len(body) != n_bytes:
            raise self._changed(found)
        if found.etag != _NO_TAG:
            self._bodies.put(key, body)
        return body

    async def stream(
        self, found: RemoteObject, start: int, n_bytes: int, opened: Opened | None = None
    ) -> AsyncIterator[Buffer]:
        """Yield a part of an object piece by piece; parameters and faults as of :meth:`read`."""
        result = await self._result(found, start, start + n_bytes, opened)
        pieces = result.stream(min_chunk_size=_PIECE).__aiter__()
        while n_bytes:
            try:
                piece = memoryview(await _asked(found.path, pieces.__anext__()))
            except StopAsyncIteration:
                raise self._changed(found) from None
            n_bytes -= len(piece)
            for at in range(0, len(piece), _PIECE):  # a store may hand out all at once
                yield piece[at : at + _PIECE]

    def close(self) -> None:
        """Keep nothing."""
        self._bodies.clear()
        self._known.clear()

    async def _result(
        self, found: RemoteObject, start: int, stop: int, opened: Opened | None
    ) -> GetResult:
        if opened is not None and (opened.start, opened.stop) == (start, stop):
            return opened.result
        result = await self._get(found.path, {"range": (start, stop)})
        now = RemoteObject.of(found.path, result)
        if (now.size, now.etag) != (found.size, found.etag):
            raise self._changed(found)
        return result

    async def _get(self, path: RemotePath, options: Any) -> GetResult:
        try:
            store = bucket_of(path).store
            return await _asked(path, store.get_async(path.key, options=options))
        except NotServedError:
            self._remember(path, None)
            raise

    def _remember(self, path: RemotePath, found: RemoteObject | None) -> Any:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[path] = (time.monotonic(), found)
        return found

    def _changed(self, found: RemoteObject) -> ObjectChangedError:
        self._known.pop(found.path, None)
        told = DataError(str(found.path), "changed while reading", id="PYR-ALL-20")
        return ObjectChangedError(told, "the object changed while it was read")


def _range(start: int, stop: int | None) -> dict[str, Any]:
    if start < 0:
        return {"range": {"suffix": -start}}
    return {"range": {"offset": start} if stop is None else (start, stop)}


@contextmanager
def store_told(path: Path) -> Iterator[None]:
    """Tell faults of a store as those of a request, for work in threads.

    Raises
    ------
    StoreError
        If the store cannot be asked.
    """
    try:
        yield
    except StorageError as error:
        if not isinstance(path, RemotePath):
            raise
        raise StoreError(error, _public(error, path)) from error


async def _asked(path: RemotePath, question: Awaitable[Result]) -> Result:
    """Wait for a store, not for ever, and tell its faults as ours."""
    from obstore.exceptions import BaseError

    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await question
    except TimeoutError:
        told = StorageError(str(path), "no answer", f"in {_PATIENCE_S:.0f} s", id="PYR-UPL-07")
        raise StoreBusyError(told, "the store does not answer") from None
    except ValueError:  # not a key that an object could have
        raise _nothing() from None
    except (BaseError, OSError) as error:
        # In a thread: it may ask the store for its clock.
        raise await asyncio.to_thread(_told, error, path) from None


def _told(error: Exception, path: RemotePath) -> RequestError:
    """Return what is answered when a store refuses or fails; addresses and keys stay here."""
    told = remote_error(error, str(path), bucket_of(path).connection)
    if isinstance(told, MissingError):
        return _nothing()
    return (StoreBusyError if is_transient(error) else StoreError)(told, _public(told, path))


def _public(told: PyramidionError, path: RemotePath) -> str:
    connection = bucket_of(path).connection
    what = (
        told.what if connection is None else told.what.replace(connection.endpoint, "its address")
    )
    return f"the store behind this server: {what}"


def _nothing() -> NotServedError:
    return NotServedError("nothing is served here", id="PYR-HTTP-13")
