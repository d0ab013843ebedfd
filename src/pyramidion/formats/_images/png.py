"""PNG: header, the structure of the chunks, decoding, encoding.

libpng as imagecodecs builds it accepts a picture without its end, and prints what it thinks of
colour profiles; so the chunks are checked here, and only those that hold the picture reach it.

Measured (1024 x 1024 uint16 by Pillow, half Sub, half Up rows; MB of pixels per CPU second): whole
decode 195; inflate alone with libdeflate 490, un-filter in C 740, the two together 290. A compiled
un-filter of our own would gain 1.5, less than a dependency is worth. CRC of all chunks: 6700.

Source: W3C PNG Specification (third edition), 5 (chunks), 11.2 (critical chunks).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyramidion.core import DataError
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._images.picture import Picture, damaged, not_a, refused

MAGIC = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_HEAD_BYTES = 4096
_MOST_CHUNKS_AHEAD = 1000
_SPARE_BYTES = 2**20
_PIECE_BYTES = 2**16
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # fmt: skip
"""First column and row of the passes of an interlaced picture, and the steps (8.2)."""
_LEVEL, _RUN_LENGTHS, _SUB_FILTER = 1, 3, 16


def read_header(file: FlatFile) -> Picture:
    """Read what a PNG is.

    Raises
    ------
    DataError
        If it is no PNG, or of a kind that is not read.
    DamagedError
        If its header is not whole.
    """
    head = file.read_head(_HEAD_BYTES)
    if not head.startswith(MAGIC):
        raise not_a(file, "PNG")
    if head[12:16] != b"IHDR" or head[8:12] != b"\0\0\0\r" or len(head) < 33:
        raise damaged(file, None, None)
    if zlib.crc32(head[12:29]) != int.from_bytes(head[29:33]):
        raise damaged(file, None, None)
    width, height, bits, color, method, filters, interlace = struct.unpack(">IIBBBBB", head[16:29])
    if bits not in _BITS.get(color, ()) or method or filters or interlace > 1:
        raise refused(file, f"PNG with {bits} bits of colour type {color}")
    ahead = _kinds_ahead(file, head)
    if b"acTL" in ahead:
        raise refused(file, "animated PNG", "save its frames as single pictures")
    has_transparency = b"tRNS" in ahead
    samples = 4 if color == _PALETTE and has_transparency else _SAMPLES[color]
    return Picture(
        width,
        height,
        samples,
        np.dtype(np.uint16 if bits == 16 else np.uint8),
        bits,
        _remark(color, bits, has_transparency=has_transparency),
        is_interlaced=bool(interlace),
        has_palette=color == _PALETTE,
    )


def decode(file: FlatFile, picture: Picture, out: np.ndarray | None) -> np.ndarray:
    """Decode a PNG.

    Parameters
    ----------
    file : FlatFile
        The file.
    picture : Picture
        Its header.
    out : ndarray, shape ``picture.shape``, or None
        Where to put the elements.

    Raises
    ------
    DamagedError
        If a chunk is missing, cut or does not agree with its checksum, or the pixels do not decode.
    """
    import imagecodecs

    data: Any = _critical(file, picture)
    try:
        values: np.ndarray = imagecodecs.png_decode(data, out=out)
    except (RuntimeError, ValueError) as error:
        raise damaged(file, _bad_row(data, picture), picture) from error
    if values.shape != picture.shape or values.dtype != picture.dtype:
        raise damaged(file, None, picture)
    if picture.bits < 8 and picture.samples == 1:
        # libpng spreads 4 bits over 0..255; the numbers that were stored are wanted.
        values //= 255 // (2**picture.bits - 1)
    return values


def encode(values: np.ndarray) -> bytes:
    """Encode (y, x) or (y, x, 3 or 4) of uint8 or uint16.

    Level 1 with runs only and the Sub filter: 98 MB/s of noisy uint16 (33 with libpng's choice, 2 %
    smaller), and still small where a picture is flat.
    """
    import imagecodecs

    encoded: bytes | bytearray = imagecodecs.png_encode(
        np.ascontiguousarray(values), level=_LEVEL, strategy=_RUN_LENGTHS, filter=_SUB_FILTER
    )
    return bytes(encoded)


def _remark(color: int, bits: int, *, has_transparency: bool) -> str:
    if color == _PALETTE:
        return (
            "colours of a palette are read as RGBA"
            if has_transparency
            else ("colours of a palette are read as RGB")
        )
    if has_transparency:
        return "the colour that is said to be transparent is read as any other"
    return f"{bits}-bit numbers are kept as stored (0 to {2**bits - 1})" if bits < 8 else ""


def _kinds_ahead(file: FlatFile, head: bytes) -> set[bytes]:
    """Return the kinds of the chunks before the pixels."""
    found: set[bytes] = set()
    at = 8
    for _ in range(_MOST_CHUNKS_AHEAD):
        label = head[at : at + 8]
        if len(label) < 8:
            n_bytes = max(0, min(8, file.size - at))
            label = file.read_array(at, (n_bytes,), np.dtype("u1")).tobytes()
        kind = label[4:8]
        if len(label) < 8:
            raise damaged(file, None, None)
        if kind == b"IDAT":
            return found
        found.add(kind)
        at += 12 + int.from_bytes(label[:4])
    raise DataError(
        str(file.path), f"more than {_MOST_CHUNKS_AHEAD} chunks before the pixels", id="PYR-IMG-04"
    )


def _critical(file: FlatFile, picture: Picture) -> bytes | np.ndarray:
    """Return the PNG without what is not the picture, every chunk checked."""
    kept = {b"IHDR", b"IDAT", b"IEND"}
    if picture.has_palette:
        kept |= {b"PLTE", b"tRNS"} if picture.samples == 4 else {b"PLTE"}
    if file.size > picture.n_bytes + _SPARE_BYTES:
        # More than the pixels can need: text, or a bomb of it, that is never read.
        return b"".join([MAGIC, *_checked_chunks(_SeekingReader(file), file, picture, kept)])
    data = file.read_array(0, (file.size,), np.dtype("u1"))
    view = data.data
    parts = list(_checked_chunks(view, file, picture, kept))
    is_all = sum(map(len, parts)) + len(MAGIC) == file.size
    return data if is_all else b"".join([MAGIC, *parts])


class _SeekingReader:
    """Slices of a file, read when they are asked for."""

    def __init__(self, file: FlatFile) -> None:
        self._file = file

    def __getitem__(self, part: slice) -> memoryview:
        stop = min(part.stop, self._file.size)
        n_bytes = max(0, stop - part.start)
        return self._file.read_array(part.start, (n_bytes,), np.dtype("u1")).data


def _checked_chunks(
    data: memoryview | _SeekingReader, file: FlatFile, picture: Picture, kept: set[bytes]
) -> Iterator[memoryview]:
    """Yield whole chunks (length, kind, data, checksum) up to the end, as far as they are sound."""
    at = len(MAGIC)
    done: list[memoryview] = []
    most = picture.n_bytes + _SPARE_BYTES
    while True:
        label = data[at : at + 8]
        n_bytes, kind = int.from_bytes(label[:4]), bytes(label[4:8])
        end = at + 12 + n_bytes
        if len(label) < 8 or end > file.size:
            raise damaged(file, _bad_row(b"".join([MAGIC, *done]), picture), picture)
        if kind in kept:
            if n_bytes > most:
                raise damaged(file, None, picture)
            chunk = data[at:end]
            if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
                raise damaged(file, _bad_row(b"".join([MAGIC, *done]), picture), picture)
            done.append(chunk)
            yield chunk
        if kind == b"IEND":
            return
        at = end


def _bad_row(data: bytes | np.ndarray, picture: Picture) -> int | None:
    """Return the first row that the pixels in these chunks do not hold whole."""
    return _row(_inflated(data, _filtered_bytes(picture)), picture)


def _row(n_bytes: int, picture: Picture) -> int | None:
    if picture.is_interlaced:
        return None
    return min(n_bytes // _row_bytes(picture.width, picture), picture.height - 1)


def _row_bytes(width: int, picture: Picture) -> int:
    samples = 1 if picture.has_palette else picture.samples
    return 1 + (width * samples * picture.bits + 7) // 8


def _filtered_bytes(picture: Picture) -> int:
    """Return the bytes that the pixels unpack to: rows, each with the number of its filter."""
    if not picture.is_interlaced:
        return picture.height * _row_bytes(picture.width, picture)
    total = 0
    for x, y, every_x, every_y in _PASSES:
        columns = -(-(picture.width - x) // every_x)
        rows = -(-(picture.height - y) // every_y)
        if columns > 0 and rows > 0:
            total += rows * _row_bytes(columns, picture)
    return total


def _inflated(data: bytes | np.ndarray, most: int) -> int:
    """Return to how many bytes the pixels unpack.

    No more than `most` are counted, and none are held.
    """
    from isal import isal_zlib

    inflater, n_bytes = isal_zlib.decompressobj(), 0
    for part in _pixel_parts(data):
        rest: memoryview | bytes = part
        try:
            while len(rest) and not inflater.eof and n_bytes < most:
                n_bytes += len(inflater.decompress(rest, min(_PIECE_BYTES, most - n_bytes)))
                rest = inflater.unconsumed_tail
        except isal_zlib.error:  # type: ignore[misc] # it is one: the stubs call it an object
            return n_bytes
        if n_bytes >= most:
            break
    return n_bytes


def _pixel_parts(data: bytes | np.ndarray) -> Iterator[memoryview]:
    """Yield the compressed pixels, in pieces."""
    view, at = _view(data), len(MAGIC)
    while at + 8 <= len(view):
        length = int.from_bytes(view[at : at + 4])
        if bytes(view[at + 4 : at + 8]) == b"IDAT":
            for begin in range(at + 8, at + 8 + length, _PIECE_BYTES):
                yield view[begin : min(begin + _PIECE_BYTES, at + 8 + length)]
        at += 12 + length


def _view(data: bytes | np.ndarray) -> memoryview:
    return data.data if isinstance(data, np.ndarray) else memoryview(data)
