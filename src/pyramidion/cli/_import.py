"""``pyramidion import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.workflows import ImportReport


def import_(
    inputs: Annotated[
        list[str], typer.Argument(metavar="DIR|FILE...", help="Waveform files, or folders of them.")
    ],
    output_dir: Annotated[
        str,
        typer.Option(
            "--output-dir", "-o", metavar="DIR", help="Where the stores go; else beside the files."
        ),
    ] = "",
    bucket: Annotated[
        str, typer.Option("--bucket", metavar="B", help="Upload there (not yet).")
    ] = "",
    skip_upload: Annotated[bool, typer.Option("--skip-upload", help="Convert only.")] = False,
    compression: o.Compression = "",
    zarr_format: o.ZarrFormat = "3",
    workers: o.Workers = "",
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    force: o.Force = False,
    dry_run: o.DryRun = False,
    json: o.Json = False,
) -> None:
    """Convert a folder of waveform files; one that fails does not stop the rest.

    Uploading to a bucket is not there yet: say --skip-upload.

    Example: pyramidion import recordings/ --skip-upload
    """
    from pyramidion.cli._parse import parse_compression, parse_workers, parse_zarr_format
    from pyramidion.cli._print import print_json, progress_bar, shown
    from pyramidion.core import UsageError
    from pyramidion.workflows import ConvertOptions, plan_import, run_import

    if not skip_upload:
        raise UsageError(
            "--bucket",
            "uploading is not possible yet",
            bucket or None,
            "use --skip-upload to convert only",
            id="PYR-UPL-01",
        )
    store = Path("a.zarr")  # what every file becomes
    options = ConvertOptions(
        compression=parse_compression(compression, store),
        zarr_format=parse_zarr_format(zarr_format, store),
        workers=parse_workers(workers),
        overwrite=overwrite,
        resume=resume,
        force=force,
    )
    folder = Path(output_dir) if output_dir else None
    jobs = plan_import([Path(path) for path in inputs], folder)
    if dry_run:
        planned = [{"source": str(j.source), "destination": str(j.destination)} for j in jobs]
        if json:
            print_json(planned)
        for job in () if json else planned:
            print(f"{shown(job['source'])} -> {shown(job['destination'])}")
        return
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with progress_bar("importing", quiet=json) as progress:
        report = run_import(jobs, options, progress)
    print_json(report.as_dict()) if json else _print(report)
    if report.stopped is not None:
        from pyramidion.cli._app import report as tell_error

        raise SystemExit(tell_error(report.stopped, "import", [], debug=False))
    if report.failed:
        raise SystemExit(1)


def _print(report: ImportReport) -> None:
    from pyramidion.cli._convert import print_report
    from pyramidion.cli._print import LONGEST_LINE, shown, tell, warn
    from pyramidion.core import escape

    for converted in report.converted:
        warn("import", converted.spec.warnings)
        print_report(converted)
    for path in report.kept:
        print(f"{shown(path)}: already there, kept (--overwrite replaces it)")
    for _, error in report.failed[:8]:
        tell(f"pyramidion import: error: {escape(error.line, LONGEST_LINE)}")
    n_converted, n_failed = len(report.converted), len(report.failed)
    print(f"{n_converted} converted, {len(report.kept)} kept, {n_failed} failed")
