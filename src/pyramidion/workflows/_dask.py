"""Running the tasks of an image conversion on a Dask cluster that is there already."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from pyramidion.core import PyramidionError, StorageError, UsageError
from pyramidion.formats import ImageSink
from pyramidion.workflows._image_job import ImageJob, JobParts
from pyramidion.workflows._run_tasks import Finished, pending_stages

_IN_FLIGHT_PER_THREAD = 4
"""Tasks handed to the scheduler at a time: it never holds a graph of a million."""
_CONNECT_S = 10
_MOST_JOBS = 8
"""Conversions whose files a worker keeps open; the one begun first is closed for the next."""
_lock = threading.Lock()
_parts: dict[ImageJob, JobParts] = {}
"""Of a worker process: the conversion that it works on."""


def run_on_dask(job: ImageJob, sink: ImageSink, done: Finished) -> None:
    """Do everything that is left on the workers of a Dask scheduler.

    A worker that dies loses nothing: its tasks are given to others, and those that it had finished
    are answered from the record on disk.

    Raises
    ------
    UsageError
        If Dask is not installed.
    StorageError
        If the scheduler cannot be reached.
    """
    client = _connect(job.options.dask)
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            client.wait_for_workers(1, timeout=_CONNECT_S)
            threads = sum(client.nthreads().values())
        for tasks in pending_stages(sink, range(len(sink.tasks))):
            _run_stage(client, job, tasks, _IN_FLIGHT_PER_THREAD * threads, done)
    except _dask_faults() as error:
        raise PyramidionError(
            job.options.dask,
            "the cluster gave up",
            error,
            "run again with --resume",
            id="PYR-ALL-31",
        ) from error
    finally:
        client.close()


def _connect(address: str) -> Any:
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            "--dask",
            "running on a cluster needs dask",
            mend="pip install pyramidion[dask]",
            id="PYR-ALL-22",
        ) from error
    try:
        connect: Any = distributed.Client
        return connect(address, timeout=_CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise StorageError(address, "cannot connect", error, id="PYR-ALL-31") from error


def _dask_faults() -> tuple[type[Exception], ...]:
    from distributed.scheduler import KilledWorker

    return (KilledWorker, TimeoutError)


def _run_stage(client: Any, job: ImageJob, tasks: list[int], most: int, done: Finished) -> None:
    import distributed

    as_completed: Any = distributed.as_completed
    left = iter(tasks)

    def submit(task: int) -> Any:
        # Not pure: a resumed conversion must not get the answer of the one before it.
        return client.submit(_do, job, task, pure=False)

    running = as_completed([submit(task) for task in itertools.islice(left, most)])
    for future in running:
        done(future.result())
        future.release()
        for task in itertools.islice(left, 1):
            running.add(submit(task))


def _do(job: ImageJob, task: int) -> int:
    """Do a task in a worker process of the cluster."""
    with _lock:  # the threads of a worker share the open ends of a conversion
        if job not in _parts:
            if len(_parts) >= _MOST_JOBS:
                _parts.pop(next(iter(_parts))).close()
            _parts[job] = job.attach()
        parts = _parts[job]
    parts.do(task)
    return task
