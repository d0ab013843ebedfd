"""Another codec for the ARCO variant: all blocks of a field at once, or none.

No block says which codec it has, only the header does, and for all blocks of a field. So new
blocks are made beside the old ones, and then folder and header are replaced together.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyramidion.core import DataError, UsageError
from pyramidion.formats._idx.codecs import BlockFaultError
from pyramidion.formats._idx.files import arco_field_name, arco_name
from pyramidion.formats._idx.header import IdxHeader, format_header
from pyramidion.formats._idx.recoding import (
    Fault,
    Recoded,
    Recoding,
    batches,
    check_size,
    damaged,
    found_in,
    with_codec,
)
from pyramidion.formats._idx.staging import (
    StagedDataset,
    blocks_folder,
    blocks_name,
    foreign_file,
)
from pyramidion.storage import Folder, TaskRecord, kept_plan, told_as

_NAME = re.compile(r"(-?[0-9]+)/([^/]+)/((?:[0-9a-f]{4}/){3}[0-9a-f]{4})\.bin")
PLAN_KIND = "compress"


@dataclass(frozen=True)
class ArcoBlock:
    """A block file.

    Parameters
    ----------
    field : int
        Number of the field.
    time, block : int
        Which block.
    size, mtime_ns : int
        Of the file, when it was listed.
    """

    field: int
    time: int
    block: int
    size: int
    mtime_ns: int


def compress_arco(job: Recoding, fields: Collection[int]) -> Recoded:
    """Store all blocks of some fields with another codec.

    Parameters
    ----------
    job : Recoding
        The dataset, and the new codec.
    fields : collection of int
        Numbers of the fields.

    Raises
    ------
    DamagedError
        CMP-03 if a block does not decode: then nothing is changed.
    DataError
        If a file changes meanwhile.
    UsageError
        If something lies among the blocks that is none, or another run was interrupted here.
    """
    path, header, codec = job.path, job.header, job.codec
    _check_no_conversion(path)
    blocks, others = arco_blocks(path, header)
    if others:
        raise UsageError(
            str(path),
            "among its blocks there is another file",
            others[0],
            "move it away",
            id="PYR-ALL-07",
        )
    staged = StagedDataset(
        path,
        {"kind": PLAN_KIND, "codec": asdict(codec), "fields": sorted(fields)}
        | {"source": _fingerprint(path, blocks)},
        resume=True,
        overwrite=True,
        owns=lambda it: foreign_file(it) is None,
    )
    try:
        work = _Work(job, fields, staged.folder)
        told = work.run(blocks)
        faults = [Fault(*fault) for part in told for fault in part["faults"]]
        n_changed = sum(part["changed"] for part in told)
        bytes_after = sum(part["bytes"] for part in told)
        text = format_header(with_codec(header, fields, codec))
        if faults or (n_changed == 0 and text == format_header(header)):
            staged.discard()
        else:
            staged.folder.write(path.name, text.encode())
            _check_unchanged(path, blocks, arco_blocks(path, header)[0])
            staged.commit()
    finally:
        staged.abort()
    if faults:
        raise damaged(path, faults, len(blocks), "the dataset is as it was")
    before = sum(block.size for block in blocks)
    return Recoded(codec.name, len(blocks), n_changed, before, bytes_after)


def arco_blocks(path: Path, header: IdxHeader) -> tuple[list[ArcoBlock], list[Path]]:
    """List the block files of a dataset.

    Returns
    -------
    list of ArcoBlock
        Field by field and time by time.
    list of Path
        Files among them that are none, relative to the folder of the .idx.
    """
    arrays = {
        (str(time), arco_field_name(field.name)): (number, time)
        for number, field in enumerate(header.fields)
        for time in header.times
    }
    root = blocks_folder(path)
    found, others = [], []
    with told_as(path, "cannot read"):
        for file in root.rglob("*"):
            if (file.is_dir() and not file.is_symlink()) or _is_leftover(file):
                continue
            name = _NAME.fullmatch(file.relative_to(root).as_posix())
            array = arrays.get((name[1], name[2])) if name else None
            if name is None or array is None or file.is_symlink():
                others.append(file.relative_to(root.parent))
                continue
            stat = file.stat()
            block = int(name[3].replace("/", ""), 16)
            found.append(ArcoBlock(*array, block, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda b: (b.field, b.time, b.block)), others


def _is_leftover(file: Path) -> bool:
    """Tell a file that a killed writer left under a temporary name."""
    return file.name.startswith(".") and file.suffix == ".part"


class _Work:
    def __init__(self, job: Recoding, fields: Collection[int], folder: Folder) -> None:
        self._job, self._header, self._codec = job, job.header, job.codec
        self._fields, self._folder, self._record = fields, folder, TaskRecord(folder)
        self._source, self._name = Folder(blocks_folder(job.path)), blocks_name(job.path)

    def run(self, blocks: Sequence[ArcoBlock]) -> list[dict[str, Any]]:
        """Do what is not recorded; return what the tasks told."""
        parts = batches(blocks, self._decoded)
        total, done = sum(map(self._decoded, blocks)), 0
        told = []
        for part, result in self._job.mapped(lambda n: self._part(n, parts[n]), range(len(parts))):
            done += sum(map(self._decoded, parts[part]))
            told.append(result)
            if self._job.progress is not None:
                self._job.progress(done, total)
        return told

    def _decoded(self, block: ArcoBlock) -> int:
        return self._header.block_bytes(self._header.fields[block.field])

    def _part(self, number: int, blocks: Sequence[ArcoBlock]) -> dict[str, Any]:
        kept = self._record.get(number)
        if kept is not None:
            return kept
        faults, changed, files = [], 0, {}
        for block in blocks:
            field = self._header.fields[block.field]
            name = arco_name(field.name, block.time, block.block)
            try:
                is_new, size = self._one(block, name)
            except BlockFaultError as fault:
                faults.append([field.name, block.time, block.block, str(fault)])
                continue
            changed += is_new
            files[f"{self._name}/{name}"] = size
        result = {"changed": changed, "bytes": sum(files.values()), "faults": faults}
        if not faults:  # a block that is mended is tried again
            self._record.put(number, result, files)
        return result

    def _one(self, block: ArcoBlock, name: str) -> tuple[bool, int]:
        """Make the new file of a block; tell whether it differs, and its bytes."""
        key, field = f"{self._name}/{name}", self._header.fields[block.field]
        if block.field not in self._fields:
            _same_file(self._source.path(name), self._folder.path(key))
            return False, block.size
        check_size(self._header, block.field, block.size)
        body = self._source.read(name)
        found = found_in(body, field.codec, self._header, block.field, block.block)
        if found.codec == self._codec.name:
            _same_file(self._source.path(name), self._folder.path(key))
            return False, len(body)
        encoded = self._codec.encode(found.samples)
        with self._folder.stage(key) as staged:
            staged.append(encoded)
            staged.commit()
            return True, staged.size


def _same_file(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system cannot."""
    with told_as(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            part = target.with_name(f".{target.name}.{os.getpid()}.part")
            shutil.copy2(source, part)
            part.replace(target)


def _fingerprint(path: Path, blocks: Sequence[ArcoBlock]) -> str:
    """Return what must be equal for a resumed run: header and block files as they are now."""
    with told_as(path, "cannot read"):
        text = path.read_bytes()
    listed = json.dumps([[*asdict(block).values()] for block in blocks])
    return hashlib.sha256(text + listed.encode()).hexdigest()


def _check_unchanged(path: Path, before: Sequence[ArcoBlock], now: Sequence[ArcoBlock]) -> None:
    if list(before) != list(now):
        raise DataError(
            str(path),
            "changed while reading",
            f"{len(set(now) ^ set(before))} block files",
            "run again",
            id="PYR-ALL-20",
        )


def _check_no_conversion(path: Path) -> None:
    kept = kept_plan(path)
    if kept and kept.get("kind") != PLAN_KIND:
        raise UsageError(
            str(path),
            "an interrupted conversion is there",
            f"{path.name}.partial",
            "finish it with convert --resume or remove it",
            id="PYR-ALL-06",
        )
