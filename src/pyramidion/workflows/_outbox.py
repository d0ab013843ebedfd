"""Straight to an object store: what is written on this disk follows to the store at once.

A store takes whole objects and forgets nothing that was half-sent, so a dataset is written here, in
the spool, by the same sinks as any other, and a thread sends each file as soon as it has its name.
What was sent gives its blocks back to the disk, and the conversion waits when too much is unsent.
So the disk holds a few gigabytes however large the dataset is. The metadata go last: nobody sees the
dataset before it is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pyramidion.core import Closing, PyramidionError, StorageError, UsageError
from pyramidion.storage import (
    RemotePath,
    WriterLock,
    free_bytes,
    partial_path,
    told_as,
)
from pyramidion.transfer import (
    LocalFile,
    LocalTree,
    Uploader,
    UploadOptions,
    UploadReport,
    scan_tree,
)
from pyramidion.workflows._files import files_of
from pyramidion.workflows._outbox_place import check_series, place_of
from pyramidion.workflows._released import KEPT_TAIL, Released
from pyramidion.workflows._settled import FULL_S, Settled
from pyramidion.workflows._spool import spool_folder, spool_path
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._upload import check_free, manifest_path
from pyramidion.workflows._upload_source import tree_of, upload_source

_LOOK_S = 0.3
_PAUSES = 4
_SETTLED_S = 0.25
"""A checksum of a younger file is not relied on later: its times need not tell that it changed."""
_MOST_UNSENT = 8 * 2**30
_JOB = "job"


@dataclass(frozen=True)
class Job:
    """What is to be written; an interrupted run is taken up only by the same.

    Parameters
    ----------
    source : Path or None
        What it is made from.
    settings : tuple
        What decides about the result.
    """

    source: Path | None
    settings: tuple[object, ...]

    @property
    def id(self) -> str:
        """A hash of the source as it is now, and of the settings."""
        told = [str(self.source), *map(repr, self.settings)]
        if self.source is not None and not isinstance(self.source, RemotePath):
            for file in files_of(self.source):
                found = file.stat()
                told += [str(file), str(found.st_size), str(found.st_mtime_ns)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def send_by_hand(local: Path, destination: RemotePath) -> str:
    """Return what to type to send a recording that is only here, and to have its room back."""
    return f"pyramidion upload {local} {destination} --delete-local"


class Outbox(Closing):
    """A destination in an object store, filled on this disk.

    Parameters
    ----------
    destination : RemotePath
        The dataset's URL.
    job : Job
        What is written.
    options : UploadOptions
        How it is sent.
    resume : bool
        Go on with what an interrupted run left in the spool and in the store.
    grows : bool
        A recording: its files grow under their names, so they are sent when nothing was written to
        them for a while; and it cannot be made again, so nothing removes it before it is sent.

    Attributes
    ----------
    local : Path
        Where the dataset is written.
    is_written : bool
        An interrupted run had written all of it; only sending is left.

    Raises
    ------
    UsageError
        If the destination is taken, or credentials are missing; before anything is written.
    StorageError
        If another process is writing it.
    """

    def __init__(
        self,
        destination: RemotePath,
        job: Job,
        options: UploadOptions,
        *,
        resume: bool,
        grows: bool = False,
    ) -> None:
        self.destination, self.local = destination, spool_path(destination)
        self._folder = self.local.parent.parent
        self._job, self._options, self._grows = job, options, grows
        self._uploader: Uploader | None = None
        self._settled = Settled(FULL_S if grows else _SETTLED_S)
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        check_free(destination, overwrite=options.overwrite, manifest=manifest_path(self.dataset))
        check_series(destination)
        with told_as(self._folder):
            spool_folder().mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            opened.callback(self._lock().release)
            self.is_written = self._take_over(resume=resume)
            self._released = Released(self._folder / "released.jsonl")
            self._opened = opened.pop_all()

    @property
    def is_begun(self) -> bool:
        """Whether an interrupted run has left a part of the dataset, to be resumed."""
        return partial_path(self.dataset).exists() or partial_path(self.local).exists()

    def close(self) -> None:
        """Let go; what nothing was written for leaves no trace. Safe to call twice."""
        if self._uploader is not None:
            self._uploader.close()
        elif not self._left():
            shutil.rmtree(self._folder, ignore_errors=True)
        self._opened.close()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Send what is complete, while the block writes; what could not be sent is left for later."""
        thread = threading.Thread(target=self._follow, name="pyramidion-outbox", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def paced(self, progress: Progress | None) -> Progress:
        """Return a progress report that also holds the writers back while too much is unsent."""
        limit = min(_MOST_UNSENT, free_bytes(self.local) // 2)

        def paced(done: int, total: int) -> None:
            while self._unsent() > limit and self._fault is None:
                time.sleep(0.05)
            if self._fault is not None:
                raise self._fault
            if progress is not None:
                progress(done, total)

        return paced

    def unsent_bytes(self) -> int:
        """Return the bytes of the dataset that are only here."""
        sent = self._uploader.sent if self._uploader is not None else lambda _key: None
        return sum(file.size for file in self._tree().files if sent(file.key) is None)

    def publish(self, progress: Progress | None = None) -> UploadReport:
        """Send what is left, the metadata last, and empty the spool.

        Raises
        ------
        PyramidionError
            If the store fails for good; what was written stays in the spool for ``--resume``.
        """
        tree = self._tree()
        files = [replace(f, released=self._released.has(f)) for f in tree.files]
        report = self._sending().finish(replace(tree, files=files), progress)
        shutil.rmtree(self._folder, ignore_errors=True)
        return report

    def told(self, error: PyramidionError) -> PyramidionError:
        """Return an error about what is written here as one about its destination."""
        if error.id == "PYR-ALL-12":  # it is this disk that is full
            mend = "free space there, or set PYRAMIDION_SPOOL, then go on with --resume"
            return StorageError(str(self._folder), error.what, error.value, mend, id=error.id)

        def there(text: object) -> str:
            return str(text).replace(str(self.local), str(self.destination))

        value = there(error.value) if isinstance(error.value, str | Path) else error.value
        asked = None if error.mend is None else there(error.mend)
        told = type(error)(there(error.where), there(error.what), value, asked, id=error.id)
        told.good = error.good
        return told

    def _lock(self) -> WriterLock:
        try:
            return WriterLock(self._folder)
        except StorageError as error:
            raise StorageError(
                str(self.destination), error.what, error.value, error.mend, id=error.id
            ) from None

    def _sending(self) -> Uploader:
        """Return what sends; made when there is something to send."""
        if self._uploader is None:
            prefix, names = place_of(self.destination)
            manifest = manifest_path(self.dataset)
            self._uploader = Uploader(prefix, self._options, manifest, names=names)
        return self._uploader

    def _unsent(self) -> int:
        return 0 if self._uploader is None else self._uploader.unsent_bytes

    def _tree(self) -> LocalTree:
        return tree_of(upload_source(self.dataset), self.destination.name)

    @property
    def dataset(self) -> Path:
        """What is sent: the dataset, or the folder that a series of pictures makes."""
        return self.local.parent if "%" in self.local.name else self.local

    def _left(self) -> list[Path]:
        """Return what an earlier run has left."""
        wanted = (self.dataset, partial_path(self.dataset), partial_path(self.local))
        return [p for p in wanted if p.exists()]

    def _take_over(self, *, resume: bool) -> bool:
        """Decide about what an interrupted run left; tell whether the dataset is all there."""
        left, told = self._left(), self._folder / _JOB
        kept = told.read_text() if told.is_file() else ""
        if left and not self._grows and not resume and not self._options.overwrite:
            raise UsageError(
                str(self.destination),
                "an interrupted conversion is there",
                str(self._folder),
                "use --resume to finish it or --overwrite to begin again",
                id="PYR-ALL-06",
            )
        # Killed before the first file, it may have told the store its name already.
        is_same = kept == self._job.id and (resume or not left)
        if left and self._grows and not is_same:
            raise self._unsent_recording()
        if left and resume and not is_same and not self._options.overwrite:
            raise UsageError(
                str(self.destination),
                "the interrupted conversion has another source or other settings",
                str(self._folder),
                "use --overwrite to begin again",
                id="PYR-CPY-03",
            )
        if not is_same:
            shutil.rmtree(self._folder, ignore_errors=True)
        with told_as(self._folder):
            self.dataset.parent.mkdir(parents=True, exist_ok=True)
            told.write_text(self._job.id)
        return is_same and self.dataset.exists()

    def _unsent_recording(self) -> UsageError:
        return UsageError(
            str(self.destination),
            "an earlier recording is not sent yet",
            self.local,
            f"{send_by_hand(self.local, self.destination)}; or go on with --resume",
            id="PYR-UPL-22",
        )

    def _follow(self) -> None:
        pause = _LOOK_S
        try:
            while not self._stop.wait(pause):
                began = time.monotonic()
                for file in self._complete():
                    if self._stop.is_set():
                        break
                    self._sending().send(file)
                self._give_back()
                # Looking at a hundred thousand files must not be what a core is busy with.
                pause = max(_LOOK_S, _PAUSES * (time.monotonic() - began))
        except BaseException as error:  # noqa: BLE001 - told by whoever waits for what is sent
            self._fault = error

    def _complete(self) -> Iterator[LocalFile]:
        """Yield the files that have their names and were not sent yet; no metadata."""
        root = next((p for p in (partial_path(self.local), self.local) if p.is_dir()), None)
        if root is None:
            return
        try:
            files = scan_tree(root).files
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # renamed while we looked
                return
            raise
        for file in self._settled.among(files):
            if not self._released.has(file):
                yield file

    def _give_back(self) -> None:
        """Free the blocks of the shards that have arrived; a recording keeps them until its end.

        Only shards: should anybody read what was freed, their checksums tell.
        """
        if self._uploader is None:
            return
        self._uploader.check()
        if self._grows:
            return
        for file in self._uploader.take_arrived():
            if file.size > 2 * KEPT_TAIL and "/c/" in file.key:
                self._released.release(file)
