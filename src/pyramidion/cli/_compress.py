"""``pyramidion compress``."""

from __future__ import annotations

from typing import Annotated

import typer

from pyramidion.cli import _options as o


def compress(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="An .idx file.")],
    codec: Annotated[
        str, typer.Option("--codec", metavar="NAME[:LEVEL]", help="zip, lz4 or raw.")
    ] = "zip",
    time: Annotated[str, typer.Option("--time", metavar="T", help="Only this time step.")] = "",
    field: o.Field = "",
    workers: o.Workers = "",
    json: o.Json = False,
) -> None:
    """Compress a dataset where it is, from any codec to any codec.

    Every moment of it can be interrupted: the dataset is the old or the new one, and the same
    command goes on.

    Example: pyramidion compress brain.idx --codec lz4
    """
    from pyramidion.cli._parse import not_blank, parse_workers
    from pyramidion.cli._print import print_json, progress_bar, shown
    from pyramidion.core import format_bytes, parse_count
    from pyramidion.storage import place
    from pyramidion.workflows import CompressOptions
    from pyramidion.workflows import compress as run

    options = CompressOptions(
        codec=not_blank(codec, "--codec", "one of zip, lz4, raw"),
        field=field or None,
        time=parse_count(time, "--time") if time else None,
        workers=parse_workers(workers),
    )
    with progress_bar("compressing", quiet=json) as progress:
        report = run(place(dataset), options, progress)
    if json:
        print_json(report.as_dict())
        return
    print(
        f"{shown(dataset)}: {report.n_changed} of {report.n_blocks} blocks changed to {report.codec}, "
        f"{format_bytes(report.bytes_before)} before, {format_bytes(report.bytes_after)} now"
    )
