"""An IDX dataset on disk: boxes of its fields at any resolution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pyramidion.core import Closing, DamagedError, DataError, UsageError, escape
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._idx.block_set import BlockSet
from pyramidion.formats._idx.codecs import BlockFaultError, TooLongError, decode_block
from pyramidion.formats._idx.errors import not_a_header
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.files import OffsetError, block_files
from pyramidion.formats._idx.geometry import BlockGrid, BlockPlace, lattice_range, shared_slices
from pyramidion.formats._idx.header import TEXT_LIMIT, IdxHeader, parse_header
from pyramidion.formats._idx.hz import to_row_major
from pyramidion.formats._idx.sharing import for_each
from pyramidion.storage import ByteCache

CACHE_BYTES = 2**28
_SHOWN = 3
_TEXT_BYTES = frozenset(range(32, 256)) | frozenset(b"\t\n\v\f\r")


class IdxDataset(Closing):
    """A dataset of any version and variant; may be read from many threads at once.

    Parameters
    ----------
    path : Path
        The .idx file.
    cache_bytes : int
        Most memory for decoded blocks.
    fill_damaged : bool
        Blocks that do not decode hold the default value and are counted, as absent ones are.

    Raises
    ------
    MissingError
        If there is no such file.
    DataError
        If the header is not one, or not supported.
    """

    def __init__(
        self, path: Path, *, cache_bytes: int = CACHE_BYTES, fill_damaged: bool = False
    ) -> None:
        self.path = path
        self.header = read_header(path)
        self.grid = BlockGrid(self.header.bitmask, self.header.bitsperblock)
        self.files = block_files(path, self.header)
        self._times = frozenset(self.header.times)
        self._fill_damaged = fill_damaged
        self._cache: ByteCache[np.ndarray | None] = ByteCache(cache_bytes, _bytes_of)
        self._lock = Lock()
        self._touched: set[tuple[int, int]] = set()
        self._absent: dict[tuple[int, int], BlockSet] = {}
        self._damaged: dict[tuple[int, int], BlockSet] = {}

    def field_number(self, name: str | None) -> int:
        """Return which field has a name; the first when none is asked for.

        Raises
        ------
        UsageError
            IDX-15.
        """
        names = [field.name for field in self.header.fields]
        if name is None:
            return 0
        if name not in names:
            what = f"{escape(name)} not in the dataset"
            raise UsageError("--field", what, ", ".join(names), id="PYR-IDX-15")
        return names.index(name)

    def check_time(self, time: int) -> int:
        """Return a time step that is listed.

        Raises
        ------
        UsageError
            IDX-15.
        """
        times = self.header.times
        if time not in self._times:
            listed = ", ".join(map(str, times))
            is_range = times == tuple(range(times[0], times[-1] + 1)) and len(times) > 1
            shown = f"{times[0]} to {times[-1]}" if is_range else listed
            raise UsageError("--time", f"{time} not in the dataset", shown, id="PYR-IDX-15")
        return time

    def read(
        self, field: int, time: int, p1: Sequence[int], p2: Sequence[int], h: int | None = None
    ) -> np.ndarray:
        """Read the lattice points of a resolution inside a box.

        Parameters
        ----------
        field : int
            Number of the field.
        time : int
            A listed time step.
        p1, p2 : sequence of int
            Box along x, y, z in the dataset's own coordinates; `p2` is exclusive.
        h : int, optional
            Resolution 0 to maxh; by default the finest.

        Returns
        -------
        ndarray, shape (z, y, x, components), little-endian
            The points whose coordinates are multiples of ``bitmask.stride(h)``, counted from 0
            and not from the box; an axis has size 0 where there are none. Points outside of the
            dataset have the default value or what is stored there.

        Raises
        ------
        DamagedError
            If a block does not decode.
        UsageError
            If the time step is not listed.
        """
        self.check_time(time)
        bitmask, of = self.header.bitmask, self.header.fields[field]
        h = bitmask.maxh if h is None else h
        stride = bitmask.stride(h)
        first, shape = lattice_range(p1, p2, stride)
        atom, default = _atom(of), _default(of)
        is_inside = bitmask.covers(p2) and min(p1) >= 0
        out = np.empty(shape[::-1], atom) if is_inside else np.full(shape[::-1], default)

        def put(number: int) -> None:
            shared = shared_slices(self.grid.place(number), first, shape, stride)
            if shared is not None:
                block = self._block(field, time, number)
                out[shared[0]] = default if block is None else block[shared[1]]

        if out.size:
            self._touched.add((field, time))
            for_each(put, self.grid.meeting(p1, p2, h))
        return out.view(of.dtype).reshape(*out.shape, of.components)

    def read_block(self, field: int, time: int, block: int) -> np.ndarray | None:
        """Read one block as an array (z, y, x, components); None when it is absent."""
        found = self._block(field, self.check_time(time), block)
        of = self.header.fields[field]
        return None if found is None else found.view(of.dtype).reshape(*found.shape, of.components)

    def check_block(self, field: int, time: int, block: int) -> bool:
        """Decode one block, past the cache; tell whether it is there.

        Raises
        ------
        DamagedError
            If it does not decode.
        """
        try:
            return self._decode(field, time, block, self.grid.place(block)) is not None
        except BlockFaultError as error:
            raise self._damaged_error(field, time, block, error) from error

    def notes(self) -> tuple[str, ...]:
        """Return which blocks were absent, or damaged and filled, in the reads so far."""
        header = self.header
        n_met = self.grid.n_meeting(header.p1, header.p2, header.bitmask.maxh)
        n_met *= len(self._touched)
        with self._lock:
            absent, damaged = (
                sum(map(len, found.values())) for found in (self._absent, self._damaged)
            )
            names = self._first_damaged()
        filled = "their points have the default value"
        notes = [f"{grouped(absent)} of {grouped(n_met)} blocks absent: {filled}"] if absent else []
        if damaged:
            more = ", ..." if damaged > len(names) else ""
            shown = f"{grouped(damaged)} of {grouped(n_met)} blocks damaged"
            notes.append(f"{shown} ({', '.join(names)}{more}): {filled}")
        return tuple(notes)

    @property
    def n_damaged(self) -> int:
        """How many blocks did not decode and were filled, in the reads so far."""
        with self._lock:
            return sum(map(len, self._damaged.values()))

    def close(self) -> None:
        """Let go of the decoded blocks."""
        self._cache.clear()

    def _block(self, field: int, time: int, number: int) -> np.ndarray | None:
        """Return a block as an array (z, y, x) of whole points; None for the default value."""
        place = self.grid.place(number)
        try:
            block = self._cache.get(
                (field, time, number), lambda: self._decode(field, time, number, place)
            )
        except BlockFaultError as error:
            if not self._fill_damaged:
                raise self._damaged_error(field, time, number, error) from error
            self._count(self._damaged, field, time, number)
            return None
        if block is None:
            self._count(self._absent, field, time, number)
        return block

    def _decode(self, field: int, time: int, number: int, place: BlockPlace) -> np.ndarray | None:
        body = self.files.body(field, time, number)
        if body is None:
            return None
        of = self.header.fields[field]
        # Versions 1 and 2 keep float32 with its first byte first.
        is_swapped = self.header.version < 3 and of.dtype == np.float32
        dtype = of.dtype.newbyteorder(">") if is_swapped else of.dtype
        shape = (*place.shape, of.components)
        samples = decode_block(body.data, body.codec, dtype, shape, of.compression)
        if is_swapped:
            samples = samples.astype(of.dtype)
        block = samples.view(_atom(of)).reshape(-1)
        if not body.is_row_major:
            block = block[to_row_major(self.header.bitmask, self.header.bitsperblock, place.level)]
        return block.reshape(place.shape)

    def _count(
        self, among: dict[tuple[int, int], BlockSet], field: int, time: int, number: int
    ) -> None:
        with self._lock:
            among.setdefault((field, time), BlockSet()).add(number)

    def _first_damaged(self) -> list[str]:
        """Return the names of a few blocks that were filled."""
        names: list[str] = []
        for (field, time), blocks in sorted(self._damaged.items()):
            shown = blocks.first(_SHOWN - len(names))
            names += [self._block_name(field, time, number) for number in shown]
        return names

    def _block_name(self, field: int, time: int, number: int) -> str:
        name = f"block {number:#x}"
        if len(self.header.fields) > 1:
            name += f" of field {self.header.fields[field].name}"
        if len(self.header.times) > 1:
            name += f" at time {time}"
        return name

    def _damaged_error(
        self, field: int, time: int, number: int, fault: BlockFaultError
    ) -> DamagedError:
        where = f"{self.path}: {self._block_name(field, time, number)}"
        mend = f"`pyramidion repair {self.path}`, or read the rest with --fill-damaged"
        if isinstance(fault, TooLongError):
            return DamagedError(where, str(fault), mend=mend, id="PYR-IDX-13")
        if isinstance(fault, OffsetError):
            return DamagedError(where, fault.what, fault.value, mend, id="PYR-IDX-14")
        return DamagedError(where, "damaged", fault, mend, id="PYR-IDX-12")


def read_header(path: Path) -> IdxHeader:
    """Read and check the header of a dataset.

    Parameters
    ----------
    path : Path
        The .idx file.

    Raises
    ------
    MissingError
        If there is no such file.
    DataError
        IDX-01 to IDX-10.
    """
    file = FlatFile(path)
    where = str(path)
    if not file.size:
        raise not_a_header(where, "0 bytes")
    if file.size > TEXT_LIMIT:
        raise DataError(
            where, "not an IDX header", "more than 16 MiB", "name the .idx file", id="PYR-IDX-01"
        )
    return parse_header(text_of(file.read_head(TEXT_LIMIT), where), where)


def text_of(data: bytes, where: str) -> str:
    """Return the text of a header; texts that are not UTF-8 are taken for Latin-1.

    Raises
    ------
    DataError
        IDX-01 if the bytes are no text.
    """
    if not _TEXT_BYTES.issuperset(data):
        raise not_a_header(where, f"binary, starts with `{data[:4].hex(' ')}`")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _atom(field: IdxField) -> np.dtype[Any]:
    """Return a type that holds a whole point, so that it is copied in one step."""
    n = field.sample_bytes
    return np.dtype({1: "u1", 2: "u2", 4: "u4", 8: "u8", 16: "c16"}.get(n, f"V{n}"))


def _default(field: IdxField) -> Any:
    values = np.full(field.components, field.default_value, field.dtype)
    return values.view(_atom(field))[0]


_ENTRY_BYTES = 512
"""What remembering an absent block costs; a dataset may have millions."""


def _bytes_of(block: np.ndarray | None) -> int:
    return _ENTRY_BYTES if block is None else block.nbytes
