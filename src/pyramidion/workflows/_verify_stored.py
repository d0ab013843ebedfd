"""What lies in a store, compared with the manifest that was put beside it."""

from __future__ import annotations

from pyramidion.storage import Found, RemotePath, bucket_of
from pyramidion.transfer import (
    Entry,
    StoredManifest,
    is_leftover,
    read_stored_manifest,
    verify_tree,
)
from pyramidion.transfer import VerifyReport as ReadBack
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._verify_report import VerifyReport


def verify_files(dataset: RemotePath, progress: Progress | None = None) -> VerifyReport | None:
    """Read every object of what was uploaded, and compare its checksum.

    Parameters
    ----------
    dataset : RemotePath
        A folder or a file; it need not be a dataset.
    progress : callable, optional
        Told the bytes read, and in all.

    Returns
    -------
    VerifyReport or None
        None if there is no manifest: nobody knows what should be there.
    """
    manifest = _manifest_of(dataset)
    if manifest is None:
        return None
    entries = list(manifest.entries.values())
    found = verify_tree(_prefix(dataset), entries, progress=progress)
    report = VerifyReport(dataset, kind="files", samples=found.objects, checksums=True)
    report.faults += _faults(dataset, found)
    report.notes += _strangers(dataset, manifest, _listed(dataset, manifest))
    return report


def compare_listing(dataset: RemotePath) -> tuple[list[str], list[str]]:
    """Compare what a store lists of a dataset with its manifest; reads only what looks different.

    Returns
    -------
    faults, notes : list of str
        Objects that are missing or others than were sent; and objects that are no part of it.
    """
    manifest = _manifest_of(dataset)
    if manifest is None:
        return [], []
    there = _listed(dataset, manifest)
    entries = manifest.entries.values()
    doubtful = [entry for entry in entries if not _is_same(there.get(entry.key), entry)]
    return _faults(dataset, verify_tree(_prefix(dataset), doubtful)), _strangers(
        dataset, manifest, there
    )


def _faults(dataset: RemotePath, found: ReadBack) -> list[str]:
    return [
        *(f"{_prefix(dataset)}/{key}: missing" for key in found.missing),
        *(f"{_prefix(dataset)}/{key}: is not what was sent" for key in found.differs),
    ]


def _manifest_of(dataset: RemotePath) -> StoredManifest | None:
    manifest = None if dataset.scheme.startswith("http") else read_stored_manifest(dataset)
    return manifest if manifest is not None and manifest.complete else None


def _is_same(found: Found | None, entry: Entry) -> bool:
    """Tell whether an object is what was sent; a store may call the same content otherwise later."""
    return found is not None and (found.size, found.etag) == (entry.size, entry.etag)


def _prefix(dataset: RemotePath) -> RemotePath:
    """Return what the keys of the manifest are relative to: a single file lies in its folder."""
    prefix = dataset.parent if dataset.is_file() else dataset
    assert isinstance(prefix, RemotePath)
    return prefix


def _listed(dataset: RemotePath, manifest: StoredManifest) -> dict[str, Found]:
    prefix = _prefix(dataset)
    if prefix == dataset:
        folders = [dataset.key]
    else:  # its neighbours are not ours
        names = {key.partition("/")[0] for key in manifest.entries}
        folders = [(prefix / name).key for name in sorted(names)]
    begin = f"{prefix.key}/" if prefix.key else ""
    found: dict[str, Found] = {}
    for folder in folders:
        alone = bucket_of(dataset).head(folder) if folder else None
        for each in [*filter(None, [alone]), *bucket_of(dataset).objects(folder)]:
            found[each.key.removeprefix(begin)] = each
    return found


def _strangers(dataset: RemotePath, manifest: StoredManifest, there: dict[str, Found]) -> list[str]:
    others = [
        key
        for key in there
        if key not in manifest.entries and not is_leftover(key.rpartition("/")[2])
    ]
    if not others:
        return []
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return [f"not part of it: {dataset}/{min(others)}{more}"]
