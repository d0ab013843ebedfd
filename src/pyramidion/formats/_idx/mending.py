"""Finding the codec of every block by its content, and putting right what disagrees."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pyramidion.formats._idx.blocks_out import CODEC_FLAGS, BlockCodec
from pyramidion.formats._idx.codecs import BlockFaultError
from pyramidion.formats._idx.compress_arco import ArcoBlock, arco_blocks
from pyramidion.formats._idx.compress_bins import Bin, bins, block_of
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.files import arco_name
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.formats._idx.identify import Found
from pyramidion.formats._idx.packing import HEADER_BYTES
from pyramidion.formats._idx.recoding import (
    Fault,
    Mapped,
    Progress,
    batches,
    check_size,
    found_in,
)
from pyramidion.formats._idx.staging import blocks_folder
from pyramidion.storage import Folder, open_regular, read_at, told_as, write_at


@dataclass
class Repaired:
    """What was found and done.

    Parameters
    ----------
    found : dict of str to int
        Blocks by their codec, as they were.
    n_repaired : int
        Blocks that were encoded or described anew.
    notes : list of str
        What else was done.
    faults : list of Fault
        Blocks that do not decode; they are as they were.
    """

    found: Counter[str] = field(default_factory=Counter)
    n_repaired: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_nothing_done(self) -> bool:
        """Whether the dataset was sound."""
        return not (self.n_repaired or self.notes or self.faults)


def mend_arco(
    path: Path, header: IdxHeader, mapped: Mapped, report: Repaired, progress: Progress | None
) -> IdxHeader:
    """Give all blocks of a field one codec; return the header that is right then.

    Parameters
    ----------
    path : Path
        The .idx.
    header : IdxHeader
        What it says.
    mapped : callable
        Runs the work.
    report : Repaired
        Told what is found and done.
    progress : callable, optional
        Told the decoded bytes that were looked at.
    """
    work = _ArcoWork(path, header, mapped)
    seen = work.look(report, progress)
    fields = tuple(
        work.mend(of, found, report) for of, found in zip(header.fields, seen, strict=True)
    )
    return replace(header, fields=fields)


class _ArcoWork:
    def __init__(self, path: Path, header: IdxHeader, mapped: Mapped) -> None:
        self._header, self._mapped = header, mapped
        self._blocks, _ = arco_blocks(path, header)
        self._folder = Folder(blocks_folder(path))

    def look(
        self, report: Repaired, progress: Progress | None
    ) -> list[list[tuple[ArcoBlock, str]]]:
        """Return the blocks of each field that decode, with their codecs."""
        total, done = sum(map(self._decoded, self._blocks)), 0
        seen: list[list[tuple[ArcoBlock, str]]] = [[] for _ in self._header.fields]
        for part, found in self._mapped(self._codecs, batches(self._blocks, self._decoded)):
            for block, codec in zip(part, found, strict=True):
                if isinstance(codec, Fault):
                    report.faults.append(codec)
                else:
                    report.found[codec] += 1
                    seen[block.field].append((block, codec))
            done += sum(map(self._decoded, part))
            if progress is not None:
                progress(done, total)
        return seen

    def mend(
        self, of: IdxField, seen: Sequence[tuple[ArcoBlock, str]], report: Repaired
    ) -> IdxField:
        """Encode the blocks anew that have another codec than their field."""
        target = _target(of.codec, Counter(codec for _, codec in seen))
        wrong = [block for block, codec in seen if codec != target]

        def rewrite(block: ArcoBlock) -> None:
            body = BlockCodec.parse(target, "repair").encode(self._found(block).samples)
            with self._folder.stage(self._name(block)) as staged:
                staged.append(body)
                staged.commit()

        report.n_repaired += sum(1 for _ in self._mapped(rewrite, wrong))
        return _with_target(of, target)

    def _codecs(self, part: Sequence[ArcoBlock]) -> list[str | Fault]:
        found: list[str | Fault] = []
        for block in part:
            try:
                found.append(self._found(block).codec)
            except BlockFaultError as fault:
                name = self._header.fields[block.field].name
                found.append(Fault(name, block.time, block.block, str(fault)))
        return found

    def _found(self, block: ArcoBlock) -> Found:
        check_size(self._header, block.field, block.size)
        body = self._folder.read(self._name(block))
        declared = self._header.fields[block.field].codec
        return found_in(body, declared, self._header, block.field, block.block)

    def _name(self, block: ArcoBlock) -> str:
        return arco_name(self._header.fields[block.field].name, block.time, block.block)

    def _decoded(self, block: ArcoBlock) -> int:
        return self._header.block_bytes(self._header.fields[block.field])


def mend_bins(
    path: Path, header: IdxHeader, mapped: Mapped, report: Repaired, progress: Progress | None
) -> IdxHeader:
    """Correct the codecs in the tables of files; parameters as :func:`mend_arco`.

    Tables say what each block is, so blocks of several codecs beside each other are sound. The
    header is only corrected where it names a codec that no block has.
    """
    total = sum(map(header.block_bytes, header.fields)) * header.n_blocks * len(header.times)
    done = 0
    counts: list[Counter[str]] = [Counter() for _ in header.fields]
    for file in bins(path, header):
        for row, codec in mapped(partial(_codec, header, file), file.present()):
            number, block = block_of(header, file, row)
            done += header.block_bytes(header.fields[number])
            if isinstance(codec, BlockFaultError):
                name = header.fields[number].name
                report.faults.append(Fault(name, file.time, block, str(codec)))
                continue
            counts[number][codec] += 1
            if codec != file.codec(row):
                _correct_flags(file, row, codec)
                report.n_repaired += 1
            if progress is not None:
                progress(done, total)
    report.found.update(sum(counts, Counter()))
    fields = (
        _with_target(of, _target(of.codec, count))
        for of, count in zip(header.fields, counts, strict=True)
    )
    return replace(header, fields=tuple(fields))


def _codec(header: IdxHeader, file: Bin, row: int) -> str | BlockFaultError:
    field_number, block = block_of(header, file, row)
    offset, size = file.place(row)
    if offset + size > file.size:
        return BlockFaultError("offset outside the file")
    try:
        check_size(header, field_number, size)
        with told_as(file.path, "cannot read"), open_regular(file.path) as source:
            body = read_at(source.fileno(), size, offset)
        return found_in(body, file.codec(row), header, field_number, block).codec
    except BlockFaultError as fault:
        return fault


def _correct_flags(file: Bin, row: int, codec: str) -> None:
    """Write one word of the table."""
    flags = file.flags(row) & ~15 | CODEC_FLAGS[codec]
    with told_as(file.path), open_regular(file.path, "r+b") as target:
        write_at(target.fileno(), struct.pack(">I", flags), row * HEADER_BYTES + 20)


def _target(declared: str, counts: Mapping[str, int]) -> str:
    """Return the codec that all blocks of a field shall have.

    It is the declared one if a single block has it: blocks are then put right one by one, and each
    is readable as soon as it is.
    """
    if not counts or declared in counts:
        return declared
    return max(counts, key=lambda codec: (counts[codec], codec))


def _with_target(of: IdxField, target: str) -> IdxField:
    if target == of.codec:
        return of
    return replace(of, compression="" if target == "raw" else target)
