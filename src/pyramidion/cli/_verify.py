"""``pyramidion verify``."""

from __future__ import annotations

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
    field: o.Field = "",
    kind: o.As = "",
    dt: o.Interval = "",
    allow_mixed: o.AllowMixed = False,
    workers: o.Workers = "",
    json: o.Json = False,
) -> None:
    """Prove a dataset: every chunk decodes, every overview value is the extreme of its samples.

    Example: pyramidion verify scope.zarr --against scope.h5
    """
    from pyramidion.cli._convert import open_options
    from pyramidion.cli._parse import parse_kind, parse_workers
    from pyramidion.cli._print import LONGEST_LINE, counted, print_json, progress_bar, shown, tell
    from pyramidion.core import escape
    from pyramidion.storage import place
    from pyramidion.workflows import SHOWN_FAULTS
    from pyramidion.workflows import verify as run

    options = open_options(dataset=name, axes=axes, dt=dt, allow_mixed=allow_mixed, field=field)
    source = place(against) if against else None
    with progress_bar("verifying", quiet=json) as progress:
        report = run(
            place(dataset),
            source,
            options,
            kind=parse_kind(kind),
            workers=parse_workers(workers),
            progress=progress,
        )
    if json:
        print_json(report.as_dict())
    elif not report.faults:
        values = counted(report.bins, "overview values")
        levels = f", {values} on {counted(len(report.levels), 'levels')} exact"
        same = f", same as {shown(against)}" if against else ""
        element = {"image": "voxel", "recording": "pixel"}.get(report.kind, "sample")
        decode = f"{report.samples} {element}{' decodes' if report.samples == 1 else 's decode'}"
        if report.kind == "files":
            decode = f"{counted(report.samples, 'objects')} as they were sent"
        notes = "".join(f", {note}" for note in report.notes)
        print(f"{shown(dataset)}: sound: {decode}{levels if report.levels else ''}{same}{notes}")
    if report.faults:
        for fault in report.faults[:SHOWN_FAULTS]:
            tell(f"pyramidion verify: error: {escape(fault, LONGEST_LINE)}")
        n_faults = len(report.faults)
        more = f" ({n_faults - SHOWN_FAULTS} more)" if n_faults > SHOWN_FAULTS else ""
        told = counted(n_faults, "faults")
        tell(f"pyramidion verify: {shown(dataset)}: not sound: {told}{more}")
        raise SystemExit(1)
