"""Printing: results to stdout, progress and warnings to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def print_json(value: Any) -> None:
    """Print a report as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def warn(command: str, warnings: tuple[str, ...] | list[str]) -> None:
    """Print warnings, one line each."""
    for warning in warnings:
        print(f"pyramidion {command}: warning: {warning}", file=sys.stderr)


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
        shown = [0.0]

        def progress(done: int, total: int) -> None:
            now = time.monotonic()
            if now - shown[0] > 0.1 or done >= total:
                shown[0] = now
                bar.update(task, completed=done, total=total)

        yield progress
