"""ZoomingOnline's four scripts: same flags, same files.

Where a script replaced an existing output without a question, its translation replaces a dataset of
the same kind, says so in a line, and refuses anything else. The stores are Zarr v2, which the old
viewer opens; ``--zarr-format 3`` writes ours, with every level of zoom. Where its text and its behaviour
disagree, both forms are accepted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyramidion.cli.compat.replacing import replaces

_Output = Annotated[str, typer.Option("--output", "-o", metavar="PATH")]


def generate_data(
    output: _Output = "output.zarr",
    samples: Annotated[str, typer.Option("--samples")] = "100_000_000",
    channels: Annotated[str, typer.Option("--channels")] = "2",
    trcs: Annotated[str, typer.Option("--trcs")] = "1",
    segments: Annotated[str, typer.Option("--segments")] = "3",
    signal: Annotated[str, typer.Option("--signal")] = "sine",
    minimal: Annotated[bool, typer.Option("--minimal")] = False,
    zarr_format: Annotated[str, typer.Option("--zarr-format")] = "2",
) -> None:
    """Write simulated waveforms (today: pyramidion generate)."""
    from pyramidion.cli._generate import generate

    generate(
        out="",
        output=output,
        samples=samples,
        channels=channels,
        trcs=trcs,
        segments=segments,
        signal=signal,
        minimal=minimal,
        zarr_format=_zarr_format_of(output, zarr_format),
        overwrite=replaces("generate_data", Path(output)),
    )


def convert_hdf5_to_zarr(
    source: Annotated[str, typer.Option("--input", "-i", metavar="FILE")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="STORE")] = "",
    output_dir: Annotated[str, typer.Option("--output-dir", metavar="DIR")] = "",
    zarr_format: Annotated[str, typer.Option("--zarr-format")] = "2",
) -> None:
    """Convert an HDF5 waveform file (today: pyramidion convert).

    -o names a store, or with --output-dir a folder for it; a -o that is an existing folder and no
    store is taken as that folder, as the script's program had it.
    """
    from pyramidion.cli._convert import convert
    from pyramidion.core import UsageError

    if bool(output) == bool(output_dir):
        raise UsageError(
            "--output",
            "missing" if not output else "given twice",
            mend="name a store",
            id="PYR-ALL-02",
        )
    store = Path(output)
    is_folder = bool(output_dir) or (store.is_dir() and store.suffix != ".zarr")
    if is_folder:
        folder = Path(output_dir or output)
        store = folder / f"{Path(source).stem}.zarr"
    convert(
        source,
        str(store),
        zarr_format=_zarr_format_of(store, zarr_format),
        parents=is_folder,
        overwrite=replaces("convert_hdf5_to_zarr", store),
    )


def data_to_s3_importer(
    inputs: Annotated[list[str] | None, typer.Argument(metavar="DIR|FILE...")] = None,
    source: Annotated[str, typer.Option("--input", "-i", metavar="FILE")] = "",
    output_dir: Annotated[str, typer.Option("--output-dir", "-o", metavar="DIR")] = "",
    bucket: Annotated[str, typer.Option("--bucket", metavar="B")] = "",
    skip_upload: Annotated[bool, typer.Option("--skip-upload")] = False,
    keep_local: Annotated[bool, typer.Option("--keep-local")] = False,
    mc_alias: Annotated[str, typer.Option("--mc-alias", metavar="NAME")] = "",
    zarr_format: Annotated[str, typer.Option("--zarr-format")] = "2",
) -> None:
    """Convert a folder of waveform files and upload them (today: pyramidion import).

    The store of FILE goes to s3://B/STEM/STEM.zarr, and is then removed here unless --keep-local
    is said.
    """
    from pyramidion.cli._import import folder_in_bucket, import_
    from pyramidion.cli._print import tell
    from pyramidion.core import UsageError
    from pyramidion.workflows import plan_import

    paths = [*(inputs or []), *filter(None, [source])]
    if not paths:
        raise UsageError("DIR", "missing", mend="name a folder or a file", id="PYR-ALL-02")
    if mc_alias:
        tell(
            "pyramidion data_to_s3_importer: --mc-alias has no effect: address and keys come from "
            "--endpoint-url, --profile, the environment or .env"
        )
    into = folder_in_bucket(bucket, "", skip_upload=skip_upload)
    folder = Path(output_dir) if output_dir else None
    jobs = plan_import([Path(path) for path in paths], folder, into, own_folders=True)
    stores = [store for job in jobs for store in (job.destination, job.url) if store is not None]
    replaced = [replaces("data_to_s3_importer", store) for store in stores]
    import_(
        paths,
        output_dir=output_dir,
        bucket=bucket,
        skip_upload=skip_upload,
        keep_local=keep_local,
        own_folders=True,
        zarr_format=zarr_format,
        overwrite=any(replaced),
    )


def cors_server(
    port: Annotated[str, typer.Option("--port", "-p", metavar="N")] = "8000",
) -> None:
    """Serve the current folder to pages of every origin (today: pyramidion serve . --cors '*')."""
    from pyramidion.cli._serve import serve

    serve(["."], port=port, cors=["*"], listing=True)


def _zarr_format_of(output: str | Path, asked: str) -> str:
    """Return the Zarr format to ask for: the default of these scripts means nothing to a file."""
    return "3" if asked == "2" and Path(output).suffix.lower() != ".zarr" else asked
