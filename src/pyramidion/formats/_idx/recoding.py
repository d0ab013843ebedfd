"""What the ways to change a dataset in place have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from pyramidion.core import DamagedError
from pyramidion.formats._idx.blocks_out import BlockCodec
from pyramidion.formats._idx.codecs import BlockFaultError
from pyramidion.formats._idx.geometry import BlockGrid
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.formats._idx.identify import Found, identify

BATCH_BYTES = 8 * 2**20
"""Decoded bytes of the blocks that a thread takes at a time."""
_SHOWN = 3
Task = TypeVar("Task")
Result = TypeVar("Result")
Sized = TypeVar("Sized")


class Mapped(Protocol):
    """Do work on tasks, several at once, and yield the results in the order of the tasks."""

    def __call__(
        self, work: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Yield tasks and results."""
        ...


Progress = Callable[[int, int], None]
"""Called with the decoded bytes that are done, and all."""


@dataclass(frozen=True)
class Recoding:
    """What is to be done to a dataset.

    Parameters
    ----------
    path : Path
        The .idx.
    header : IdxHeader
        What it says.
    codec : BlockCodec
        The new codec.
    mapped : callable
        Runs the work.
    progress : callable, optional
        Told what is done.
    """

    path: Path
    header: IdxHeader
    codec: BlockCodec
    mapped: Mapped
    progress: Progress | None = None


@dataclass(frozen=True)
class Recoded:
    """What was done to the blocks of a dataset.

    Parameters
    ----------
    codec : str
        The codec that was asked for.
    n_blocks, n_changed : int
        Blocks in all, and those that had another codec.
    bytes_before, bytes_after : int
        What the blocks take.
    """

    codec: str
    n_blocks: int
    n_changed: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class Fault:
    """A block that does not decode.

    Parameters
    ----------
    field : str
        Name of the field.
    time, block : int
        Which block.
    reason : str
        What is wrong.
    """

    field: str
    time: int
    block: int
    reason: str

    def __str__(self) -> str:
        return f"field {self.field} time {self.time} block 0x{self.block:x}: {self.reason}"


def check_size(header: IdxHeader, field: int, size: int) -> None:
    """Refuse a body that is too long to be a block, before it is read.

    Raises
    ------
    BlockFaultError
        If it is.
    """
    n_bytes = header.block_bytes(header.fields[field])
    if size > n_bytes * 65 // 64 + 65536:
        raise BlockFaultError(f"{size} bytes, for a block of {n_bytes}")


def found_in(body: bytes, declared: str, header: IdxHeader, field: int, block: int) -> Found:
    """Decode a block by what it is; see :func:`identify`."""
    place = BlockGrid(header.bitmask, header.bitsperblock).place(block)
    return identify(body, declared, header.fields[field], place)


def with_codec(header: IdxHeader, fields: Collection[int], codec: BlockCodec) -> IdxHeader:
    """Return a header that says another codec for some of the fields."""
    return replace(
        header,
        fields=tuple(
            replace(field, compression=codec.in_header)
            if number in fields and field.codec != codec.name
            else field
            for number, field in enumerate(header.fields)
        ),
    )


def damaged(path: Path, faults: Sequence[Fault], n_blocks: int, good: str) -> DamagedError:
    """Return the error to raise when some blocks stay as they are.

    Parameters
    ----------
    path : Path
        The dataset.
    faults : sequence of Fault
        At least one.
    n_blocks : int
        Blocks in all.
    good : str
        What is good in spite of them.
    """
    shown = "; ".join(map(str, faults[:_SHOWN])) + ("; ..." if len(faults) > _SHOWN else "")
    return DamagedError(
        f"{path}: {shown}",
        "damaged",
        f"{len(faults)} of {n_blocks} blocks",
        "nothing was rewritten for them, the header is unchanged",
        id="PYR-CMP-03",
        good=good,
    )


def batches(items: Sequence[Sized], size: Callable[[Sized], int]) -> list[list[Sized]]:
    """Split items into runs of about :data:`BATCH_BYTES`, in order.

    Examples
    --------
    >>> batches([5 << 20, 4 << 20, 1], lambda n: n)
    [[5242880], [4194304, 1]]
    """
    found: list[list[Sized]] = []
    room = 0
    for item in items:
        room -= size(item)
        if room < 0 or not found:
            found.append([])
            room = BATCH_BYTES - size(item)
        found[-1].append(item)
    return found
