"""The standard streams: closed, full, or of an encoding that lacks a letter."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

LONGEST_LINE = 2000
"""Characters of a warning or an error; what is behind them is cut."""


class _Output(io.TextIOWrapper):
    """Stdout, whose failures are told as ours; a reader who left stays a ``BrokenPipeError``."""

    def write(self, text: str, /) -> int:
        with _told():
            return super().write(text)

    def flush(self) -> None:
        with _told():
            super().flush()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from pyramidion.core import StorageError

        reason = os.strerror(error.errno).lower() if error.errno else None
        raise StorageError("standard output", "cannot write", reason, id="PYR-ALL-09") from error


def prepare_streams() -> None:
    """Make the streams such that a program with closed ones, or an old terminal, can go on.

    A stream that was closed before the start (``>&-``) would give its number to the next file that
    is opened: its place is taken. What is printed to such a stdout is an error; what is said to
    such a stderr is lost, as the user wished.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest number that is free: this one
    if sys.stdout is None:
        # Open for reading only, so that a write fails as it does on a closed file.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if type(sys.stdout) is io.TextIOWrapper:
        old = sys.stdout
        how = (old.encoding, None, None, old.line_buffering, old.write_through)
        sys.stdout = _Output(old.detach(), *how)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush_output() -> OSError | None:
    """Flush stdout; return why that was not possible.

    What could not be printed is dropped then, so that the interpreter does not try again.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        _drop(sys.stdout)
        return error
    return None


def tell(line: str) -> None:
    """Print a line to stderr, if anybody is there to read it."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Let what is still to be written to a stream go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
