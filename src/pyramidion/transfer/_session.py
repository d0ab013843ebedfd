"""What one run works with: connections, threads, the journal and the objects that are there."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pyramidion.core import PyramidionError, StoppedError, StorageError
from pyramidion.storage import (
    Found,
    RemotePath,
    WriterLock,
    connection,
    require_credentials,
)
from pyramidion.transfer._attempts import Attempts, TimeUpError
from pyramidion.transfer._destination import Destination
from pyramidion.transfer._manifest import Entry, Manifest
from pyramidion.transfer._meter import Meter
from pyramidion.transfer._options import UploadOptions
from pyramidion.transfer._putter import Putter
from pyramidion.transfer._sender import Outcome, Sender
from pyramidion.transfer._stores import Stores
from pyramidion.transfer._tree import LocalFile
from pyramidion.transfer._workers import Workers


class Session:
    """One run.

    Parameters
    ----------
    url : RemotePath
        What the keys of the dataset begin with.
    options : UploadOptions
        How.
    manifest_path : Path, optional
        Journal beside the dataset.

    Attributes
    ----------
    keys : container of str
        Keys of the dataset, as far as they are known.
    n_objects : int
        How many there are, as far as that is known.
    """

    def __init__(self, url: RemotePath, options: UploadOptions, manifest_path: Path | None) -> None:
        self.url, self.options = url, options
        if url.scheme != "memory":
            require_credentials(connection(url.scheme, url.bucket), url.bucket)
        self.stores, self.meter = Stores(url), Meter()
        self.attempts = Attempts(self.stores, options.retry_time_s, options.seed)
        self.putter = Putter(self.stores, self.attempts, self.meter.moved)
        self.sender = Sender(
            self.putter,
            options.bytes_in_flight,
            size_only=options.size_only,
            before_data=None if options.dry_run else self.hide,
        )
        self.workers = Workers(options.n_connections, self.attempts.halt)
        self.keys: Container[str] = ()
        self.n_objects = 0
        self._confirmed: dict[str, LocalFile] = {}
        self._lock = threading.Lock()
        keeps = manifest_path is not None and not options.dry_run
        self._writer = WriterLock(manifest_path) if keeps and manifest_path else None
        self.manifest = Manifest(manifest_path, str(url))

    def take(self, names: tuple[str, ...], expected: Container[str] | None) -> None:
        """Look at the destination and claim it; see :meth:`Destination.take`."""
        self.keys = expected or ()
        self.destination = Destination(self.stores, self.attempts, names)
        if not self.options.dry_run:
            self.manifest.open()  # the id is on the disk before it is in the store
        self.destination.take(
            self.manifest.dataset,
            overwrite=self.options.overwrite,
            expected=expected,
            is_dry=self.options.dry_run,
        )

    def hide(self) -> None:
        """Take what is there out of sight, before the first object of it changes."""
        self.destination.hide(self.keys)

    def send_all(self, files: Iterable[LocalFile]) -> None:
        """Send files and wait for them; the largest first, so that none is alone at the end."""
        for file in sorted(files, key=lambda file: file.size, reverse=True):
            self.workers.put(lambda file=file: self.send_one(file))  # type: ignore[misc]
        self.workers.join()

    def send_one(self, file: LocalFile) -> None:
        """Send a file, unless the store has it, and note that."""
        there, known = self.destination.there.get(file.key), self.manifest.get(file.key)
        outcome: Outcome = self.sender.send(file, there, known)
        self.meter.count(file.size, is_sent=outcome.is_sent)
        if self.options.dry_run:
            return
        self.note(outcome.entry)
        with self._lock:
            self._confirmed[file.key] = file

    def note(self, entry: Entry) -> None:
        """Write down that the store has an object."""
        found = Found(entry.key, entry.size, entry.etag, datetime.now(UTC))
        self.destination.there[entry.key] = found
        self.manifest.put(entry)

    def is_confirmed(self, file: LocalFile) -> bool:
        """Tell whether this run knows that the store has a file as it is."""
        before = self._confirmed.get(file.key)
        if before is None or file.key not in self.destination.there:
            return False
        return before.identity == file.identity or (file.released and before.size == file.size)

    def sent(self, key: str) -> Entry | None:
        """Return what the store has of a key, if that is what was sent."""
        entry, there = self.manifest.get(key), self.destination.there.get(key)
        if entry is None or there is None or not entry.md5:
            return None
        return entry if (there.etag, there.size) == (entry.etag, entry.size) else None

    def close(self) -> None:
        """Stop; what arrived is noted. Safe to call twice."""
        self.workers.close()
        self.manifest.close()
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say of whatever ends the run how much of it is safe."""
        try:
            yield
        except TimeUpError as error:
            raise StorageError(
                str(self.url), f"stopped after {self._safe()}", str(error), "run again to go on",
                id="PYR-UPL-07",
            ) from None  # fmt: skip
        except KeyboardInterrupt as error:
            self.close()
            raise StoppedError(
                "stopped", f"{self._safe()} stored", mend="run again to go on", id="PYR-ALL-27"
            ) from error
        except PyramidionError as error:
            if self._confirmed and not error.good:
                error.good = f"{self._safe()} stored: run again to go on"
            raise

    def _safe(self) -> str:
        n_safe = f"{len(self._confirmed):,}".replace(",", " ")
        if not self.n_objects:
            return f"{n_safe} objects"
        return f"{n_safe} of {self.n_objects:,} objects".replace(",", " ")
