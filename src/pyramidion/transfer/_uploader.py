"""Sending a dataset: files as they come, and at the end all that is missing, wave by wave.

A reader of the store sees the dataset that was there, or none, or the new one; never an index
without its data and never a mix. So data go first, metadata after them, root documents last; and
before the first object of a dataset that is there is changed, its documents are removed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Container
from pathlib import Path

from pyramidion.core import Closing, DataError
from pyramidion.storage import RemotePath
from pyramidion.transfer._manifest import Entry
from pyramidion.transfer._options import Progress, UploadOptions, UploadReport
from pyramidion.transfer._publication import Publication
from pyramidion.transfer._session import Session
from pyramidion.transfer._tree import LocalFile, LocalTree


def upload_tree(
    tree: LocalTree,
    destination: RemotePath,
    options: UploadOptions,
    progress: Progress | None = None,
    *,
    manifest_path: Path | None = None,
) -> UploadReport:
    """Send a dataset that is complete.

    Parameters
    ----------
    tree : LocalTree
        Its files.
    destination : RemotePath
        What their keys begin with.
    options : UploadOptions
        How.
    progress : callable, optional
        Told the bytes that are safe and in all.
    manifest_path : Path, optional
        Journal beside the dataset.

    Raises
    ------
    PyramidionError
        What failed; its ``good`` says how much is in the store already.
    StoppedError
        After Ctrl-C.
    """
    keys = frozenset(file.key for file in tree.files) | {file.key for file in options.extra}
    with Uploader(destination, options, manifest_path, names=tree.names, expected=keys) as uploader:
        return uploader.finish(tree, progress)


class Uploader(Closing):
    """Sends one dataset.

    Parameters
    ----------
    destination : RemotePath
        What the keys of the dataset begin with.
    options : UploadOptions
        How.
    manifest_path : Path, optional
        Journal beside the dataset; without one a killed run is taken up by what the store lists.
    names : tuple of str
        See :class:`LocalTree`.
    expected : container of str, optional
        Keys of the dataset, if they are known beforehand.

    Raises
    ------
    UsageError
        UPL-01 without credentials; UPL-11 if another dataset is there; ALL-07 if what is there is not
        one dataset, and therefore not replaced. The place is claimed with the first object.
    StorageError
        If the store cannot be reached, or another process sends the same dataset.
    """

    def __init__(
        self,
        destination: RemotePath,
        options: UploadOptions,
        manifest_path: Path | None = None,
        *,
        names: tuple[str, ...] = (),
        expected: Container[str] | None = None,
    ) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._early: dict[str, LocalFile] = {}
        self._arrived: list[LocalFile] = []
        self._session = Session(destination, options, manifest_path)
        try:
            with self._session.told():
                self._session.take(names, expected)
        except BaseException:
            self.close()
            raise

    @property
    def dataset(self) -> str:
        """The id of the dataset."""
        return self._session.manifest.dataset

    @property
    def unsent_bytes(self) -> int:
        """Bytes that were given to :meth:`send` and are not in the store yet."""
        with self._lock:
            return sum(file.size for file in self._early.values())

    def send(self, file: LocalFile) -> None:
        """Send a file of a dataset that is still being written; returns at once.

        A file that changed, or was renamed, before it could be read is left to :meth:`finish`, and
        so are metadata.

        Raises
        ------
        PyramidionError
            What an earlier file failed of.
        """
        if file.wave:
            return
        with self._lock:
            self._early[file.key] = file
        with self._session.told():
            self._session.workers.put(lambda: self._send_early(file))

    def sent(self, key: str) -> Entry | None:
        """Return what the store has of a key, if it is what was sent, now or by an earlier run."""
        entry = self._session.stored(key)
        return entry if entry is not None and entry.md5 else None

    def take_arrived(self) -> list[LocalFile]:
        """Return the files given to :meth:`send` that have arrived since the last call."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
        return arrived

    def check(self) -> None:
        """Make sure that nothing has failed so far; returns at once.

        Raises
        ------
        PyramidionError
            What a worker has failed of.
        """
        with self._session.told():
            self._session.workers.check()

    def drain(self) -> None:
        """Wait until all that was given to :meth:`send` has arrived.

        Raises
        ------
        PyramidionError
            What failed.
        """
        with self._session.told():
            self._session.workers.join()

    def finish(self, tree: LocalTree, progress: Progress | None = None) -> UploadReport:
        """Send what is missing, wave by wave, and publish the dataset.

        Parameters
        ----------
        tree : LocalTree
            All files of the dataset.
        progress : callable, optional
            Told the bytes that are safe and in all.

        Raises
        ------
        PyramidionError
            What failed; a reader then sees the dataset that was there before, or none.
        """
        try:
            with self._session.told():
                self._session.workers.join()
                Publication(self._session, tree).run(progress)
            return self._report(tree)
        finally:
            self.close()

    def close(self) -> None:
        """Stop; what has arrived is noted for the next run. Safe to call twice."""
        self._session.close()

    def _send_early(self, file: LocalFile) -> None:
        has_arrived = True
        try:
            self._session.send_one(file)
        except DataError as error:
            if error.id != "PYR-UPL-10":
                raise
            has_arrived = False
        with self._lock:
            if self._early.get(file.key) is file:
                del self._early[file.key]
            if has_arrived:
                self._arrived.append(file)

    def _report(self, tree: LocalTree) -> UploadReport:
        session, meter = self._session, self._session.meter
        return UploadReport(
            destination=str(session.url),
            dataset=self.dataset,
            objects=len(tree.files) + len(session.options.extra),
            sent=meter.n_sent,
            unchanged=meter.n_unchanged,
            deleted=meter.n_deleted,
            bytes_total=tree.n_bytes + sum(len(file.data) for file in session.options.extra),
            bytes_sent=meter.bytes_sent,
            bytes_again=session.putter.bytes_again,
            retries=session.attempts.n_retries,
            damaged=session.putter.n_damaged,
            verified=meter.n_verified,
            seconds=round(time.monotonic() - self._began, 3),
            dry_run=session.options.dry_run,
            leftovers=session.n_leftovers,
            notes=(*session.notes, *session.notes_of_place),
        )
