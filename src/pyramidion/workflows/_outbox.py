"""Straight to an object store: what is written on this disk follows to the store at once.

A store takes whole objects and forgets nothing that was half-sent, so a dataset is written here, in
the spool, by the same sinks as any other, and a thread sends each file as soon as it has its name.
What was sent gives its blocks back to the disk, and the conversion waits when too much is unsent.
So the disk holds a few gigabytes however large the dataset is. The metadata go last: nobody sees the
dataset before it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pyramidion.core import Closing, PyramidionError, UsageError
from pyramidion.storage import (
    RemotePath,
    WriterLock,
    free_bytes,
    has_holes,
    partial_path,
    punch_hole,
    told_as,
)
from pyramidion.transfer import (
    LocalFile,
    LocalTree,
    Uploader,
    UploadOptions,
    UploadReport,
    is_metadata,
    scan_tree,
)
from pyramidion.workflows._files import files_of
from pyramidion.workflows._spool import spool_folder, spool_path
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._upload import check_free, manifest_path
from pyramidion.workflows._upload_source import tree_of, upload_source

_LOOK_S = 0.3
_SETTLED_S = 0.25
"""A checksum of a younger file is not relied on later: its times need not tell that it changed."""
_MOST_UNSENT = 8 * 2**30
_KEPT_TAIL = 2**20
"""What stays of a file that was sent: a shard's index, by which a resumed run knows it is whole."""
_JOB = "job.json"


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
    settled_s : float
        Files may grow under their name: they are sent once nothing was written for so long.

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
        settled_s: float = 0.0,
    ) -> None:
        self.destination, self.local = destination, spool_path(destination)
        self._folder = self.local.parent.parent
        self._job, self._options, self._settled_s = job, options, settled_s
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._stop = threading.Event()
        self._fault: PyramidionError | None = None
        check_free(destination, overwrite=options.overwrite, manifest=manifest_path(self._dataset))
        with told_as(self._folder), ExitStack() as opened:
            spool_folder().mkdir(parents=True, exist_ok=True)
            opened.callback(WriterLock(self._folder).release)
            self.is_written = self._take_over(resume=resume)
            prefix, names = _place_of(destination)
            manifest = manifest_path(self._dataset)
            self._uploader = Uploader(prefix, options, manifest, names=names)
            opened.callback(self._uploader.close)
            self._released = _Released(self._folder / "released.jsonl")
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Let go; safe to call twice."""
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
            while self._uploader.unsent_bytes > limit and self._fault is None:
                time.sleep(0.05)
            if self._fault is not None:
                raise self._fault
            if progress is not None:
                progress(done, total)

        return paced

    def unsent_bytes(self) -> int:
        """Return the bytes of the dataset that are only here."""
        files = self._tree().files
        return sum(file.size for file in files if self._uploader.sent(file.key) is None)

    def publish(self, progress: Progress | None = None) -> UploadReport:
        """Send what is left, the metadata last, and empty the spool.

        Raises
        ------
        PyramidionError
            If the store fails for good; what was written stays in the spool for ``--resume``.
        """
        tree = self._tree()
        files = [replace(f, released=self._released.has(f)) for f in tree.files]
        report = self._uploader.finish(replace(tree, files=files), progress)
        shutil.rmtree(self._folder, ignore_errors=True)
        return report

    def _tree(self) -> LocalTree:
        return tree_of(upload_source(self._dataset), self.destination.name)

    @property
    def _dataset(self) -> Path:
        """What is sent: the dataset, or the folder that a series of pictures goes to."""
        return self.local.parent if "%" in self.local.name else self.local

    def _take_over(self, *, resume: bool) -> bool:
        """Decide about what an interrupted run left; tell whether the dataset is all there."""
        folder, told = self._folder, self._folder / _JOB
        left = [p for p in (self._dataset, partial_path(self.local)) if p.exists()]
        kept = told.read_text() if told.is_file() else ""
        if left and not resume and not self._options.overwrite:
            raise UsageError(
                str(self.destination),
                "an interrupted conversion is there",
                str(folder),
                "use --resume to finish it or --overwrite to begin again",
                id="PYR-ALL-06",
            )
        # Killed before the first file, it may have told the store its name already.
        is_same = kept == self._job.id and (resume or not left)
        if left and resume and not is_same and not self._options.overwrite:
            raise UsageError(
                str(self.destination),
                "the interrupted conversion has another source or other settings",
                str(folder),
                "use --overwrite to begin again",
                id="PYR-CPY-03",
            )
        if not is_same:
            shutil.rmtree(folder, ignore_errors=True)
        with told_as(folder):
            self.local.parent.mkdir(parents=True, exist_ok=True)
            told.write_text(self._job.id)
        return is_same and self._dataset.exists()

    def _follow(self) -> None:
        try:
            while not self._stop.wait(_LOOK_S):
                for file in self._complete():
                    if self._stop.is_set():
                        break
                    self._uploader.send(file)
                self._give_back()
        except PyramidionError as error:
            self._fault = error

    def _complete(self) -> Iterator[LocalFile]:
        """Yield the files that have their names and were not sent yet; no metadata."""
        root = next((p for p in (partial_path(self.local), self.local) if p.is_dir()), None)
        if root is None:
            return
        settled = time.time_ns() - round(max(self._settled_s, _SETTLED_S) * 1e9)
        for file in scan_tree(root).files:
            identity = (file.inode, file.size, file.mtime_ns)
            if is_metadata(file.key) or self._seen.get(file.key) == identity:
                continue
            if file.mtime_ns > settled:
                continue
            self._seen[file.key] = identity
            if not self._released.has(file):
                yield file

    def _give_back(self) -> None:
        """Free the blocks of the shards that have arrived; a recording keeps them until its end.

        Only shards: should anybody read what was freed, their checksums tell.
        """
        if self._settled_s:
            return
        for file in self._uploader.take_arrived():
            if file.size > 2 * _KEPT_TAIL and "/c/" in file.key:
                self._released.release(file)


def _place_of(destination: RemotePath) -> tuple[RemotePath, tuple[str, ...]]:
    """Return what the keys of a dataset begin with, and what of that is the dataset; empty for all."""
    if destination.suffix == ".zarr":
        return destination, ()
    folder = destination.parent
    assert isinstance(folder, RemotePath)
    if "%" in destination.name:
        return folder, ()
    blocks = (destination.stem,) if destination.suffix == ".idx" else ()
    return folder, (destination.name, *blocks)


class _Released:
    """Files whose blocks were given back; noted before, so that no hole is taken for data."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: set[tuple[int, int]] = set()
        if path.is_file():
            for line in path.read_text().splitlines():
                inode, size = json.loads(line)
                self._noted.add((inode, size))

    def has(self, file: LocalFile) -> bool:
        return (file.inode, file.size) in self._noted and has_holes(file.path)

    def release(self, file: LocalFile) -> None:
        """Free all blocks of a file but the last; no effect where the system cannot."""
        with told_as(file.path), self._path.open("a") as noted:
            noted.write(json.dumps([file.inode, file.size]) + "\n")
            noted.flush()
            os.fsync(noted.fileno())
        self._noted.add((file.inode, file.size))
        with contextlib.suppress(FileNotFoundError):  # renamed with its folder, just now
            punch_hole(file.path, file.size - _KEPT_TAIL)
