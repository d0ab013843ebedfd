"""A cache bounded by bytes in which a value that many ask for at once is made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """The values used last, up to a number of bytes.

    Parameters
    ----------
    max_bytes : int
        Bytes of all values kept.
    size_of : callable
        Bytes of a value.
    keeps_last : bool
        The last value is kept however large it is; otherwise one that is larger than all that may
        be kept is handed out only.

    Examples
    --------
    >>> cache = ByteCache(10, len)
    >>> cache.get("a", lambda: b"12345"), cache.get("a", lambda: b"not made")
    (b'12345', b'12345')
    """

    def __init__(
        self, max_bytes: int, size_of: Callable[[Value], int], *, keeps_last: bool = False
    ) -> None:
        self._max_bytes, self._keeps_last = max_bytes, keeps_last
        self._size_of = size_of
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._under_way: dict[Hashable, Future[Value]] = {}
        self._n_bytes = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    @property
    def n_bytes(self) -> int:
        """Bytes kept."""
        return self._n_bytes

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return a value; whoever asks first makes it, the others wait for that.

        A fault of `make` is told to all who wait, and not kept.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            waiting = self._under_way.get(key)
            if waiting is None:
                mine = self._under_way[key] = Future()
        if waiting is not None:
            return waiting.result()
        return self._make(key, make, mine)

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, and let go of those that were not used for longest."""
        size = self._size_of(value)
        with self._lock:
            self._drop(key)
            if size > self._max_bytes and not self._keeps_last:
                return
            self._kept[key] = value
            self._n_bytes += size
            while self._n_bytes > self._max_bytes and len(self._kept) > self._keeps_last:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kept.clear()
            self._n_bytes = 0

    def _make(self, key: Hashable, make: Callable[[], Value], mine: Future[Value]) -> Value:
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            mine.set_exception(error)
            raise
        self.put(key, value)
        with self._lock:
            del self._under_way[key]
        mine.set_result(value)
        return value

    def _drop(self, key: Hashable) -> None:
        if key in self._kept:
            self._n_bytes -= self._size_of(self._kept.pop(key))
