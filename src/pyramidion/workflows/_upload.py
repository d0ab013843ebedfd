"""Send a dataset to an object store, show it there, and remove it here, each when it is asked for."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from pyramidion.core import DataError, PyramidionError, UsageError
from pyramidion.formats import is_recording
from pyramidion.storage import (
    RemotePath,
    bucket_of,
    connection,
    hidden_sibling,
    require_credentials,
    told_as,
)
from pyramidion.transfer import LocalTree, UploadReport, is_metadata, upload_tree
from pyramidion.workflows._publish import check_viewable, publish_viewer
from pyramidion.workflows._spool import spool_folder
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._upload_follow import follow
from pyramidion.workflows._upload_options import SendOptions, UploadResult
from pyramidion.workflows._upload_remove import remove_local
from pyramidion.workflows._upload_source import (
    ZARR_ROOTS,
    UploadSource,
    tree_of,
    upload_prefix,
    upload_source,
)

__all__ = [
    "check_free",
    "check_writable",
    "is_metadata",
    "is_there",
    "manifest_path",
    "tree_of",
    "upload",
]

_LONGEST_KEY = 1024


def upload(
    source: Path | UploadSource,
    destination: RemotePath,
    options: SendOptions | None = None,
    progress: Progress | None = None,
) -> UploadResult:
    """Send a dataset, or plain files, to an object store.

    Data go first, what makes it a dataset last; what is there already is not sent again.

    Parameters
    ----------
    source : Path or UploadSource
        A store, an ``.idx`` with its blocks, a folder or a file.
    destination : RemotePath
        Its URL; that of an ``.idx`` ends with its name. See :func:`destination_of` for what people
        write.
    options : SendOptions, optional
        How.
    progress : callable, optional
        Told the bytes that are safe in the store, and all.

    Raises
    ------
    PyramidionError
        If anything is wrong. What has arrived stays, unpublished, for the next run; here nothing
        was removed.
    """
    found = source if isinstance(source, UploadSource) else upload_source(source)
    options = options or SendOptions()
    entry = destination / found.entry if found.kind == "folder" and found.entry else destination
    if options.with_viewer:
        _check_viewable(found, entry)
    if options.dry_run:
        options = replace(options, with_viewer=False, delete_local=False)
    else:
        check_writable(destination, contact=False)
    if options.delete_local:
        options = replace(options, verify=True)
    notes = _check_finished(found, following=options.follow)
    sent, tree = _send(found, destination, options, progress)
    viewer = publish_viewer(entry) if options.with_viewer else None
    if options.delete_local:
        remove_local(tree, manifest_path(found.path))
    is_dataset = found.kind in ("store", "idx") or bool(found.entry)
    removed = options.delete_local
    return UploadResult(
        found.path, destination, entry, is_dataset, sent, viewer, removed, (*notes, *sent.notes)
    )


def manifest_path(path: Path) -> Path:
    """Return where is kept what was sent of a dataset: beside it, if that can be written."""
    beside = hidden_sibling(Path(os.path.abspath(path)), "manifest.jsonl")  # noqa: PTH100 - links stay
    if beside.exists() or os.access(beside.parent, os.W_OK):
        return beside
    name = hashlib.sha256(os.fsencode(beside)).hexdigest()[:32]
    return spool_folder() / "manifests" / f"{name}.jsonl"


def check_writable(destination: RemotePath, *, contact: bool = True) -> None:
    """Make sure that there are keys for a bucket, and that it is there.

    Parameters
    ----------
    destination : RemotePath
        Anything in it.
    contact : bool
        Ask the store; without, only for the keys.

    Raises
    ------
    UsageError
        If there are no keys.
    PyramidionError
        If the store cannot be reached, or the bucket is not there or not ours.
    """
    if destination.scheme != "memory":
        require_credentials(connection(destination.scheme, destination.bucket), destination.bucket)
    if contact:
        bucket = bucket_of(destination)
        bucket.children(destination.key or "")  # not all below: others may have odd keys there


def is_there(destination: RemotePath) -> bool:
    """Tell whether a dataset is in its store, complete: what makes it one is sent last."""
    if destination.suffix == ".idx":
        return destination.is_file()
    return any((destination / name).is_file() for name in ZARR_ROOTS)


def check_free(destination: RemotePath, *, overwrite: bool, manifest: Path | None = None) -> None:
    """Make sure that a dataset can be written to a store; before anything is done.

    Parameters
    ----------
    destination : RemotePath
        Its URL.
    overwrite : bool
        What is there is replaced.
    manifest : Path, optional
        What an interrupted run has sent; that may be there.

    Raises
    ------
    UsageError
        If there are no keys, or something is there.
    """
    check_writable(destination)
    if overwrite or not _is_taken(destination):
        return
    from pyramidion.transfer import read_manifest

    kept = read_manifest(manifest) if manifest is not None else None
    if kept is None or kept.destination != str(upload_prefix(destination)):
        raise UsageError(
            str(destination),
            "already exists",
            mend="use --overwrite or another name",
            id="PYR-ALL-06",
        )


def _check_viewable(found: UploadSource, entry: RemotePath) -> None:
    """Refuse what the viewer in a bucket cannot show, before anything is sent."""
    check_viewable(entry)
    if found.kind != "store":
        raise UsageError(
            str(found.path),
            "no Zarr store here",
            mend="name the store itself, or leave out --with-viewer",
            id="PYR-UPL-63",
        )


def _is_taken(destination: RemotePath) -> bool:
    """Tell whether there is anything; the empty objects of programs that show folders are nothing."""
    if destination.is_file():
        return True
    below = bucket_of(destination).objects(destination.key or "")
    return destination.is_dir() and any(found.size for found in below)


def _send(
    found: UploadSource, destination: RemotePath, options: SendOptions, progress: Progress | None
) -> tuple[UploadReport, LocalTree]:
    prefix, manifest = upload_prefix(destination, found), manifest_path(found.path)
    if not options.dry_run:
        with told_as(manifest):
            manifest.parent.mkdir(parents=True, exist_ok=True)

    def look() -> LocalTree:
        tree = tree_of(found, destination.name)
        _check_keys(tree, prefix)
        return tree

    try:
        if options.follow and is_recording(found.path):
            return follow(found.path, look, prefix, options, manifest, progress)
        tree = look()
        if not tree.files:
            raise DataError(str(found.path), "is empty", id="PYR-UPL-23")
        return upload_tree(tree, prefix, options, progress, manifest_path=manifest), tree
    except PyramidionError as error:
        if options.delete_local:
            error.good = f"{error.good}; " if error.good else ""
            error.good += f"the copy in {found.path} is kept"
        raise


def _check_keys(tree: LocalTree, prefix: RemotePath) -> None:
    """Refuse keys that no store takes, with all that is before them."""
    for file in tree.files:
        n_bytes = len(f"{prefix.key}/{file.key}".lstrip("/").encode())
        if n_bytes > _LONGEST_KEY:
            raise DataError(
                str(file.path), "key: too long", f"{n_bytes} bytes, at most {_LONGEST_KEY}",
                "choose a shorter KEY", id="PYR-UPL-14",
            )  # fmt: skip


def _check_finished(found: UploadSource, *, following: bool) -> tuple[str, ...]:
    """Refuse a recording that is being written, unless it is waited for; return what to say of it."""
    if found.kind == "idx":
        return _unread_by_clients(found.path)
    if found.kind != "store":
        return ()
    from pyramidion.formats._recording.stored import own_attributes, state_of

    own = own_attributes(found.path)
    state = state_of(found.path, own) if own is not None else "finished"
    if state == "recording" and not following:
        raise DataError(
            str(found.path), "still being acquired", mend="use --follow", id="PYR-UPL-10"
        )
    if state == "cut off":
        return (f"{found.path}: was cut off: `pyramidion repair` may find more frames",)
    return ()


def _unread_by_clients(path: Path) -> tuple[str, ...]:
    """Return why OpenVisus would read zeros from an IDX dataset in a bucket; empty if it does not."""
    from pyramidion.formats._idx.dataset import read_header
    from pyramidion.workflows._bucket.idx import layout_conditions
    from pyramidion.workflows._bucket.report import FAILS

    conditions = layout_conditions(read_header(path))
    return tuple(f"{path}: {c.found}: {c.mend}" for c in conditions if c.state == FAILS)
