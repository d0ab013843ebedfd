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
        help="blosc-lz4 (default), blosc-zstd, zstd, gzip or none; for .idx zip (default), lz4, raw.",
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
As = Annotated[
    str, typer.Option("--as", metavar="KIND", help="waveform or image, where a file may be either.")
]
Field = Annotated[
    str, typer.Option("--field", metavar="NAME", help="Which field of a dataset with several.")
]
Series = Annotated[
    str, typer.Option("--series", metavar="N", help="Which picture of a file with several.")
]
Voxel = Annotated[
    str,
    typer.Option(
        "--voxel",
        metavar='"Z Y X"',
        help="Voxel size in micrometres, or with a unit: 2 0.5 0.5 nm; one number for all axes.",
    ),
]
Level = Annotated[
    str, typer.Option("--level", metavar="K", help="Read this level; 0 is full resolution.")
]
EndResolution = Annotated[
    str, typer.Option("--toh", metavar="H", help="IDX: read at this end resolution.")
]
Time = Annotated[
    str, typer.Option("--time", metavar="STEPS", help="Time steps: 3, 0:4 (both included), 0,5,10.")
]
Clip = Annotated[bool, typer.Option("--clip", help="Cut a box that is partly outside.")]
Arco = Annotated[
    str | None,
    typer.Option(
        "--arco",
        metavar="SIZE|modvisus",
        help="Most bytes of an IDX block (1mb), each in a file; or several blocks a file.",
    ),
]
Stat = Annotated[
    str,
    typer.Option(
        "--stat",
        metavar="NAME",
        help="What coarser levels hold: mean (default), min, max, nearest, mode (labels).",
    ),
]
Crop = Annotated[bool, typer.Option("--crop", help="Cut all slices to the smallest.")]
Pad = Annotated[bool, typer.Option("--pad", help="Fill up all slices to the largest, with zeros.")]
Strict = Annotated[bool, typer.Option("--strict", help="Missing numbers in a stack are an error.")]
MaxPixels = Annotated[
    str, typer.Option("--max-pixels", metavar="N", help="Most pixels of one picture; 2^31.")
]
FillDamaged = Annotated[
    bool,
    typer.Option("--fill-damaged", help="Blocks that do not decode become the default value."),
]
ValueRange = Annotated[
    str,
    typer.Option("--range", metavar='"LO HI"', help="Values that become 0 and 255 in a picture."),
]
Processes = Annotated[
    bool, typer.Option("--processes", help="Workers are processes instead of threads.")
]
Dask = Annotated[
    str,
    typer.Option("--dask", metavar="tcp://HOST:PORT", help="Let the workers of a cluster do it."),
]
Tasks = Annotated[
    str,
    typer.Option(
        "--tasks",
        metavar="FIRST:STOP",
        help="Do only these tasks, as in a job array; --resume does the rest and publishes.",
    ),
]
