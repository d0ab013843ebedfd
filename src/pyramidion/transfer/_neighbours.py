"""Which of the objects below a prefix are other datasets', and whether a place may be replaced."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from pathlib import PurePosixPath

from pyramidion.transfer._claim import Holder
from pyramidion.transfer._stored_manifest import MANIFEST_NAME
from pyramidion.transfer._tree import is_metadata


def nested_places(keys: Iterable[str], own_manifest: str) -> list[str]:
    """Return what other datasets, which have manifests of their own, occupy: keys and folders.

    Parameters
    ----------
    keys : iterable of str
        Of all objects.
    own_manifest : str
        Key of the manifest that is not meant.

    Examples
    --------
    >>> nested_places(["a/.manifest.json", "b/.v.idx.manifest.json"], ".manifest.json")
    ['a', 'b/.v.idx.manifest.json', 'b/v.idx', 'b/v']
    """
    places: list[str] = []
    for key in keys:
        if not key.endswith(MANIFEST_NAME) or key == own_manifest:
            continue
        folder, _, name = key.rpartition("/")
        if name == MANIFEST_NAME:
            places.append(folder)
        elif name.startswith("."):
            entry = PurePosixPath(folder, name[1:].removesuffix(MANIFEST_NAME))
            blocks = [str(entry.with_suffix(""))] if entry.suffix == ".idx" else []
            places += [key, str(entry), *blocks]
    return places


def is_within(key: str, places: Iterable[str]) -> bool:
    """Tell whether a key is one of these, or below one."""
    return any(key == place or key.startswith(f"{place}/") for place in places)


def not_replaceable(
    keys: Collection[str], names: tuple[str, ...], expected: Container[str], holder: Holder | None
) -> str | None:
    """Return what is at a place that makes it more, or other, than one dataset; None if it is one.

    Only a dataset is replaced: its root documents are there, or the manifest of one that was sent to
    exactly this place; and no other dataset lies within it.

    Parameters
    ----------
    keys : collection of str
        Of the objects there, without the manifest of the place.
    names : tuple of str
        See :class:`LocalTree`.
    expected : container of str
        Keys of the dataset that is to be put there.
    holder : Holder, optional
        Whose manifest is there.
    """
    places = nested_places(keys, "")
    if places:
        return places[0]
    roots = _root_documents(keys)
    if names:
        others = [key for key in roots if key != names[0]]
        is_dataset = names[0] in keys
    else:
        single = len(roots) == 1 and roots[0].endswith(".idx")
        others = [key for key in roots if "/" in key or (key.endswith(".idx") and not single)]
        is_dataset = bool(roots)
    if holder is not None and (holder.replaces or not holder.complete):
        # What was sent first of a store are its inner documents: no stores of their own.
        others = [key for key in others if ".zarr/" in key or key.endswith(".idx")]
    others = [key for key in others if key not in expected]
    if others:
        return others[0]
    return None if is_dataset or holder is not None else min(keys, default=None)


def _root_documents(keys: Iterable[str]) -> list[str]:
    """Return the documents that have none above them: each is, or is of, a dataset; sorted."""
    documents = sorted(key for key in keys if is_metadata(key))
    folders = {key.rpartition("/")[0] for key in documents if not key.endswith(".idx")}
    return [
        key
        for key in documents
        if key.endswith(".idx") or not any(above in folders for above in _above(key))
    ]


def _above(key: str) -> list[str]:
    """Return the folders that the folder of a key lies in."""
    parts = key.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(len(parts))]
