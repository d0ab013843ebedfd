"""The connections over which objects are sent.

One set of connections has one time limit, and the client's limit runs while a body is sent; large
bodies therefore have connections of their own, and so has a line that proves slower than thought.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pyramidion.storage import Bucket, Connection, RemotePath, bucket_of, connect
from pyramidion.storage._remote.connection import SLOW_BYTES_PER_S

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_SLOWEST = 6
_QUICKEST_S = 30.0


class Stores:
    """A destination, and the connections to it.

    Parameters
    ----------
    destination : RemotePath
        What the keys of the dataset begin with.

    Attributes
    ----------
    bucket : Bucket
        For small requests; it repeats what it reads by itself.
    slowness : int
        How often every request was given four times as long, as one had run out of time.
    patience_s : float
        Longest time for a request, but for one that needs more on a slow line.
    signs_content : bool
        The server checks a SHA-256 of each body. Needless where it answers with the MD5, and then a
        quarter of the processor time of an upload (1.34 GB to a server on the same machine: 3.0 s
        without, 4.1 s with).
    """

    def __init__(self, destination: RemotePath) -> None:
        self.destination = destination
        self.bucket: Bucket = bucket_of(destination)
        self.signs_content = False
        self.slowness = 0
        self.patience_s = _QUICKEST_S
        self._stores: dict[tuple[str, bool, bool], ObjectStore] = {}
        self._lock = threading.Lock()

    @property
    def connection(self) -> Connection | None:
        """How the bucket is reached; None for a store in memory."""
        return self.bucket.connection

    def key(self, key: str) -> str:
        """Return the key in the bucket of a key of the dataset."""
        prefix = self.destination.key
        return f"{prefix}/{key}" if prefix and key else prefix or key

    def url(self, key: str) -> str:
        """Return the URL of a key of the dataset."""
        return self.bucket.url(self.key(key))

    def sending(self, n_bytes: int, *, repeats: bool = False) -> ObjectStore:
        """Return connections for bodies of this size.

        Parameters
        ----------
        n_bytes : int
            Bytes of the body, or of the parts that are under way together.
        repeats : bool
            The client repeats failed requests by itself; else the caller does, who counts them.
        """
        found = self.connection
        if found is None:
            return self.bucket.store
        options = found.write_options(self.planned_bytes(n_bytes))
        signs = self.signs_content
        which = (str(options.get("read_timeout")), repeats, signs)
        with self._lock:
            if which not in self._stores:
                config = dict(found.store_config)
                if found.scheme == "s3":
                    config["unsigned_payload"] = not signs
                self._stores[which] = connect(
                    found.scheme,
                    found.bucket,
                    replace(
                        found,
                        client_options=options,
                        store_config=config,
                        retry_config=found.retry_config if repeats else found.no_retry_config,
                    ),
                )
            return self._stores[which]

    def slower(self, slowness: int) -> None:
        """Give every request four times as long from now on: one has run out of time.

        Parameters
        ----------
        slowness : int
            That of the time when it was sent: all that stall together slow down once.
        """
        with self._lock:
            if slowness == self.slowness:
                self.slowness = min(_SLOWEST, slowness + 1)

    def planned_bytes(self, n_bytes: int) -> int:
        """Return for how many bytes a request of this size is given time.

        Four times as many in any case where one has run out of time: the line may be slower than was
        thought. More only as far as one request does not take longer than is waited for all.
        """
        most = max(self.patience_s, _QUICKEST_S) * SLOW_BYTES_PER_S
        planned = n_bytes << 2 * min(self.slowness, 1)
        for _ in range(1, self.slowness):
            if planned << 2 > most:
                break
            planned <<= 2
        return planned
