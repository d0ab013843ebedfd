"""``pyramidion verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyramidion.cli import _options as o


def verify(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A store or a file.")],
    against: Annotated[
        str, typer.Option("--against", metavar="SRC", help="Compare with what it was made from.")
    ] = "",
    name: o.Dataset = "",
    axes: o.Axes = "",
    dt: o.Interval = "",
    allow_mixed: o.AllowMixed = False,
    workers: o.Workers = "",
    json: o.Json = False,
) -> None:
    """Prove a dataset: every chunk decodes, every overview value is the extreme of its samples.

    Example: pyramidion verify scope.zarr --against scope.h5
    """
    from pyramidion.cli._parse import parse_interval, parse_workers
    from pyramidion.cli._print import print_json, progress_bar
    from pyramidion.formats import OpenOptions
    from pyramidion.workflows import SHOWN_FAULTS
    from pyramidion.workflows import verify as run

    options = OpenOptions(name or None, axes or None, parse_interval(dt), allow_mixed)
    source = Path(against) if against else None
    with progress_bar("verifying", quiet=json) as progress:
        report = run(
            Path(dataset), source, options, workers=parse_workers(workers), progress=progress
        )
    if json:
        print_json(report.as_dict())
    elif not report.faults:
        levels = f", {report.bins} overview values on {len(report.levels)} levels exact"
        same = f", same as {against}" if against else ""
        print(
            f"{dataset}: sound: {report.samples} samples decode{levels if report.levels else ''}{same}"
        )
    if report.faults:
        import sys

        for fault in report.faults[:SHOWN_FAULTS]:
            print(f"pyramidion verify: error: {fault}", file=sys.stderr)
        n_faults = len(report.faults)
        more = f" ({n_faults - SHOWN_FAULTS} more)" if n_faults > SHOWN_FAULTS else ""
        print(f"pyramidion verify: {dataset}: not sound: {n_faults} faults{more}", file=sys.stderr)
        raise SystemExit(1)
