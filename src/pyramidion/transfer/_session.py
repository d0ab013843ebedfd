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
from pyramidion.transfer._parts import SMALLEST_PART
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
    n_leftovers : int
        Unfinished uploads of interrupted runs that were removed.
    notes : list of str
        What went wrong that does no harm to the dataset.
    notes_of_place : list of str
        What else is there.
    """

    def __init__(self, url: RemotePath, options: UploadOptions, manifest_path: Path | None) -> None:
        self.url, self.options = url, options
        if url.scheme != "memory":
            require_credentials(connection(url.scheme, url.bucket), url.bucket)
        self.stores, self.meter = Stores(url), Meter()
        self.stores.patience_s = options.retry_time_s
        self.attempts = Attempts(self.stores, options.retry_time_s, options.seed)
        self.putter = Putter(self.stores, self.attempts, self.meter.moved, self._use_place)
        self.sender = Sender(
            self.putter,
            options.bytes_in_flight,
            # What is read back, and what is removed here after that, is compared by its content.
            size_only=options.size_only and not options.verify,
            before_data=None if options.dry_run else self.hide,
        )
        self.workers = Workers(options.n_connections, self.attempts.halt, options.stop)
        self._destination: Destination | None = None
        self.keys: Container[str] = ()
        self.n_objects = self.n_leftovers = 0
        self.notes: list[str] = []
        self.notes_of_place: list[str] = []
        self._confirmed: dict[str, LocalFile] = {}
        self._lock = threading.Lock()
        keeps = manifest_path is not None and not options.dry_run
        self._writer = WriterLock(manifest_path) if keeps and manifest_path else None
        self.manifest = Manifest(manifest_path, str(url))

    def take(self, names: tuple[str, ...], expected: Container[str] | None) -> None:
        """Look at the destination; the first object that is sent claims it.

        See :meth:`Destination.take`.
        """
        self.keys = expected or ()
        destination = Destination(self.stores, self.attempts, names, self.manifest.dataset)
        destination.take(self.manifest.dataset, overwrite=self.options.overwrite, expected=expected)
        if not self.options.dry_run:
            self.manifest.open()  # the id is on the disk before it is in the store
        self._destination = destination

    @property
    def destination(self) -> Destination:
        """The place, once it was looked at."""
        assert self._destination is not None
        return self._destination

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

    def remove_leftovers(self, files: Iterable[LocalFile]) -> None:
        """Remove what interrupted runs left of a dataset; nothing of it may be on its way now."""
        in_parts = any(file.size > SMALLEST_PART for file in files)
        if self.options.dry_run or self.url.scheme != "s3" or not in_parts:
            return
        from pyramidion.transfer._leftovers import remove_leftovers

        n_removed, note = remove_leftovers(self.stores, self.keys, self.destination.check_held)
        self.n_leftovers += n_removed
        self.notes = [note] if note else []

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

    def stored(self, key: str) -> Entry | None:
        """Return what the store has of a key, if that is what was sent, or has its size."""
        entry, there = self.manifest.get(key), self.destination.there.get(key)
        if entry is None or there is None:
            return None
        return entry if (there.etag, there.size) == (entry.etag, entry.size) else None

    def close(self) -> None:
        """Stop; what arrived is noted. Safe to call twice."""
        self.workers.close()
        if self._destination is not None and not self.meter.n_sent and self.workers.is_idle:
            self._destination.give_back()
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
            if self._confirmed and not error.good and error.id != "PYR-UPL-11":
                error.good = f"{self._safe()} stored: run again to go on"
            raise

    def _use_place(self) -> None:
        self.destination.use()

    def _safe(self) -> str:
        n_safe = f"{len(self._confirmed):,}".replace(",", " ")
        if not self.n_objects:
            return f"{n_safe} objects"
        return f"{n_safe} of {self.n_objects:,} objects".replace(",", " ")
