"""What was sent, kept beside the dataset and, without the names of this disk, in the store.

Beside the dataset it is a journal: a line for every object, appended when the store has answered. A
run that was killed goes on from there; a torn last line is not there. ``read_manifest`` takes the
last line of each key. At the end of a run it is rewritten with one line for each object.

Pattern and purpose are those of the index files of backup programs: to know what is in the store
without reading it.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyramidion.core import DataError
from pyramidion.storage import StagedFile, told_as
from pyramidion.transfer._tree import Identity, LocalFile

FORMAT = 1
_COARSE_NS, _FINE_NS = 2_000_000_000, 100_000_000
"""A file that was written so shortly before may be written again without its times changing: file
systems count in seconds, in two seconds, or in ticks of the system."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object.

    Parameters
    ----------
    key : str
        Below the destination.
    size : int
        Bytes.
    md5 : str
        Its checksum: ``hex``, or ``hex-N`` of its `part` sized parts. Empty if only the size was
        compared.
    etag : str
        What the store calls it.
    part : int
        Bytes of a part; 0 if the object was put whole.
    identity : tuple of int, optional
        Of the local file that has this checksum; None if it was too new to rely on that.
    extra : bool
        It lies beside the dataset.
    """

    key: str
    size: int
    md5: str
    etag: str
    part: int = 0
    identity: Identity | None = None
    extra: bool = False

    def is_of(self, file: LocalFile) -> bool:
        """Tell whether the checksum is that of a file, without reading it."""
        return bool(self.md5) and self.identity == file.identity


class Manifest:
    """The journal of one dataset; used by several threads.

    Parameters
    ----------
    path : Path or None
        Where it is kept; None to forget it with the process.
    destination : str
        URL that the objects are sent to. What was noted for another one is only used to know the
        checksums of local files.

    Attributes
    ----------
    dataset : str
        The id of the dataset: random, made once.
    """

    def __init__(self, path: Path | None, destination: str) -> None:
        self._path, self._destination = path, destination
        dataset, there, entries = _read(path)
        self.dataset = dataset or secrets.token_hex(16)
        if there != destination:
            entries = {key: replace(entry, etag="") for key, entry in entries.items()}
        self._entries = entries
        self._file: int | None = None
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries."""
        with self._lock:
            return iter(list(self._entries.values()))

    def __len__(self) -> int:
        """Return how many objects there are."""
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """Return what is known of an object."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Note an object that the store has.

        Raises
        ------
        StorageError
            If the journal cannot be written.
        """
        with self._lock:
            if self._entries.get(entry.key) == entry:
                return
            self._entries[entry.key] = entry
            if self._path is not None:
                self._append(_line(entry))

    def open(self) -> None:
        """Begin to write; until then nothing is changed on the disk."""
        if self._path is None or self._file is not None:
            return
        self._rewrite(self._entries.values())
        with told_as(self._path):
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))

    def keep(self, entries: Iterable[Entry]) -> None:
        """Forget all but these, and write them one after the other."""
        with self._lock:
            self._entries = {entry.key: entry for entry in entries}
            if self._path is not None and self._file is not None:
                self._close()
                self._rewrite(self._entries.values())

    def close(self) -> None:
        """Stop writing; what was noted stays."""
        with self._lock:
            self._close()

    def _append(self, line: bytes) -> None:
        assert self._path is not None
        if self._file is None:
            return
        with told_as(self._path):
            os.write(self._file, line)

    def _rewrite(self, entries: Iterable[Entry]) -> None:
        assert self._path is not None
        header = {
            "pyramidion_manifest": FORMAT,
            "dataset": self.dataset,
            "destination": self._destination,
        }
        with StagedFile(self._path) as staged:
            staged.append(json.dumps(header).encode() + b"\n")
            staged.append(b"".join(map(_line, entries)))
            staged.commit()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as it is read.

    Parameters
    ----------
    dataset : str
        Id of the dataset.
    destination : str
        Where it was sent; empty in the manifest that lies in the store itself.
    entries : dict of str to Entry
        By key.
    complete : bool
        All of it was sent.
    replaces : bool
        It is being put in the place of something else, of which objects may be left.
    """

    dataset: str
    destination: str
    entries: dict[str, Entry]
    complete: bool = True
    replaces: bool = False


def read_manifest(path: Path) -> StoredManifest | None:
    """Read the manifest that is kept beside a dataset; None if there is none."""
    dataset, destination, entries = _read(path)
    return StoredManifest(dataset, destination, entries) if dataset else None


def document(
    dataset: str, entries: Iterable[Entry], *, complete: bool, replaces: bool = False
) -> bytes:
    """Return the manifest that is put into a store: its first line tells the id."""
    head = {"pyramidion_manifest": FORMAT, "dataset": dataset, "complete": complete}
    if replaces:
        head["replaces"] = True
    lines = (
        json.dumps(_shared(entry), ensure_ascii=False)
        for entry in sorted(entries, key=lambda entry: entry.key)
    )
    told = json.dumps(head)[:-1] + ', "objects": [\n' + ",\n".join(lines) + "\n]}\n"
    return told.encode()


def parse_document(data: bytes, where: str) -> StoredManifest:
    """Read the manifest of a store.

    Raises
    ------
    DataError
        If it is not one of ours.
    """
    try:
        told = json.loads(data)
        if told["pyramidion_manifest"] != FORMAT:
            raise DataError(where, "manifest of a newer version", mend="upgrade", id="PYR-ZAR-12")
        entries = (_entry(item) for item in told["objects"])
        return StoredManifest(
            str(told["dataset"]),
            "",
            {e.key: e for e in entries},
            bool(told["complete"]),
            bool(told.get("replaces", False)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            where, "not a manifest", mend="remove it or use another prefix", id="PYR-UPL-50"
        ) from None


def settled_identity(file: LocalFile) -> Identity | None:
    """Return by what a file that was just read is known again; None if it is too new for that."""
    margin = _COARSE_NS if file.ctime_ns % 1_000_000_000 == 0 else _FINE_NS
    newest = max(file.ctime_ns, file.mtime_ns)
    return file.identity if time.time_ns() - newest > margin else None


def _read(path: Path | None) -> tuple[str, str, dict[str, Entry]]:
    entries: dict[str, Entry] = {}
    if path is None or not path.is_file():
        return "", "", entries
    with told_as(path, "cannot read"):
        data = path.read_bytes()
    lines = data.split(b"\n")[:-1]  # what follows the last line break was never finished
    try:
        head = json.loads(lines[0])
        if head["pyramidion_manifest"] != FORMAT:
            return "", "", entries
        dataset, destination = str(head["dataset"]), str(head["destination"])
    except (ValueError, KeyError, TypeError, IndexError):
        return "", "", entries
    for line in lines[1:]:
        try:
            entry = _entry(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # torn by a crash of the machine: the store is asked instead
        entries[entry.key] = entry
    return dataset, destination, entries


def _line(entry: Entry) -> bytes:
    told = {**_shared(entry), "etag": entry.etag}
    if entry.identity is not None:
        told["local"] = list(entry.identity)
    return json.dumps(told).encode() + b"\n"


def _shared(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"key": entry.key, "size": entry.size, "md5": entry.md5}
    if entry.part:
        told["part"] = entry.part
    if entry.extra:
        told["extra"] = True
    return told


def _entry(told: dict[str, Any]) -> Entry:
    local = told.get("local")
    identity = tuple(map(int, local)) if local is not None else None
    if identity is not None and len(identity) != 4:
        raise ValueError
    return Entry(
        str(told["key"]),
        int(told["size"]),
        str(told["md5"]),
        str(told.get("etag", told["md5"])),
        int(told.get("part", 0)),
        identity,
        bool(told.get("extra", False)),
    )
