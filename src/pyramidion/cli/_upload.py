"""``pyramidion upload``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.transfer import UploadReport
    from pyramidion.workflows import SendOptions, UploadResult

DEFAULT_CONNECTIONS = "16"
DEFAULT_IN_FLIGHT = "128MiB"
DEFAULT_RETRY_TIME = "5m"

IfSizeDiffer = Annotated[
    bool,
    typer.Option(
        "--if-size-differ", help="Take files of the same size for the same: no checksums."
    ),
]
ReadBack = Annotated[bool, typer.Option("--verify", help="Read every object back and compare.")]
Connections = Annotated[
    str, typer.Option("--connections", metavar="N", help="Requests at the same time.")
]
InFlight = Annotated[
    str, typer.Option("--bytes-in-flight", metavar="SIZE", help="Most memory for what is sent.")
]
RetryTime = Annotated[
    str,
    typer.Option(
        "--retry-time", metavar="TIME", help="Give up when nothing arrives for so long: 90s, 5m."
    ),
]


def upload(
    source: Annotated[
        str,
        typer.Argument(metavar="SRC", help="A store, an .idx with its blocks, a folder, a file."),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="s3://BUCKET/KEY",
            help="Its address there; with / at the end, the folder for it.",
        ),
    ],
    if_size_differ: IfSizeDiffer = False,
    verify: ReadBack = False,
    delete: Annotated[
        bool,
        typer.Option("--delete", help="Remove objects there that are not in the dataset any more."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another dataset that is there.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Send what is complete of a running recording, to its end."),
    ] = False,
    with_viewer: Annotated[
        bool,
        typer.Option("--with-viewer", help="Put the viewer beside it: a link needs no server."),
    ] = False,
    with_keys: Annotated[
        bool,
        typer.Option("--with-keys", help="IDX: print the datasets.config entry with the keys."),
    ] = False,
    delete_local: Annotated[
        bool,
        typer.Option("--delete-local", help="Remove the local copy once all was read back."),
    ] = False,
    connections: Connections = DEFAULT_CONNECTIONS,
    bytes_in_flight: InFlight = DEFAULT_IN_FLIGHT,
    retry_time: RetryTime = DEFAULT_RETRY_TIME,
    dry_run: o.DryRun = False,
    json: o.Json = False,
) -> None:
    """Send a dataset to an object store: data first, what makes it visible last.

    Whatever stops it, the same line goes on: what has arrived is not sent again. Objects are
    compared by checksum. gs:// and az:// are taken too.

    Example: pyramidion upload scope.zarr s3://lab/scope.zarr --profile lab
    """
    from pyramidion.cli._print import print_json, progress_bar
    from pyramidion.core import UsageError
    from pyramidion.workflows import destination_of, upload_source
    from pyramidion.workflows import upload as run

    options = send_options(
        if_size_differ=if_size_differ, verify=verify, delete=delete, overwrite=overwrite,
        follow=follow, with_viewer=with_viewer, delete_local=delete_local, dry_run=dry_run,
        connections=connections, bytes_in_flight=bytes_in_flight, retry_time=retry_time,
    )  # fmt: skip
    found = upload_source(source)
    into = destination_of(found, destination)
    if with_keys and into.suffix != ".idx" and not found.entry.endswith(".idx"):
        raise UsageError("--with-keys", "is for IDX only", source, "leave it out", id="PYR-ALL-13")
    with progress_bar("uploading", quiet=json) as progress:
        result = run(found, into, options, progress)
    entry = dataset_entry(result, with_keys=with_keys)
    if json:
        print_json({**result.as_dict(), "datasets_config": entry or None})
    else:
        print_upload(result, entry)


def send_options(
    *, connections: str, bytes_in_flight: str, retry_time: str, if_size_differ: bool, **flags: Any
) -> SendOptions:
    """Return how to send, from the text of the options."""
    from pyramidion.core import UsageError, parse_count, parse_size
    from pyramidion.workflows import SendOptions

    n_connections = parse_count(connections, "--connections")
    if not 1 <= n_connections <= 1024:
        raise UsageError("--connections", "must be 1 to 1024", connections, id="PYR-ALL-13")
    return SendOptions(
        n_connections=n_connections,
        bytes_in_flight=parse_size(bytes_in_flight, "--bytes-in-flight"),
        retry_time_s=_seconds(retry_time, "--retry-time"),
        size_only=if_size_differ,
        **flags,
    )


def _seconds(text: str, option: str) -> float:
    from pyramidion.core import UsageError
    from pyramidion.workflows._config_values import WrongValueError, seconds

    try:
        return seconds(float(text) if text.replace(".", "", 1).isdigit() else text)
    except WrongValueError as error:
        raise UsageError(option, error.what, text, error.mend, id="PYR-ALL-13") from None


def dataset_entry(result: UploadResult, *, with_keys: bool = False) -> str:
    """Return the entry of OpenVisus' configuration; empty for what is no IDX, or has no address.

    Raises
    ------
    UsageError
        If keys are asked for and are not known here.
    """
    from urllib.parse import urlencode
    from xml.sax.saxutils import quoteattr

    from pyramidion.core import UsageError
    from pyramidion.workflows import upload_keys, web_addresses

    entry = result.entry
    address = next(iter(web_addresses(entry)), "") if entry.suffix == ".idx" else ""
    if not address:
        return ""
    if with_keys:
        keys = upload_keys(entry)
        if not keys:
            raise UsageError(
                "--with-keys", "no keys are known for it", entry, "leave it out", id="PYR-UPL-32"
            )
        address += "?" + urlencode(keys)
    stem = entry.stem
    name = entry.parent.name if stem == "visus" and entry.parent.key else stem
    return f"<dataset name={quoteattr(name)} url={quoteattr(address)} />"


def print_upload(result: UploadResult, entry: str = "") -> None:
    """Print what was sent and how to look at it."""
    from pyramidion.cli._print import shown, warn
    from pyramidion.cli._publish import print_published

    warn("upload", list(result.notes))
    print(f"{shown(result.destination)}: {_figures(result.sent)}")
    if result.sent.dry_run:
        return
    if result.removed:
        print(f"{shown(result.source)}: removed here, all of it was read back from there")
    if result.is_dataset:
        print(f"look at it: pyramidion view {shown(result.entry)}")
    if result.viewer is not None:
        print_published(result.viewer, result.entry)
    if entry:
        print(f"in datasets.config: {entry}")


def _figures(sent: UploadReport) -> str:
    """Return what an upload did, in one line."""
    from pyramidion.cli._print import counted
    from pyramidion.core import format_bytes

    parts = [f"{counted(sent.sent, 'objects')}, {format_bytes(sent.bytes_sent)}"]
    if sent.dry_run:
        parts[0] += " to send, nothing sent yet"
    elif sent.sent:
        rate = format_bytes(sent.bytes_sent / max(sent.seconds, 1e-3))
        parts[0] += f" in {sent.seconds:.1f} s ({rate}/s)"
    told = [
        (sent.unchanged, "unchanged"),
        (sent.deleted, "to delete" if sent.dry_run else "deleted"),
        (sent.verified, "read back and equal"),
    ]
    parts += [f"{n} {words}" for n, words in told if n]
    if sent.retries:
        parts.append(f"{counted(sent.retries, 'requests')} repeated")
    if sent.damaged:
        parts.append(f"{sent.damaged} of them had arrived damaged")
    return ", ".join(parts)
