"""JPEG: header, decoding, encoding. Pixels are as stored; a rotation told in EXIF is not done.

Source: ITU-T T.81, B.1 (markers), B.2.2 (frame header).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._images.picture import Picture, damaged, not_a, refused

MAGIC = b"\xff\xd8\xff"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_BASELINE, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_SCAN = 0xDA
_ALONE = {0x01, *range(0xD0, 0xD9)}
_MOST_MARKERS = 10_000
_END = b"\xff\xd9"
QUALITY = 95
"""Of the pictures that are written; every JPEG loses something."""


def read_header(file: FlatFile) -> Picture:
    """Read what a JPEG is.

    Raises
    ------
    DataError
        If it is no JPEG, or of a kind that is not read.
    DamagedError
        If its header is not whole.
    """
    if not file.read_head(3).startswith(MAGIC):
        raise not_a(file, "JPEG")
    for marker, at in _markers(file):
        if marker in _FRAMES:
            return _frame(file, marker, _bytes(file, at, 6))
    raise damaged(file, None, None)


def decode(file: FlatFile, picture: Picture, out: np.ndarray | None) -> np.ndarray:
    """Decode a JPEG; as :func:`pyramidion.formats._images.png.decode`.

    Raises
    ------
    DamagedError
        If it has no end, or does not decode.
    """
    import imagecodecs

    data = file.read_array(0, (file.size,), np.dtype("u1"))
    # A picture that was cut is filled with grey by the decoder; a preview has an end of its own.
    scan = next((at for marker, at in _markers(file) if marker == _SCAN), file.size)
    if data[scan:].tobytes().rfind(_END) < 0:
        raise damaged(file, None, picture)
    try:
        values: np.ndarray = imagecodecs.jpeg8_decode(data.tobytes(), out=out)
    except (RuntimeError, ValueError) as error:
        raise damaged(file, None, picture) from error
    if values.shape != picture.shape:
        raise damaged(file, None, picture)
    return values


def encode(values: np.ndarray) -> bytes:
    """Encode (y, x) or (y, x, 3) of uint8; not exact."""
    import imagecodecs

    encoded: bytes | bytearray = imagecodecs.jpeg8_encode(
        np.ascontiguousarray(values), level=QUALITY
    )
    return bytes(encoded)


def _frame(file: FlatFile, marker: int, frame: bytes) -> Picture:
    if len(frame) < 6:
        raise damaged(file, None, None)
    if marker not in _BASELINE and marker != _PROGRESSIVE:
        raise refused(file, "lossless or arithmetic JPEG", "save it again as PNG or TIFF")
    bits, samples = frame[0], frame[5]
    height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    if bits != 8:
        raise refused(file, f"JPEG of {bits} bits", "save it again as PNG or TIFF")
    if samples not in (1, 3):
        raise refused(file, f"JPEG of {samples} inks (CMYK)", "save it again as RGB")
    return Picture(width, height, samples, np.dtype(np.uint8))


def _markers(file: FlatFile) -> Iterator[tuple[int, int]]:
    """Yield the markers up to the first scan, and where their data begin (after the length)."""
    at = 2
    for _ in range(_MOST_MARKERS):
        label = _bytes(file, at, 4)
        if len(label) < 4 or label[0] != 0xFF:
            return
        marker = label[1]
        if marker == 0xFF or marker in _ALONE:  # fill bytes, markers without data
            at += 1 if marker == 0xFF else 2
            continue
        yield marker, at + 4
        if marker == _SCAN:
            return
        at += 2 + int.from_bytes(label[2:])


def _bytes(file: FlatFile, at: int, n_bytes: int) -> bytes:
    n_bytes = max(0, min(n_bytes, file.size - at))
    return file.read_array(at, (n_bytes,), np.dtype("u1")).tobytes()
