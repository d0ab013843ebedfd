"""Options that several commands share, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an existing dataset of the same kind.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
Force = Annotated[bool, typer.Option("--force", help="Do not compare the free space first.")]
Parents = Annotated[bool, typer.Option("--parents", help="Make missing parent folders.")]
Workers = Annotated[
    str, typer.Option("--workers", metavar="N", help="Threads; by default one per core.")
]
Compression = Annotated[
    str,
    typer.Option(
        "--compression",
        metavar="CODEC[:LEVEL]",
        help="blosc-lz4 (default), blosc-zstd, zstd, gzip or none.",
    ),
]
ZarrFormat = Annotated[
    str, typer.Option("--zarr-format", metavar="3|2", help="2 writes what old viewers open.")
]
Dataset = Annotated[
    str, typer.Option("--dataset", metavar="NAME", help="Which dataset of an HDF5 file.")
]
Axes = Annotated[
    str,
    typer.Option(
        "--axes", metavar="NAMES", help="Names of its axes, slowest first: channel,segment,sample."
    ),
]
Interval = Annotated[
    str, typer.Option("--dt", metavar="SECONDS", help="Time from sample to sample.")
]
AllowMixed = Annotated[
    bool, typer.Option("--allow-mixed", help="Accept a set of files that differ in settings.")
]
Sparse = Annotated[
    bool, typer.Option("--sparse", help="Accept a file that declares far more than it stores.")
]
