"""The directories of a TIFF, walked before anything else reads the file.

Loops, offsets outside the file, values that claim more than there is, and XML that must not be
parsed are found here, by reading the directories alone.

Source: TIFF 6.0, section 2; BigTIFF design; ImageDescription of OME-TIFF.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pyramidion.core import DataError, format_bytes
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._images.picture import not_a

MOST_PAGES = 2**19
MOST_SUB_DIRECTORIES = 64
MOST_XML_BYTES = 2**24
_MOST_ENTRIES = 1000
_WINDOW = 2**17
_TYPE_BYTES = np.array([0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8])
_TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 5: "u4", 6: "i1", 7: "u1", 12: "f8", 13: "u4", 16: "u8", 18: "u8"}  # fmt: skip

DESCRIPTION, SUB_DIRECTORIES = 270, 330
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_STRIP_OFFSETS, _STRIP_COUNTS = 273, 279
_OF_A_PAGE = {_WIDTH: 0, _LENGTH: 0, _BITS: 1, _COMPRESSION: 1, _SAMPLES: 1}
"""What decides the bytes of a page, and what holds where it is not told."""


@dataclass(frozen=True)
class Layout:
    """How numbers are written in the file.

    Parameters
    ----------
    order : str
        ``<`` or ``>``.
    is_big : bool
        BigTIFF: offsets of 64 bits.
    """

    order: str
    is_big: bool

    @property
    def entry(self) -> np.dtype[Any]:
        """One entry of a directory."""
        size = "u8" if self.is_big else "u4"
        names = (("tag", "u2"), ("type", "u2"), ("count", size), ("value", size))
        return np.dtype([(name, self.order + code) for name, code in names])

    @property
    def offset(self) -> np.dtype[Any]:
        """An offset."""
        return np.dtype(self.order + ("u8" if self.is_big else "u4"))

    @property
    def count(self) -> np.dtype[Any]:
        """The number of entries of a directory."""
        return np.dtype(self.order + ("u8" if self.is_big else "u2"))


class Directories:
    """The directories of a file, each sound in itself.

    Parameters
    ----------
    file : FlatFile
        The file.
    pages : int
        How many to walk at most; the others are then not looked at.

    Attributes
    ----------
    layout : Layout
        How numbers are written.
    offsets : list of int
        Where the pages' directories lie.
    has_more : bool
        There are more than were walked.

    Raises
    ------
    DataError
        If it is no TIFF, or its directories cannot be right.
    """

    def __init__(self, file: FlatFile, pages: int = MOST_PAGES) -> None:
        self._file, self._window, self._at = file, b"", 0
        head = file.read_head(16)
        self.layout, first = _read_head(file, head)
        layout = self.layout
        self._sizes = layout.count.itemsize, layout.entry.itemsize, layout.offset.itemsize
        self._endian: Literal["little", "big"] = "little" if layout.order == "<" else "big"
        self.offsets: list[int] = []
        self._entries: dict[int, list[bytes]] = {}
        following = self._walk(first, self.offsets, pages)
        self.has_more = bool(following)
        if not self.offsets:
            raise DataError(str(file.path), "empty", "no page", id="PYR-TIF-01")
        first_entries, _ = self._directory(self.offsets[0])
        self._first = np.frombuffer(first_entries, self.layout.entry)
        self._walk_sub_directories()
        self._check_values()
        self._check_description()

    def values(self, tag: int, limit: int = 2**20) -> np.ndarray:
        """Return the values of a tag of the first page; empty if it has none, or too many.

        Rational values are pairs.
        """
        found = self._first[self._first["tag"] == tag]
        if not len(found) or found[0]["count"] > limit:
            return np.empty(0, "u1")
        entry = found[0]
        code = _TYPES.get(int(entry["type"]))
        if code is None:
            return np.empty(0, "u1")
        dtype = np.dtype(self.layout.order + code)
        n_bytes = int(entry["count"]) * int(_TYPE_BYTES[entry["type"]])
        if n_bytes <= self.layout.offset.itemsize:
            inline = np.array(entry["value"], self.layout.offset).tobytes()
            return np.frombuffer(inline[:n_bytes], dtype)
        if int(entry["value"]) + n_bytes > self._file.size:
            return np.empty(0, "u1")
        return self._file.read_array(int(entry["value"]), (n_bytes // dtype.itemsize,), dtype)

    def number(self, tag: int, default: int) -> int:
        """Return the first value of a tag of the first page."""
        values = self.values(tag)
        return int(values[0]) if len(values) else default

    def description(self) -> str:
        """Return the text that the first page is described with."""
        text = self.values(DESCRIPTION, MOST_XML_BYTES).tobytes()
        return text.rstrip(b"\0").decode("utf-8", "replace")

    def _walk(self, offset: int, found: list[int], limit: int) -> int:
        """Follow the directories from one to the next; return where the first left out lies."""
        seen = set(found)
        while offset and len(found) < limit:
            if offset in seen:
                raise DataError(
                    str(self._file.path), f"page list loops at page {len(found)}", id="PYR-TIF-01"
                )
            seen.add(offset)
            found.append(offset)
            entries, offset = self._directory(offset)
            self._entries.setdefault(len(entries), []).append(entries)
        if offset and limit == MOST_PAGES:
            raise DataError(
                str(self._file.path), f"more than {grouped(MOST_PAGES)} pages", id="PYR-TIF-01"
            )
        return offset

    def _directory(self, offset: int) -> tuple[bytes, int]:
        """Return the entries of a directory, packed, and where the next one lies."""
        n_count, n_entry, n_offset = self._sizes
        # Whole numbers from bytes, not numpy: there may be half a million directories (1 s).
        n_entries = int.from_bytes(self._bytes(offset, n_count), self._endian)
        if n_entries > _MOST_ENTRIES:
            raise self._outside(f"{grouped(n_entries)} entries")
        n_bytes = n_entries * n_entry
        body = self._bytes(offset + n_count, n_bytes + n_offset)
        return body[:n_bytes], int.from_bytes(body[n_bytes:], self._endian)

    def _bytes(self, offset: int, n_bytes: int) -> bytes:
        if offset + n_bytes > self._file.size:
            raise self._outside(f"offset {grouped(offset)}")
        begin = offset - self._at
        if begin < 0 or begin + n_bytes > len(self._window):
            # Directories often follow each other: a million of them are not a million reads.
            length = min(max(n_bytes, _WINDOW), self._file.size - offset)
            self._window = self._file.read_array(offset, (length,), np.dtype("u1")).tobytes()
            self._at, begin = offset, 0
        return self._window[begin : begin + n_bytes]

    def _walk_sub_directories(self) -> None:
        offsets = [int(offset) for offset in self.values(SUB_DIRECTORIES)]
        if len(offsets) > MOST_SUB_DIRECTORIES:
            raise DataError(
                str(self._file.path),
                f"more than {MOST_SUB_DIRECTORIES} pages within a page",
                len(offsets),
                id="PYR-TIF-01",
            )
        seen: set[int] = set()
        for offset in offsets:
            # Those of a page may be linked to each other too, or back: once each is enough.
            while offset and offset not in seen and len(seen) < MOST_SUB_DIRECTORIES:
                seen.add(offset)
                entries, offset = self._directory(offset)  # noqa: PLW2901 - the next of the chain
                self._entries.setdefault(len(entries), []).append(entries)

    def _check_values(self) -> None:
        """Refuse entries that claim more bytes than the file has."""
        inline = self.layout.offset.itemsize
        for packed in self._entries.values():
            entries = np.frombuffer(b"".join(packed), self.layout.entry)
            known = np.where(entries["type"] < len(_TYPE_BYTES), entries["type"], 0)
            count = entries["count"].astype(np.float64)
            n_bytes = count * _TYPE_BYTES[known]
            end = entries["value"].astype(np.float64) + n_bytes
            bad = (n_bytes > inline) & (end > self._file.size)
            if bad.any():
                entry = entries[int(np.argmax(bad))]
                needed = format_bytes(float(n_bytes[np.argmax(bad)]))
                raise self._outside(f"tag {entry['tag']} claims {needed}")
        self._entries.clear()

    def _check_description(self) -> None:
        entry = self._first[self._first["tag"] == DESCRIPTION]
        if len(entry) and entry[0]["count"] > MOST_XML_BYTES:
            raise DataError(
                str(self._file.path),
                "XML over the limit of 16 MiB",
                format_bytes(int(entry[0]["count"])),
                id="PYR-TIF-06",
            )
        if "<!doctype" in self.description().lower():
            raise DataError(
                str(self._file.path),
                "XML with DOCTYPE refused",
                mend="save it again without",
                id="PYR-TIF-06",
            )

    def _outside(self, what: str) -> DataError:
        return DataError(
            str(self._file.path),
            "truncated or damaged page list",
            f"{what}, the file has {grouped(self._file.size)} B",
            "copy it again",
            id="PYR-TIF-01",
        )


def check_declared(file: FlatFile, declared: int, stored: int) -> None:
    """Refuse a TIFF that declares more bytes than it can hold.

    Parameters
    ----------
    file : FlatFile
        The file.
    declared : int
        Decoded bytes.
    stored : int
        Bytes that are there for them.
    """
    if declared > stored:
        raise DataError(
            str(file.path),
            f"declares {_binary(declared)}, has {_binary(stored)}",
            mend="copy it again",
            id="PYR-TIF-02",
        )


def check_strips(file: FlatFile, directories: Directories) -> None:
    """Compare what the first page says of its strips, if they are not compressed, with what it needs.

    Strips that are left out (offset and count are 0) are told elsewhere.

    Raises
    ------
    DataError
        If they hold fewer bytes than the page has, or lie beyond the end of the file.
    """
    numbers = {tag: directories.number(tag, default) for tag, default in _OF_A_PAGE.items()}
    offsets = directories.values(_STRIP_OFFSETS).astype(np.float64)
    counts = directories.values(_STRIP_COUNTS).astype(np.float64)
    is_known = len(counts) and len(offsets) == len(counts)
    if numbers[_COMPRESSION] != 1 or not is_known or not offsets.all():
        return
    row_bits = numbers[_WIDTH] * numbers[_SAMPLES] * numbers[_BITS]
    check_declared(file, numbers[_LENGTH] * row_bits // 8, int(counts.sum()))
    check_declared(file, int((offsets + counts).max()), file.size)


def _binary(n_bytes: int) -> str:
    if n_bytes < 1024:
        return f"{n_bytes} B"
    power = min(6, int(math.log2(n_bytes)) // 10)
    return f"{n_bytes / 1024**power:.1f} {'KMGTPE'[power - 1]}iB"


def _read_head(file: FlatFile, head: bytes) -> tuple[Layout, int]:
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    version = int(np.frombuffer(head[2:4], f"{order}u2")[0]) if order and len(head) >= 8 else 0
    if version == 42:
        return Layout(order, is_big=False), int(np.frombuffer(head[4:8], f"{order}u4")[0])
    if version == 43 and len(head) == 16:
        return Layout(order, is_big=True), int(np.frombuffer(head[8:16], f"{order}u8")[0])
    raise not_a(file, "TIFF")
