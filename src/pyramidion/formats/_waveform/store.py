"""Opening a waveform store: ours (Zarr v3) or ZoomingOnline's (Zarr v2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    Box,
    Closing,
    DataError,
    IncompleteError,
    MissingError,
    WaveformSpec,
    escape,
)
from pyramidion.formats._waveform.attributes import from_attributes, is_sealed
from pyramidion.formats._waveform.checks import (
    check_factors,
    check_node,
    mapping_of,
    samples_per_bin,
)
from pyramidion.formats._waveform.documents import read_json
from pyramidion.formats._zarr.arrays import StoredArray as StoredArray
from pyramidion.formats._zarr.arrays import open_array
from pyramidion.kernels import bin_count
from pyramidion.storage import Folder, partial_path


@dataclass(frozen=True)
class Overview:
    """One level of minima and maxima.

    Parameters
    ----------
    array : StoredArray
        Shape (channels, trcs, segments, 2, bins).
    factor : int
        Samples per bin.
    whole : bool
        False where an old store dropped the samples behind the last full bin.
    """

    array: StoredArray
    factor: int
    whole: bool


class WaveformStore(Closing):
    """A waveform store, open for reading.

    Parameters
    ----------
    path : Path
        The store's folder.

    Attributes
    ----------
    spec : WaveformSpec
        What it holds.
    raw : StoredArray
        The samples.
    overviews : list of Overview
        Finest first.
    zarr_format : int
        2 or 3.
    is_ours : bool
        Written by this program, which stores every chunk: an absent one is a loss. Other writers
        leave out chunks of nothing but the fill value.

    Raises
    ------
    DataError
        If it is not a store, is damaged, or is of an unknown kind.
    IncompleteError
        If only an interrupted conversion is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = Folder(path)
        self.zarr_format, attributes = _root(self._folder)
        own = attributes.get("pyramidion")
        self.is_ours = isinstance(own, Mapping) and "layout" in own
        self.raw = self._array("raw")
        if len(self.raw.shape) > 4 or 0 in self.raw.shape or not self.raw.shape:
            raise DataError(
                f"{path}/raw", "4 axes needed", f"shape {self.raw.shape}", id="PYR-ZAR-04"
            )
        self.spec: WaveformSpec = from_attributes(
            attributes, (1,) * (4 - len(self.raw.shape)) + self.raw.shape, self.raw.dtype, str(path)
        )
        self.overviews = self._overviews()

    def read(self, box: Box) -> np.ndarray:
        """Read samples; see :class:`pyramidion.core.Source`."""
        missing = 4 - len(self.raw.shape)
        inner = Box(box.start[missing:], box.stop[missing:])
        return self.raw.reader.read(inner).reshape(box.shape)

    def close(self) -> None:
        """Close every file."""
        for array in [self.raw, *(overview.array for overview in self.overviews)]:
            array.reader.close()

    def _overviews(self) -> list[Overview]:
        found: list[Overview] = []
        n_samples = self.raw.shape[-1]
        while self._has(f"overview/{len(found)}"):
            array = self._array(f"overview/{len(found)}")
            where = f"{self.path}/{array.key}"
            if array.shape[:-1] != (*self.raw.shape[:-1], 2):
                raise DataError(where, "does not fit the samples", array.shape, id="PYR-ZAR-04")
            bins = array.shape[-1]
            factor = samples_per_bin(
                array.attributes.get("samples_per_bin"), n_samples, bins, where
            )
            found.append(Overview(array, factor, bins == bin_count(n_samples, factor)))
        found.reverse()
        check_factors([overview.factor for overview in found], f"{self.path}/overview")
        return found

    def _has(self, key: str) -> bool:
        name = "zarr.json" if self.zarr_format == 3 else ".zarray"
        return self._folder.exists(f"{key}/{name}")

    def _array(self, key: str) -> StoredArray:
        try:
            return open_array(self._folder, key, self.zarr_format, absent_is_fill=not self.is_ours)
        except MissingError as error:
            raise DataError(
                str(self.path), f"no array `{key}`", mend="name a waveform store", id="PYR-ZAR-01"
            ) from error


def check_seal(store: WaveformStore) -> list[str]:
    """Return what has changed in a store's metadata since it was written, one line each."""
    if store.zarr_format != 3:
        return []
    folder = Folder(store.path)
    root = read_json(folder, "zarr.json")
    faults = []
    if is_sealed(root) is False:
        faults.append(f"{store.path}/zarr.json: changed since it was written (checksum differs)")
    consolidated = mapping_of(
        root.get("consolidated_metadata"), "consolidated_metadata", str(store.path)
    )
    documents = mapping_of(consolidated.get("metadata"), "consolidated_metadata", str(store.path))
    for key, kept in documents.items():
        if not _is_document(folder, key, kept):
            faults.append(f"{store.path}/{escape(key)}/zarr.json: is not what the root says")
    return faults


def _is_document(folder: Folder, key: str, kept: Any) -> bool:
    """Tell whether an array's or group's document is as the root has it; only inside the store."""
    if not re.fullmatch("[a-z]{1,50}(/[0-9]{1,9})?", key):
        return False
    return folder.exists(f"{key}/zarr.json") and read_json(folder, f"{key}/zarr.json") == kept


def _root(folder: Folder) -> tuple[int, Mapping[str, Any]]:
    path = folder.root
    if folder.exists("zarr.json"):
        meta = read_json(folder, "zarr.json")
        check_node(meta, str(path), "group")
        return 3, mapping_of(meta.get("attributes"), "attributes", str(path))
    if folder.exists(".zgroup"):
        version = read_json(folder, ".zgroup").get("zarr_format")
        if version != 2:
            raise DataError(
                str(path),
                f"Zarr format {escape(version)}",
                "2 and 3 are supported",
                id="PYR-ZAR-03",
            )
        return 2, read_json(folder, ".zattrs") if folder.exists(".zattrs") else {}
    names = sorted(p.name for p in path.iterdir())[:5] if path.is_dir() else []
    raise DataError(
        str(path),
        "not a Zarr store",
        f"contains: {', '.join(names) or 'nothing'}",
        "name the store itself",
        id="PYR-ZAR-01",
    )


def missing_store(path: Path) -> MissingError | IncompleteError:
    """Return the error for a store that is not there, or was left unfinished by a killed run."""
    partial = partial_path(path)
    return unfinished(path, partial) if partial.is_dir() else _missing(path)


def unfinished(path: Path, partial: Path) -> IncompleteError:
    """Return the error for what an interrupted conversion left."""
    n_shards = sum(1 for p in partial.rglob("c/**/*") if p.is_file() and p.name[0] != ".")
    return IncompleteError(
        str(path),
        "incomplete",
        f"conversion interrupted, {n_shards} shards stored",
        "run it again with --resume",
        id="PYR-ZAR-11",
    )


def _missing(path: Path) -> MissingError:
    return MissingError(str(path), "no such file", id="PYR-ALL-03")
