"""How a run ends that does not end well: let go of the destination, and say what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from pyramidion.core import PyramidionError, StoppedError

NOTHING_KEPT = "nothing was kept"


class Abortable(Protocol):
    """What every sink offers."""

    resumable: bool

    @property
    def tasks(self) -> Sequence[object]: ...

    def is_done(self, task: int) -> bool: ...

    def abort(self) -> None: ...


@contextmanager
def aborting(sink: Abortable) -> Iterator[None]:
    """Abort a sink when the body fails, however it fails.

    Raises
    ------
    PyramidionError
        What was raised; its ``good`` says what is kept.
    StoppedError
        After Ctrl-C or SIGTERM.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        sink.abort()
        raise StoppedError("stopped", kept_parts(sink), id="PYR-ALL-27") from error
    except PyramidionError as error:
        sink.abort()
        error.good = error.good or kept_parts(sink)
        raise
    except MemoryError as error:
        sink.abort()
        raise PyramidionError(
            "memory", "not enough memory", mend="use fewer --workers", id="PYR-ALL-24"
        ) from error
    except BaseException:
        sink.abort()
        raise


def kept_parts(sink: Abortable) -> str:
    """Say what a run that failed leaves for the next."""
    if not sink.resumable:
        return NOTHING_KEPT
    n_kept = sum(sink.is_done(task) for task in range(len(sink.tasks)))
    if n_kept == 0:
        return NOTHING_KEPT
    return f"{n_kept} of {len(sink.tasks)} parts stored, go on with --resume"
