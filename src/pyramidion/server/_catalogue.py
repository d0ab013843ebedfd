"""The datasets beneath the served folders, found when somebody asks.

A dataset is a Zarr group whose attributes say that it is a waveform: one of ours, or an older one
of version 2 that has at least its interval or gains. Only metadata are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyramidion.server._paths import is_served

MAX_DATASETS = 1000
_MAX_DEPTH = 6
_MAX_ENTRIES = 50_000
_MAX_JSON_BYTES = 16 * 2**20
_WAVEFORM_ATTRIBUTES = ("horiz_interval", "vertical_gains")
_N_AXES = 4


@dataclass(frozen=True)
class Dataset:
    """One dataset in the catalogue.

    Parameters
    ----------
    name : str
        Its path beneath the served folders, as text.
    kind : str
        ``waveform``.
    shape : tuple of int
        (channels, trcs, segments, samples).
    dtype : str
        As Zarr names it (``int16``), or as numpy writes it for version 2 (``<i2``).
    interval_s : float or None
        Distance of two samples.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    interval_s: float | None = None

    @property
    def url(self) -> str:
        """Path of its URL."""
        return "/" + quote(self.name)

    @property
    def viewer_url(self) -> str:
        """Path of the viewer, opened with it."""
        return viewer_url(self.url)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of ``/api/datasets``."""
        return {
            "name": self.name,
            "kind": self.kind,
            "url": self.url,
            "shape": list(self.shape),
            "dtype": self.dtype,
        }


def viewer_url(url: str) -> str:
    """Return the path of the viewer, opened with the store at `url`.

    Examples
    --------
    >>> viewer_url("/a%20b.zarr")
    '/viewer/?data=/a%2520b.zarr'
    """
    return "/viewer/?data=" + quote(url, safe="/:")


def find_datasets(mounts: Mapping[str, str]) -> list[Dataset]:
    """Look for datasets.

    Parameters
    ----------
    mounts : mapping
        Name in the URL -> folder.

    Returns
    -------
    list of Dataset
        In order of name. The search ends after 1 000 datasets or 50 000 names, so that a folder
        with millions of files does not hold up the page.
    """
    found: dict[str, Dataset] = {}
    for name, root in mounts.items():
        for dataset in _search(Path(root), name):
            found.setdefault(dataset.name, dataset)
            if len(found) >= MAX_DATASETS:
                break
    return [found[name] for name in sorted(found)]


def read_dataset(folder: Path, name: str) -> Dataset | None:
    """Return the dataset in a folder; None if it holds none.

    Parameters
    ----------
    folder : Path
        Where to look.
    name : str
        Path in the URL, for the entry.
    """
    try:
        attributes, raw = _read_v3(folder) or _read_v2(folder) or ({}, {})
    except (OSError, ValueError, TypeError, AttributeError):
        return None  # unreadable or foreign metadata: not a dataset of ours
    shape = raw.get("shape")
    if not _is_waveform(attributes) or not isinstance(shape, list) or len(shape) != _N_AXES:
        return None
    if not all(isinstance(n, int) and 0 <= n < 2**63 for n in shape):
        return None
    interval = attributes.get("horiz_interval")
    return Dataset(
        name,
        "waveform",
        tuple(shape),
        str(raw.get("data_type", raw.get("dtype", ""))),
        float(interval) if isinstance(interval, int | float) else None,
    )


def _search(root: Path, name: str) -> Iterator[Dataset]:
    """Search breadth first, so that what lies near the top is found however much there is."""
    queue = [(root, name, 0)]
    n_entries = 0
    for folder, path, depth in queue:  # grows while it is walked
        dataset = read_dataset(folder, path) if path else None
        if dataset is not None:
            yield dataset
            continue
        if depth == _MAX_DEPTH or _is_array(folder):
            continue
        for inner in _folders(folder):
            n_entries += 1
            if n_entries > _MAX_ENTRIES:
                return
            queue.append((folder / inner, f"{path}/{inner}" if path else inner, depth + 1))


def _folders(folder: Path) -> list[str]:
    """Return the folders in a folder; links are not followed, or the walk might never end."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if is_served(entry.name) and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _is_array(folder: Path) -> bool:
    return (folder / ".zarray").exists() or (folder / "c").is_dir()


def _is_waveform(attributes: Mapping[str, Any]) -> bool:
    ours = attributes.get("pyramidion")
    if isinstance(ours, dict):
        return bool(ours.get("kind") == "waveform")
    return any(name in attributes for name in _WAVEFORM_ATTRIBUTES)


def _read_v3(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    group = _read_json(folder / "zarr.json")
    if group.get("node_type") != "group":
        return None
    consolidated = (group.get("consolidated_metadata") or {}).get("metadata", {})
    raw = consolidated.get("raw") or _read_json(folder / "raw" / "zarr.json")
    return group.get("attributes", {}), raw


def _read_v2(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if not _read_json(folder / ".zgroup"):
        return None
    return _read_json(folder / ".zattrs"), _read_json(folder / "raw" / ".zarray")


def _read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file; empty if there is none."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_JSON_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    parsed = json.loads(text) if len(text) <= _MAX_JSON_BYTES else {}
    return parsed if isinstance(parsed, dict) else {}
