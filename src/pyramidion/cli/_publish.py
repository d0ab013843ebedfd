"""``pyramidion publish``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.storage import RemotePath
    from pyramidion.workflows import PublishReport


def publish(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="s3://BUCKET/KEY, or a local one, which is uploaded first."
        ),
    ],
    destination: Annotated[
        str, typer.Argument(metavar="URL", help="Where a local one is uploaded to.")
    ] = "",
    viewer_at: Annotated[
        str,
        typer.Option("--viewer-at", metavar="URL", help="Folder of the page; by default beside."),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Ask whether the page can show it.")
    ] = True,
    json: o.Json = False,
) -> None:
    """Put the viewer beside a dataset in a bucket, and print the link that shows it.

    Example: pyramidion publish s3://lab/scope.zarr
    """
    from pyramidion.cli._print import print_json
    from pyramidion.workflows import publish_viewer

    folder = _in_bucket(viewer_at) if viewer_at else None
    dataset = _uploaded(source, destination, quiet=json) if destination else _in_bucket(source)
    report = publish_viewer(dataset, viewer_at=folder, check=check)
    if json:
        print_json(report.as_dict())
    else:
        print_published(report, dataset)


def print_published(report: PublishReport, dataset: RemotePath) -> None:
    """Print where a dataset is shown now, and what keeps it from being shown."""
    from pyramidion.cli._check import print_rules
    from pyramidion.cli._print import shown, warn
    from pyramidion.core import format_bytes

    sent = f"the viewer, {format_bytes(report.bytes_sent)} sent"
    print(f"{shown(report.viewer)}: {sent if report.sent else 'the viewer is there already'}")
    for link in report.links[:1]:
        print(f"shown at {link}")
    for link in report.links[1:]:
        print(f"      or {link}")
    checked = report.checked
    if checked is None or not checked.rules | {one.name for one in checked.failed}:
        return
    told = [*checked.failed, *checked.advised]
    warn("publish", [f"{one.name}: {one.found}: {one.mend}" for one in told])
    print_rules(checked, dataset)


def _uploaded(source: str, destination: str, *, quiet: bool) -> RemotePath:
    """Upload a local dataset; return what is to be shown."""
    from pyramidion.cli._print import progress_bar
    from pyramidion.cli._upload import print_upload
    from pyramidion.workflows import check_viewable, destination_of, upload, upload_source

    found = upload_source(source)
    into = destination_of(found, destination)
    check_viewable(into if into.suffix == ".idx" else into / found.entry)
    with progress_bar("uploading", quiet=quiet) as progress:
        result = upload(found, into, progress=progress)
    if not quiet:
        print_upload(result)
    return result.entry


def _in_bucket(text: str) -> RemotePath:
    from pyramidion.core import UsageError
    from pyramidion.storage import RemotePath, place

    where = place(text)
    if not isinstance(where, RemotePath):
        raise UsageError(
            text, "not in a bucket", mend="say where to: s3://BUCKET/KEY", id="PYR-UPL-16"
        )
    return where
