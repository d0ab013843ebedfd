"""Printing: results to stdout, progress and warnings to stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyramidion.cli._streams import LONGEST_LINE, tell
from pyramidion.core import escape

__all__ = ["LONGEST_LINE", "counted", "print_json", "progress_bar", "shown", "tell", "warn"]


def print_json(value: Any) -> None:
    """Print a report as JSON; a number that is none (NaN, infinity) is printed as null."""
    # Where stdout lacks a letter, JSON's own escape is one that a reader of JSON understands.
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(_finite(value), indent=2, ensure_ascii=plain, default=str, allow_nan=False)
    print(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


def shown(name: object) -> str:
    """Return a name from outside as it may be printed: on one line, nothing in it obeyed."""
    return escape(name, limit=300)


def counted(n: int, names: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(3, "levels"), counted(1, "levels")
    ('3 levels', '1 level')
    """
    return f"{n} {names.removesuffix('s') if n == 1 else names}"


def warn(command: str, warnings: tuple[str, ...] | list[str]) -> None:
    """Print warnings, one line each."""
    for warning in warnings:
        tell(f"pyramidion {command}: warning: {escape(warning, LONGEST_LINE)}")


@contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show bytes, rate and time left on stderr, when that is a terminal.

    Yields
    ------
    callable
        ``progress(done, total)``, cheap enough to be called for every block.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        latest = [0.0]

        def progress(done: int, total: int) -> None:
            now = time.monotonic()
            if now - latest[0] > 0.1 or done >= total:
                latest[0] = now
                bar.update(task, completed=done, total=total)

        yield progress
