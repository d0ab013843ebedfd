"""``pyramidion convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.workflows import ConvertReport


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="What to read; quote a name with *.")
    ],
    destination: Annotated[
        str, typer.Argument(metavar="DST", help="What to write: .zarr, .h5, .npy.")
    ],
    box: Annotated[
        str,
        typer.Option("--box", metavar='"FIRST LAST"', help="Keep these samples, both included."),
    ] = "",
    dataset: o.Dataset = "",
    axes: o.Axes = "",
    dt: o.Interval = "",
    allow_mixed: o.AllowMixed = False,
    sparse: o.Sparse = False,
    compression: o.Compression = "",
    zarr_format: o.ZarrFormat = "3",
    workers: o.Workers = "",
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    parents: o.Parents = False,
    force: o.Force = False,
    dry_run: o.DryRun = False,
    json: o.Json = False,
) -> None:
    """Convert a waveform file to a store that zooms, or back.

    Reads HDF5, LeCroy .trc (one file, a folder, or a quoted pattern), .npy and waveform stores.
    Memory stays small however long the record is. Nothing half-written has the destination's name.

    Example: pyramidion convert scope.h5 scope.zarr
    """
    from pyramidion.cli._parse import (
        parse_box,
        parse_compression,
        parse_interval,
        parse_workers,
        parse_zarr_format,
    )
    from pyramidion.cli._print import print_json, progress_bar, warn
    from pyramidion.formats import OpenOptions
    from pyramidion.workflows import ConvertOptions, plan_conversion
    from pyramidion.workflows import convert as run

    out = Path(destination)
    options = ConvertOptions(
        source=OpenOptions(dataset or None, axes or None, parse_interval(dt), allow_mixed, sparse),
        box=parse_box(box),
        compression=parse_compression(compression, out),
        zarr_format=parse_zarr_format(zarr_format, out),
        workers=parse_workers(workers),
        overwrite=overwrite,
        resume=resume,
        parents=parents,
        force=force,
    )
    if dry_run:
        plan = plan_conversion(Path(source), out, options)
        warn("convert", plan["warnings"])
        print_json(plan) if json else print_plan(plan)
        return
    with progress_bar("converting", quiet=json) as progress:
        report = run(Path(source), out, options, progress)
    warn("convert", report.spec.warnings)
    print_json(report.as_dict()) if json else print_report(report)


def print_plan(plan: dict[str, object]) -> None:
    """Print what would be written."""
    from pyramidion.cli._print import counted, shown
    from pyramidion.core import format_bytes

    print(
        f"{shown(plan['destination'])}: {_shape(plan['shape'])} {plan['dtype']}, nothing written yet"
    )
    arrays = plan.get("arrays")
    if isinstance(arrays, dict):
        for key, array in arrays.items():
            per_bin = array.get("samples_per_bin")
            told = f", {counted(per_bin, 'samples')} a bin" if per_bin else ""
            shard = f", shard {_shape(array['shard'])}" if "shard" in array else ""
            chunk = f", chunk {_shape(array['chunk'])}" if "chunk" in array else ""
            print(f"  {key}: {_shape(array['shape'])}{chunk}{shard}{told}")
    for name, title in (
        ("bytes_in", "to read"),
        ("bytes_out_estimated", "to write, about"),
        ("peak_memory_estimated", "memory, about"),
    ):
        print(f"  {title}: {format_bytes(float(str(plan[name])))}")


def print_report(report: ConvertReport) -> None:
    """Print what was written."""
    from pyramidion.cli._print import counted, shown
    from pyramidion.core import format_bytes

    spec, run = report.spec, report.stream
    rate = format_bytes(run.bytes_read / max(run.seconds, 1e-3))
    resumed = f", {run.resumed} of {counted(run.tasks, 'parts')} kept" if run.resumed else ""
    print(
        f"{shown(report.destination)}: {_shape(spec.shape)} {spec.dtype.name}, "
        f"{format_bytes(report.bytes_written)} in {run.seconds:.1f} s ({rate}/s{resumed})"
    )
    if report.destination.suffix == ".zarr":
        print(f"look at it: pyramidion view {shown(report.destination)}")


def _shape(shape: object) -> str:
    return " x ".join(f"{n}" for n in shape)  # type: ignore[attr-defined]
