"""The list of a dataset's objects that lies with it in the store."""

from __future__ import annotations

from pyramidion.storage import RemotePath, bucket_of
from pyramidion.transfer._manifest import StoredManifest, parse_document

MANIFEST_NAME = ".manifest.json"
_LARGEST_MANIFEST = 2**31


def manifest_key(names: tuple[str, ...] = ()) -> str:
    """Return the key of a dataset's manifest below its destination.

    Parameters
    ----------
    names : tuple of str
        What of the destination belongs to the dataset, its entry first; empty if all does.

    Examples
    --------
    >>> manifest_key(), manifest_key(("visus.idx", "visus"))
    ('.manifest.json', '.visus.idx.manifest.json')
    """
    return f".{names[0]}{MANIFEST_NAME}" if names else MANIFEST_NAME


def read_stored_manifest(path: RemotePath) -> StoredManifest | None:
    """Read the manifest that lies in the store with a dataset.

    Parameters
    ----------
    path : RemotePath
        The folder of the dataset, or what is opened in it (``visus.idx``).

    Returns
    -------
    StoredManifest or None
        None if it was not put there by us.

    Raises
    ------
    PyramidionError
        If the store cannot be read.
    """
    bucket, folder = bucket_of(path), path.key.rpartition("/")[0]
    own = f"{path.key}/{MANIFEST_NAME}" if path.key else MANIFEST_NAME
    beside = manifest_key((path.name,)) if path.key else own
    for key in dict.fromkeys((own, f"{folder}/{beside}" if folder else beside)):
        try:
            return parse_document(bucket.get(key, _LARGEST_MANIFEST), bucket.url(key))
        except FileNotFoundError:
            continue
    return None
