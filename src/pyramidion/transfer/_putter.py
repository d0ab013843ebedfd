"""Objects put into the store until the store answers with the checksum of what was sent.

A store that calls its objects otherwise (encrypted ones, other clouds) is found out with the first
object, which is read back; from then on the server checks a SHA-256 of each body.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyramidion.core import DamagedError
from pyramidion.transfer._aside import Watch
from pyramidion.transfer._attempts import Attempts
from pyramidion.transfer._content import Content
from pyramidion.transfer._content_types import content_type
from pyramidion.transfer._local_bytes import check_unchanged, opened, read_range
from pyramidion.transfer._parts import Checksum, is_checksum, ranges
from pyramidion.transfer._read_back import read_checksum
from pyramidion.transfer._stores import Stores

_MOST_DAMAGED = 3
_HOPELESS = 12
_REFUSED_AS_DAMAGED = (
    "<Code>BadDigest<",
    "<Code>InvalidDigest<",
    "<Code>XAmzContentSHA256Mismatch<",
    "<Code>XAmzContentChecksumMismatch<",
)

Moved = Callable[[int], None]
"""Told the bytes that went out; negative if they have to go once more."""


class _DamagedError(Exception):
    """The server says that a body arrived damaged."""


class Putter:
    """Puts objects; used by several threads.

    Parameters
    ----------
    stores : Stores
        Where to.
    attempts : Attempts
        Repeats what fails.
    moved : callable
        See ``Moved``.
    before : callable
        Called before everything that is sent; what it raises ends the upload.

    Attributes
    ----------
    n_damaged, bytes_again : int
        See :class:`UploadReport`.
    """

    def __init__(
        self, stores: Stores, attempts: Attempts, moved: Moved, before: Callable[[], None]
    ) -> None:
        self._stores, self._attempts, self._moved = stores, attempts, moved
        self._before = before
        self._answers_md5: dict[bool, bool] = {}  # by whether the object was put in parts
        self._lock = threading.Lock()
        self._damaged_keys: set[str] = set()
        self._n_right = 0
        self.n_damaged = self.bytes_again = 0

    def put_bytes(self, key: str, data: bytes | memoryview, md5: str, kind: str = "") -> str:
        """Put an object, whose checksum is known, whole; return what the store calls it.

        Raises
        ------
        DamagedError
            UPL-08 if it does not arrive as it was sent.
        """
        attributes: Any = {"Content-Type": kind or content_type(key)}

        def request() -> tuple[str, str]:
            self._before()
            answer = self._stores.sending(len(data)).put(
                self._stores.key(key), data, attributes=attributes, use_multipart=False
            )
            return md5, answer["e_tag"] or ""

        _, etag = self._until_right(key, len(data), 0, request)
        self._moved(len(data))
        return etag

    def put_parts(self, content: Content) -> tuple[str, str]:
        """Put a file in parts; return its checksum and what the store calls it.

        Raises
        ------
        DamagedError
            UPL-08 if it does not arrive as it was sent.
        DataError
            UPL-10 if the file changes.
        """
        file, pieces = content.file, content.pieces
        attributes: Any = {"Content-Type": content_type(file.key)}
        with opened(file) as source:

            def request() -> tuple[str, str]:
                result, n_moved, watch = Checksum(pieces.part), 0, Watch(self._before)

                def parts() -> Iterator[bytes]:
                    nonlocal n_moved
                    for offset, n_bytes in ranges(file.size, pieces.part):
                        self._attempts.check()
                        watch.check()
                        data = read_range(file, source, offset, n_bytes)
                        result.update(data)
                        yield data
                        n_moved += n_bytes
                        self._moved(n_bytes)
                    check_unchanged(file, source)
                    watch.check()

                watch.begin()
                try:
                    answer = self._stores.sending(pieces.cost, repeats=True).put(
                        self._stores.key(file.key),
                        parts(),
                        attributes=attributes,
                        use_multipart=True,
                        chunk_size=pieces.part,
                        max_concurrency=pieces.concurrent,
                    )
                except BaseException:
                    self._moved(-n_moved)
                    raise
                finally:
                    watch.end()
                return result.text(), answer["e_tag"] or ""

            return self._until_right(file.key, file.size, pieces.part, request)

    def _until_right(
        self, key: str, n_bytes: int, part: int, request: Callable[[], tuple[str, str]]
    ) -> tuple[str, str]:
        """Put an object until what arrived is what was sent."""
        n_damaged = 0
        while True:
            was_signed = self._stores.signs_content
            try:
                md5, etag = self._attempts.run(
                    key, lambda tries: self._watched(request, n_bytes, is_again=tries > 0)
                )
                etag = etag.strip('"') or self._etag(key)
                if self._is_right(key, md5, etag, part, was_signed=was_signed):
                    return md5, etag
                if part:
                    self._moved(-n_bytes)
            except _DamagedError:
                pass
            n_damaged += 1
            self._note_damaged(key, n_damaged, n_bytes)
            self._attempts.pause(n_damaged)

    def _watched(
        self, request: Callable[[], tuple[str, str]], n_bytes: int, *, is_again: bool
    ) -> tuple[str, str]:
        """Send a request, and learn from what it fails of."""
        if is_again:
            with self._lock:
                self.bytes_again += n_bytes
        with self._learning():
            return request()

    @contextmanager
    def _learning(self) -> Iterator[None]:
        from obstore.exceptions import BaseError, PermissionDeniedError

        slowness = self._stores.slowness
        try:
            yield
        except PermissionDeniedError:
            # A policy of the bucket may ask for the SHA-256 of each body.
            if self._stores.signs_content or self._stores.connection is None:
                raise
            self._stores.signs_content = True
            raise ConnectionError from None
        except BaseError as error:
            told = str(error)
            if any(code in told for code in _REFUSED_AS_DAMAGED):
                raise _DamagedError from None
            if "kind: Timeout" in told:
                self._stores.slower(slowness)
            raise

    def _etag(self, key: str) -> str:
        """Ask for what the answer did not tell: some servers do not after the last part."""
        found = self._attempts.run(
            key, lambda _: self._stores.bucket.store.head(self._stores.key(key))
        )
        return (found["e_tag"] or "").strip('"')

    def _is_right(self, key: str, md5: str, etag: str, part: int, *, was_signed: bool) -> bool:
        """Tell whether an object arrived as it was sent."""
        in_parts = part > 0
        answers_md5 = self._answers_md5.get(in_parts)
        if etag == md5:
            self._answers_md5[in_parts] = True
        elif answers_md5 and is_checksum(etag):
            return False
        elif answers_md5 is not False or not was_signed:
            if read_checksum(self._stores, self._attempts, key, part)[1] != md5:
                return False
            self._answers_md5[in_parts] = False
            self._stores.signs_content = True
        with self._lock:
            self._n_right += 1
        return True

    def _note_damaged(self, key: str, n_damaged: int, n_bytes: int) -> None:
        """Count an object that arrived damaged; give up where more tries will not help.

        A line that damages now and then damages this and that: as long as most objects arrive, one
        is tried more than three times. What is always damaged alone, or with everything else, is not.
        """
        with self._lock:
            self.n_damaged += 1
            self.bytes_again += n_bytes
            self._damaged_keys.add(key)
            now_and_then = len(self._damaged_keys) > 1 and self._n_right > self.n_damaged
        if n_damaged >= (_HOPELESS if now_and_then else _MOST_DAMAGED):
            raise DamagedError(
                key, f"arrived damaged {n_damaged} times", mend="nothing published",
                id="PYR-UPL-08",
            )  # fmt: skip
