"""``pyramidion generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from pyramidion.cli import _options as o

MINIMAL = {"samples": "1_000_000", "channels": "2", "trcs": "3", "segments": "5"}
"""What ``--minimal`` writes: every axis longer than one, and quickly done."""


def generate(
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="What to write: .zarr, .h5, .npy.")
    ] = "",
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="The same.")] = "",
    samples: Annotated[
        str, typer.Option("--samples", metavar="N", help="Samples a segment.")
    ] = "1e8",
    channels: Annotated[str, typer.Option("--channels", metavar="N", help="Channels.")] = "2",
    trcs: Annotated[str, typer.Option("--trcs", metavar="N", help="Recordings.")] = "1",
    segments: Annotated[str, typer.Option("--segments", metavar="N", help="Segments each.")] = "3",
    signal: Annotated[
        str, typer.Option("--signal", metavar="KIND", help="sine, square, sawtooth or pulse.")
    ] = "sine",
    noise: Annotated[
        str, typer.Option("--noise", metavar="VOLTS", help="Standard deviation of the noise.")
    ] = "0.01",
    gain: Annotated[str, typer.Option("--gain", metavar="VOLTS", help="Volts per code.")] = "1e-4",
    seed: Annotated[
        str, typer.Option("--seed", metavar="N", help="Makes the recording repeatable.")
    ] = "",
    minimal: Annotated[
        bool, typer.Option("--minimal", help="1e6 samples, 2 channels, 3 trcs, 5 segments.")
    ] = False,
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
    """Write a simulated oscilloscope recording of any length.

    Example: pyramidion generate demo.zarr --samples 1e7 --seed 1
    """
    from pyramidion.cli._convert import print_plan, print_report
    from pyramidion.cli._parse import (
        parse_compression,
        parse_number,
        parse_workers,
        parse_zarr_format,
    )
    from pyramidion.cli._print import print_json, progress_bar
    from pyramidion.core import UsageError, parse_count
    from pyramidion.formats import format_of_destination
    from pyramidion.instruments import SimulatedScope
    from pyramidion.storage import RemotePath, place
    from pyramidion.workflows import ConvertOptions, check_destination, check_free, describe_plan
    from pyramidion.workflows import generate as run

    if bool(out) == bool(output):
        raise UsageError(
            "OUT", "missing" if not out else "given twice", mend="name one file", id="PYR-ALL-02"
        )
    destination = place(out or output)
    written = format_of_destination(destination)
    asked = {"samples": samples, "channels": channels, "trcs": trcs, "segments": segments}
    if minimal:
        asked = MINIMAL
    scope = SimulatedScope(
        **{name: parse_count(text, f"--{name}") for name, text in asked.items()},
        signal=signal,
        seed=parse_count(seed, "--seed") if seed else None,
        noise=parse_number(noise, "--noise"),
        gain=parse_number(gain, "--gain"),
    )
    options = ConvertOptions(
        compression=parse_compression(compression, destination),
        zarr_format=parse_zarr_format(zarr_format, destination),
        workers=parse_workers(workers),
        overwrite=overwrite,
        resume=resume,
        parents=parents,
        force=force,
    )
    if dry_run:
        if isinstance(destination, RemotePath):
            check_free(destination, overwrite=overwrite)
        elif destination.absolute().parent.is_dir() or not parents:
            check_destination(destination, None, written, overwrite=overwrite, resume=resume)
        plan = describe_plan(scope.spec, destination, written, options)
        print_json(plan) if json else print_plan(plan)
        return
    with progress_bar("generating", quiet=json) as progress:
        report = run(destination, scope, options, progress)
    print_json(report.as_dict()) if json else print_report(report)
