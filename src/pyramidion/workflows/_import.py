"""Convert a folder of waveform files, one store each, and upload them; a failure stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyramidion.core import PyramidionError, StoppedError, UsageError
from pyramidion.formats import format_of_destination
from pyramidion.storage import RemotePath
from pyramidion.workflows._convert import convert
from pyramidion.workflows._import_plan import ImportJob
from pyramidion.workflows._options import ConvertOptions, ConvertReport, n_workers
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._upload import is_there, upload
from pyramidion.workflows._upload_options import SendOptions, UploadResult


@dataclass
class ImportedFile:
    """What became of a file.

    Parameters
    ----------
    job : ImportJob
        What was to be done.
    converted : ConvertReport or None
        Its store was written.
    kept : bool
        Its store was there already, here or in the bucket.
    uploaded : UploadResult or None
        Its store was sent.
    removed : bool
        Its store is in the bucket only.
    error : PyramidionError or None
        Why it could not be converted or sent.
    """

    job: ImportJob
    converted: ConvertReport | None = None
    kept: bool = False
    uploaded: UploadResult | None = None
    removed: bool = False
    error: PyramidionError | None = None

    @property
    def where(self) -> Path:
        """Where its store is, as far as it is anywhere."""
        is_sent = self.uploaded is not None or (self.kept and not self.job.destination.exists())
        return self.job.url if is_sent and self.job.url is not None else self.job.destination

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "source": str(self.job.source),
            "store": None if self.removed else str(self.job.destination),
            "url": str(self.job.url) if self.uploaded else None,
            "converted": self.converted.as_dict() if self.converted else None,
            "uploaded": self.uploaded.as_dict() if self.uploaded else None,
            "kept": self.kept,
            "error": _told(self.error) if self.error else None,
        }


@dataclass
class ImportReport:
    """What became of all files.

    Parameters
    ----------
    files : list of ImportedFile
        In the order of the jobs; those that were not begun are missing.
    stopped : StoppedError or None
        What ended the run before the last file.
    """

    files: list[ImportedFile] = field(default_factory=list)
    stopped: StoppedError | None = None

    @property
    def converted(self) -> list[ConvertReport]:
        """Stores written."""
        return [file.converted for file in self.files if file.converted]

    @property
    def kept(self) -> list[Path]:
        """Stores that were there already, here or in the bucket."""
        return [file.where for file in self.files if file.kept]

    @property
    def uploaded(self) -> list[UploadResult]:
        """Stores that are in the bucket."""
        return [file.uploaded for file in self.files if file.uploaded]

    @property
    def failed(self) -> list[tuple[Path, PyramidionError]]:
        """Sources that could not be converted or sent, and why."""
        return [(file.job.source, file.error) for file in self.files if file.error]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "files": [file.as_dict() for file in self.files],
            "converted": [report.as_dict() for report in self.converted],
            "kept": [str(path) for path in self.kept],
            "uploaded": [str(result.destination) for result in self.uploaded],
            "failed": [{"source": str(s), "error": e.line, "id": e.id} for s, e in self.failed],
            "stopped": self.stopped.line if self.stopped else None,
        }


def run_import(
    jobs: Sequence[ImportJob],
    options: ConvertOptions,
    progress: Progress | None = None,
    *,
    send: SendOptions | None = None,
    keep_local: bool = False,
    n_at_once: int = 0,
) -> ImportReport:
    """Convert every file and send its store, if it has a URL; go on when one fails.

    Parameters
    ----------
    jobs : sequence of ImportJob
        From :func:`plan_import`.
    options : ConvertOptions
        Without ``overwrite``, stores that are there are kept. Files that are converted at the same
        time share the workers.
    progress : callable, optional
        Told the bytes read and sent, and how many are known of.
    send : SendOptions, optional
        How stores are sent.
    keep_local : bool
        Keep the stores on this disk. Otherwise a store that this run wrote is removed when it was
        sent and read back; one that was there before stays.
    n_at_once : int
        Files at the same time; 0 for one per core.

    Returns
    -------
    ImportReport
        Of the files until then, if Ctrl-C or SIGTERM stopped the run.
    """
    n_at_once = min(n_at_once or n_workers(0), len(jobs))
    shared = replace(options, workers=max(1, n_workers(options.workers) // max(1, n_at_once)))
    work = _Work(shared, send or SendOptions(), keep_local=keep_local, progress=progress)
    # Every file has its place from the start, so that no moment of a Ctrl-C loses what was done.
    report = ImportReport([ImportedFile(job) for job in jobs])
    try:
        work.do(report.files, n_at_once)
    except KeyboardInterrupt as stop:
        report.stopped = StoppedError("stopped", "between two files", id="PYR-ALL-27")
        report.stopped.__cause__ = stop
    for file in report.files:
        if isinstance(file.error, StoppedError):
            report.stopped, file.error = report.stopped or file.error, None
    report.files = [file for file in report.files if file.error or file.kept or file.converted]
    return report


class _Work:
    """What is done with each file."""

    def __init__(
        self,
        options: ConvertOptions,
        send: SendOptions,
        *,
        keep_local: bool,
        progress: Progress | None,
    ) -> None:
        self._options, self._send, self._keep_local = options, send, keep_local
        self._sending = threading.Lock()
        self._sum = _Sum(progress)
        self._stop = threading.Event()

    def do(self, files: Sequence[ImportedFile], n_threads: int) -> None:
        """Do the jobs of the files, on this thread or several at the same time.

        After Ctrl-C, those that had begun end as soon as they can.
        """
        if n_threads <= 1:
            for file in files:
                self._do(file)
                if isinstance(file.error, StoppedError):
                    return
            return
        with ThreadPoolExecutor(n_threads, thread_name_prefix="import") as pool:
            futures = [pool.submit(self._do, file) for file in files]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _do(self, file: ImportedFile) -> None:
        try:
            self._check_going()
            self._convert(file)
            if file.job.url is not None and (file.job.destination.exists() or file.converted):
                self._upload(file, file.job.url)
        except PyramidionError as error:
            file.error = error

    def _convert(self, file: ImportedFile) -> None:
        job, overwrite = file.job, self._options.overwrite
        if job.destination.exists() and not overwrite:
            _check_own(job.destination)
            file.kept = True
        elif job.url is not None and not overwrite and is_there(job.url):
            file.kept = True
        else:
            count = self._sum.counter(self._check_going)
            file.converted = convert(job.source, job.destination, self._options, count)

    def _upload(self, file: ImportedFile, url: RemotePath) -> None:
        # One store after the other: each is sent over many connections, and meanwhile the others
        # are converted.
        remove = file.converted is not None and not self._keep_local
        verify = self._send.verify or remove
        options = replace(self._send, verify=verify, delete_local=remove, stop=self._stop)
        with self._sending:
            self._check_going()
            count = self._sum.counter(self._check_going)
            try:
                file.uploaded = upload(file.job.destination, url, options, count)
            except PyramidionError as error:
                error.good = f"the store in {file.job.destination} is kept"
                raise
        file.removed = remove

    def _check_going(self) -> None:
        if self._stop.is_set():
            raise StoppedError("stopped", "between two files", id="PYR-ALL-27")


class _Sum:
    """Adds up the progress of several files."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._parts: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def counter(self, check: Callable[[], None]) -> Progress:
        """Return what a file tells its progress to; `check` may stop it."""
        with self._lock:
            self._parts.append((0, 0))
            number = len(self._parts) - 1

        def count(done: int, total: int) -> None:
            check()
            with self._lock:
                self._parts[number] = (done, total)
                if self._progress is not None:
                    self._progress(sum(d for d, _ in self._parts), sum(t for _, t in self._parts))

        return count


def _told(error: PyramidionError) -> dict[str, str | None]:
    return {"line": error.line, "id": error.id, "kept": error.good}


def _check_own(path: Path) -> None:
    """Refuse to take for an earlier result what we did not write."""
    written = format_of_destination(path)
    owns = written.owns or written.matches
    if not owns(path):
        raise UsageError(
            str(path),
            "already exists, and is no dataset of ours",
            mend="remove it yourself, or choose another folder with --output-dir",
            id="PYR-ALL-07",
        )
