"""``pyramidion import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o
from pyramidion.cli import _upload as u

if TYPE_CHECKING:
    from pyramidion.storage import RemotePath
    from pyramidion.workflows import ImportJob, ImportReport


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
        str,
        typer.Option(
            "--bucket",
            metavar="B",
            help="Upload there; without, $S3_BUCKET_NAME or that of .env.",
        ),
    ] = "",
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="P", help="Folder in the bucket for the stores.")
    ] = "",
    skip_upload: Annotated[bool, typer.Option("--skip-upload", help="Convert only.")] = False,
    keep_local: Annotated[
        bool,
        typer.Option(
            "--keep-local",
            help="Keep the stores here too. Else a store is removed here once it was read back "
            "from the bucket; never the file it was made from.",
        ),
    ] = False,
    jobs: Annotated[
        str, typer.Option("--jobs", metavar="N", help="Files at the same time; one per core.")
    ] = "",
    tasks: Annotated[
        str,
        typer.Option("--tasks", metavar="FIRST:STOP", help="Only these files, as in a job array."),
    ] = "",
    own_folders: Annotated[bool, typer.Option("--own-folders", hidden=True)] = False,
    compression: o.Compression = "",
    zarr_format: o.ZarrFormat = "3",
    workers: o.Workers = "",
    if_size_differ: u.IfSizeDiffer = False,
    verify: u.ReadBack = False,
    connections: u.Connections = u.DEFAULT_CONNECTIONS,
    bytes_in_flight: u.InFlight = u.DEFAULT_IN_FLIGHT,
    retry_time: u.RetryTime = u.DEFAULT_RETRY_TIME,
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    force: o.Force = False,
    dry_run: o.DryRun = False,
    json: o.Json = False,
) -> None:
    """Convert waveform files and upload them; one that fails does not stop the rest.

    Example: pyramidion import recordings/ --bucket lab --prefix 2026/may
    """
    from pyramidion.cli._parse import parse_compression, parse_workers, parse_zarr_format
    from pyramidion.cli._print import print_json, progress_bar
    from pyramidion.core import parse_count
    from pyramidion.workflows import ConvertOptions, parse_tasks, plan_import
    from pyramidion.workflows import run_import as run

    into = folder_in_bucket(bucket, prefix, skip_upload=skip_upload)
    store = Path("a.zarr")  # what every file becomes
    options = ConvertOptions(
        compression=parse_compression(compression, store),
        zarr_format=parse_zarr_format(zarr_format, store),
        workers=parse_workers(workers),
        overwrite=overwrite,
        resume=resume,
        force=force,
    )
    send = u.send_options(
        if_size_differ=if_size_differ, verify=verify, overwrite=overwrite, connections=connections,
        bytes_in_flight=bytes_in_flight, retry_time=retry_time,
    )  # fmt: skip
    n_at_once = parse_count(jobs, "--jobs") if jobs else 0
    folder = Path(output_dir) if output_dir else None
    planned = plan_import([Path(p) for p in inputs], folder, into, own_folders=own_folders)
    if tasks:
        chosen = parse_tasks(tasks, len(planned))
        planned = planned[chosen.start : chosen.stop]
    if dry_run:
        _print_plan(planned, json=json)
        return
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with progress_bar("importing", quiet=json) as progress:
        report = run(
            planned, options, progress, send=send, keep_local=keep_local, n_at_once=n_at_once
        )
    print_json(report.as_dict()) if json else _print(report)
    if report.stopped is not None:
        from pyramidion.cli._app import report as tell_error

        raise SystemExit(tell_error(report.stopped, "import", [], debug=False))
    if report.failed:
        raise SystemExit(1)


def folder_in_bucket(bucket: str, prefix: str, *, skip_upload: bool) -> RemotePath | None:
    """Return where the stores go in the bucket, which is there; None to convert only."""
    from pyramidion.core import UsageError
    from pyramidion.storage import RemotePath, place
    from pyramidion.workflows import check_writable, default_bucket

    if skip_upload:
        return None
    bucket = bucket or default_bucket()
    if not bucket:
        raise UsageError(
            "--bucket",
            "missing",
            mend="name the bucket, or use --skip-upload to convert only",
            id="PYR-UPL-31",
        )
    path = place(f"{bucket if '://' in bucket else f's3://{bucket}'}/{prefix}")
    if not isinstance(path, RemotePath) or path.scheme.startswith("http"):
        raise UsageError("--bucket", "not a bucket", bucket, "write its name", id="PYR-UPL-31")
    check_writable(path)  # before hours of converting
    return path


def _print_plan(planned: list[ImportJob], *, json: bool) -> None:
    from pyramidion.cli._print import print_json, shown

    if json:
        told = [{"source": str(job.source), "destination": str(job.destination)} for job in planned]
        urls = [{"url": str(job.url)} if job.url else {} for job in planned]
        print_json([job | url for job, url in zip(told, urls, strict=True)])
        return
    for job in planned:
        url = f" -> {shown(job.url)}" if job.url else ""
        print(f"{shown(job.source)} -> {shown(job.destination)}{url}")


def _print(report: ImportReport) -> None:
    from pyramidion.cli._convert import print_report
    from pyramidion.cli._print import LONGEST_LINE, shown, tell, warn
    from pyramidion.core import escape

    for file in report.files:
        if file.converted:
            warn("import", file.converted.spec.warnings)
            if not file.removed:
                print_report(file.converted)
        if file.kept:
            print(f"{shown(file.where)}: already there, kept (--overwrite replaces it)")
        if file.uploaded:
            u.print_upload(file.uploaded)
    for _, error in report.failed[:8]:
        tell(f"pyramidion import: error: {escape(error.line, LONGEST_LINE)}")
    counts = [(len(report.converted), "converted"), (len(report.kept), "kept")]
    if report.uploaded:
        counts.append((len(report.uploaded), "uploaded"))
    counts.append((len(report.failed), "failed"))
    print(", ".join(f"{n} {what}" for n, what in counts))
