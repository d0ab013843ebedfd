"""Reading every object back and comparing it with what was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from pyramidion.core import MissingError, StorageError
from pyramidion.storage import RemotePath
from pyramidion.transfer._attempts import Attempts, TimeUpError
from pyramidion.transfer._byte_budget import ByteBudget
from pyramidion.transfer._manifest import Entry
from pyramidion.transfer._options import Progress, UploadOptions
from pyramidion.transfer._read_back import PIECE, read_checksum
from pyramidion.transfer._stores import Stores
from pyramidion.transfer._workers import Workers


@dataclass
class VerifyReport:
    """What was found.

    Parameters
    ----------
    objects : int
        Objects that were read.
    bytes_total : int
        Their sizes.
    missing, differs : list of str
        Keys of those that are not there, and those that are not as they were sent, sorted.
    """

    objects: int = 0
    bytes_total: int = 0
    missing: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


class Reader:
    """Reads objects back on threads.

    Parameters
    ----------
    stores : Stores
        Where from.
    attempts : Attempts
        Repeats what fails.
    workers : Workers
        The threads.
    bytes_in_flight : int
        Most bytes in memory, about.
    """

    def __init__(
        self, stores: Stores, attempts: Attempts, workers: Workers, bytes_in_flight: int
    ) -> None:
        self._stores, self._attempts, self._workers = stores, attempts, workers
        self._budget = ByteBudget(bytes_in_flight)
        self._lock = threading.Lock()

    def read(
        self, entries: Iterable[Entry], moved: Callable[[int], None] | None = None
    ) -> VerifyReport:
        """Read objects and compare their sizes and checksums.

        Parameters
        ----------
        entries : iterable of Entry
            What they should be.
        moved : callable, optional
            Told the bytes of each object when it was read.
        """
        report = VerifyReport()
        for entry in entries:
            self._workers.put(self._job(entry, report, moved))
        self._workers.join()
        report.missing.sort()
        report.differs.sort()
        return report

    def _job(
        self, entry: Entry, report: VerifyReport, moved: Callable[[int], None] | None
    ) -> Callable[[], None]:
        def job() -> None:
            wrong: list[str] | None = None
            with self._budget.holding(min(entry.size, 2 * PIECE)):
                try:
                    size, md5 = read_checksum(self._stores, self._attempts, entry.key, entry.part)
                    if size != entry.size or (entry.md5 and md5 != entry.md5):
                        wrong = report.differs
                except MissingError:
                    wrong = report.missing
            with self._lock:
                report.objects += 1
                report.bytes_total += entry.size
                if wrong is not None:
                    wrong.append(entry.key)
            if moved is not None:
                moved(entry.size)

        return job


def verify_tree(
    destination: RemotePath,
    entries: Iterable[Entry],
    options: UploadOptions | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Read every object of a dataset back.

    Parameters
    ----------
    destination : RemotePath
        What the keys begin with.
    entries : iterable of Entry
        What they should be: of a manifest.
    options : UploadOptions, optional
        How many at once, and how patiently.
    progress : callable, optional
        Told the bytes that were read and in all.

    Raises
    ------
    PyramidionError
        If the store cannot be read.
    """
    options = options or UploadOptions()
    wanted = list(entries)
    total = sum(entry.size for entry in wanted)
    stores = Stores(destination)
    attempts = Attempts(stores, options.retry_time_s, options.seed)
    workers = Workers(options.n_connections, attempts.halt)
    n_read, lock = 0, threading.Lock()

    def moved(n_bytes: int) -> None:
        nonlocal n_read
        with lock:
            n_read += n_bytes
            told = n_read
        if progress is not None:
            progress(told, total)

    try:
        return Reader(stores, attempts, workers, options.bytes_in_flight).read(wanted, moved)
    except TimeUpError as error:
        raise StorageError(
            str(destination), "cannot be read to the end", str(error), "run again",
            id="PYR-UPL-07",
        ) from None  # fmt: skip
    finally:
        workers.close()
