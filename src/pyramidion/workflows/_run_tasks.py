"""Running the tasks of an image conversion: on threads, on processes, on a cluster, or a part.

Stage after stage; the tasks of a stage in any order. Whatever runs them, the bytes are the same,
because tasks share nothing but the destination's record.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from pyramidion.core import DataError, PyramidionError, UsageError
from pyramidion.formats import ImageSink
from pyramidion.workflows._image_job import ImageJob, JobParts, Meter
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order

Finished = Callable[[int], None]
"""Called with the number of a task that was done just now."""

_parts: JobParts | None = None
"""Of a worker process: it serves one conversion."""


def pending_stages(sink: ImageSink, wanted: range) -> Iterator[list[int]]:
    """Return the tasks still to be done, stage after stage; a stage is looked at when it begins."""
    numbered = list(enumerate(sink.tasks))
    for _, tasks in itertools.groupby(numbered, lambda task: task[1].stage):
        yield [n for n, _ in tasks if n in wanted and not sink.is_done(n)]


def run_on_threads(
    sink: ImageSink,
    reads: Sequence[Callable[..., object]],
    workers: int,
    meter: Meter,
    done: Finished,
) -> None:
    """Do everything that is left on threads of this process."""
    counted = [meter.wrap(field, read) for field, read in enumerate(reads)]  # type: ignore[arg-type]
    for tasks in pending_stages(sink, range(len(sink.tasks))):
        for task, _ in in_order(
            lambda task: sink.work(task, counted), tasks, n_workers(workers), meter.stop
        ):
            done(task)
        meter.stop.clear()


def run_on_processes(job: ImageJob, sink: ImageSink, done: Finished) -> None:
    """Do everything that is left on processes of this machine."""
    # Not forked: threads of libraries in this process would be missing their other half there.
    context = multiprocessing.get_context("spawn")
    workers = n_workers(job.options.workers)
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(job,))
    try:
        for tasks in pending_stages(sink, range(len(sink.tasks))):
            for task in _as_done(pool, tasks, 2 * workers):
                done(task)
    except BrokenProcessPool as error:
        raise PyramidionError(
            "--workers", "a worker process died", mend="run again with --resume", id="PYR-ALL-24"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_part(parts: JobParts, tasks: range, done: Finished) -> None:
    """Do some tasks of a conversion that others have begun or will go on with.

    Raises
    ------
    DataError
        If tasks are among them whose earlier stages are not done.
    """
    sink = parts.sink
    numbered = list(enumerate(sink.tasks))
    for stage, group in itertools.groupby(numbered, lambda task: task[1].stage):
        wanted = [n for n, _ in group if n in tasks]
        if not wanted:
            continue
        missing = [n for n, task in numbered if task.stage < stage and not sink.is_done(n)]
        if missing:
            raise DataError(
                "--tasks",
                f"task {wanted[0]} needs what {len(missing)} earlier tasks make",
                f"the first is {missing[0]}",
                "do these first; `convert --resume` does whatever is left",
                id="PYR-ALL-30",
            )
        for task in wanted:
            parts.do(task)
            done(task)


def parse_tasks(text: str, n_tasks: int) -> range:
    """Read ``--tasks FIRST:STOP``.

    Raises
    ------
    UsageError
        If it is not two numbers in order within the plan.
    """
    first, colon, stop = text.partition(":")
    try:
        if not colon or not (first + stop).isascii():
            raise ValueError
        asked = range(int(first or 0), min(int(stop or n_tasks), n_tasks))
    except ValueError:
        raise UsageError(
            "--tasks", "not a range", text, "write for example 120:180", id="PYR-ALL-13"
        ) from None
    if asked.start < 0 or asked.start >= n_tasks or not asked:
        raise UsageError(
            "--tasks", f"0 to {n_tasks}", text, "write for example 120:180", id="PYR-ALL-13"
        )
    return asked


def _begin(job: ImageJob) -> None:
    global _parts  # noqa: PLW0603 - a worker process serves one conversion
    _parts = job.attach()


def _do(task: int) -> int:
    assert _parts is not None
    _parts.do(task)
    return task


def _as_done(pool: ProcessPoolExecutor, tasks: Iterable[int], most: int) -> Iterator[int]:
    """Yield tasks as they are done, with at most `most` handed out at a time."""
    waiting: set[Future[int]] = set()
    left = iter(tasks)
    while True:
        waiting |= {pool.submit(_do, task) for task in itertools.islice(left, most - len(waiting))}
        if not waiting:
            return
        finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            yield future.result()
