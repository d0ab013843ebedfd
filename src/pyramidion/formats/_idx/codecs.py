"""Decoding of one block; nothing larger than the block is ever allocated.

zip is one zlib stream, lz4 one LZ4 block without a frame, png and jpg are a picture of the block
whose rows go upwards; for zfp see there.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from pyramidion.formats._flat_file import grouped
from pyramidion.formats._idx import zfp

_DIAGNOSE_MORE = 2**24
_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "an LZ4 frame",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"<": "HTML",
}
_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_LZ4_RATIO = 255


class BlockFaultError(Exception):
    """A body does not decode; the text says what was expected and what it looks like."""


class TooLongError(BlockFaultError):
    """A body holds more than a block."""


def decode_block(
    body: bytes,
    codec: str,
    dtype: np.dtype[Any],
    shape: tuple[int, int, int, int],
    compression: str = "",
) -> np.ndarray:
    """Decode a block.

    Parameters
    ----------
    body : bytes
        As stored.
    codec : str
        ``raw``, ``zip``, ``lz4``, ``png``, ``jpg`` or ``zfp``.
    dtype : numpy.dtype
        Type of a component in the file, of either byte order.
    shape : tuple of int
        (z, y, x, components); pictures and zfp need to know more than the product.
    compression : str
        What the field says, for the parameters of zfp.

    Returns
    -------
    ndarray, shape (z * y * x, components)
        In the order in which they are stored. May be read-only.

    Raises
    ------
    BlockFaultError
        If it does not decode to exactly the bytes of a block.
    """
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if codec in ("png", "jpg"):
        values = _decode_picture(body, codec, dtype, shape)
    elif codec == "zfp":
        values = _decode_zfp(body, compression, dtype, shape)
    else:
        decode = {"raw": _decode_raw, "zip": _decode_zip, "lz4": _decode_lz4}[codec]
        values = np.frombuffer(decode(body, n_bytes), dtype)
    return values.reshape(-1, shape[3])


def largest_body(codec: str, n_bytes: int) -> int:
    """Return the most bytes that the body of a block can sensibly have."""
    return n_bytes if codec == "raw" else n_bytes + n_bytes // 64 + 65536


def fault(codec: str, body: bytes, n_bytes: int) -> BlockFaultError:
    """Return what is wrong with a body that does not decode."""
    looks = looks_like(body, n_bytes) if body else ""
    hint = f", looks {looks}" if looks and looks != f"like {codec}" else ""
    size = f"{grouped(len(body))} bytes" if len(body) != 1 else "1 byte"
    return BlockFaultError(f"expected {codec}, {size}{hint}")


def looks_like(body: bytes, n_bytes: int) -> str:
    """Return what a body looks like by its first bytes and its length; empty when unknown."""
    if body.startswith(_ZLIB_HEADS):
        return "like zip"
    if len(body) == n_bytes:
        return "raw"
    return next((f"like {name}" for magic, name in _MAGICS.items() if body.startswith(magic)), "")


def _decode_raw(body: bytes, n_bytes: int) -> bytes:
    if len(body) > n_bytes:
        raise too_long(n_bytes)
    if len(body) < n_bytes:
        raise fault("raw", body, n_bytes)
    return body


def _decode_zip(body: bytes, n_bytes: int) -> bytes | bytearray:
    import deflate

    try:
        plain: bytearray = deflate.zlib_decompress(body, n_bytes)
    except deflate.DeflateError as error:
        raise _zip_fault(body, n_bytes) from error
    if len(plain) != n_bytes:
        raise BlockFaultError(f"expected {grouped(n_bytes)} bytes, holds {grouped(len(plain))}")
    return plain


def _zip_fault(body: bytes, n_bytes: int) -> BlockFaultError:
    """Ask zlib, which decodes piece by piece, whether the stream is too long or broken."""
    try:
        found = zlib.decompressobj().decompress(body, n_bytes + 1)
    except zlib.error as error:
        what = fault("zip", body, n_bytes)
        return BlockFaultError(f"{what}, wrong checksum") if "data check" in str(error) else what
    return too_long(n_bytes) if len(found) > n_bytes else fault("zip", body, n_bytes)


def _decode_lz4(body: bytes, n_bytes: int) -> bytes | bytearray:
    plain = _lz4(body, n_bytes)
    if plain is None:
        if len(body) * _LZ4_RATIO > n_bytes:
            most = min(len(body) * _LZ4_RATIO, n_bytes + _DIAGNOSE_MORE)
            longer = _lz4(body, most)
            if longer is not None and len(longer) > n_bytes:
                raise too_long(n_bytes)
        raise fault("lz4", body, n_bytes)
    if len(plain) != n_bytes:
        raise BlockFaultError(f"expected {grouped(n_bytes)} bytes, holds {grouped(len(plain))}")
    return plain


def _lz4(body: bytes, most: int) -> bytes | bytearray | None:
    import imagecodecs

    try:
        plain: bytes | bytearray = imagecodecs.lz4_decode(body, header=False, out=most)
    except imagecodecs.Lz4Error:
        return None
    return plain


def _decode_picture(
    body: bytes, codec: str, dtype: np.dtype[Any], shape: tuple[int, int, int, int]
) -> np.ndarray:
    import imagecodecs

    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    size = _png_size(body) if codec == "png" else _jpeg_size(body)
    if size is None or shape[0] != 1 or dtype != np.uint8:
        raise fault(codec, body, n_bytes)
    if size[0] * size[1] > shape[1] * shape[2]:
        raise too_long(n_bytes)
    decode = imagecodecs.png_decode if codec == "png" else imagecodecs.jpeg8_decode
    try:
        picture = decode(body)
    except (imagecodecs.PngError, imagecodecs.Jpeg8Error) as error:
        raise fault(codec, body, n_bytes) from error
    if picture.dtype != dtype or picture.reshape(*picture.shape[:2], -1).shape != shape[1:]:
        raise BlockFaultError(f"expected {codec} of {shape[2]} x {shape[1]}, has {picture.shape}")
    return np.ascontiguousarray(picture[::-1]).reshape(-1)


def _decode_zfp(
    body: bytes, compression: str, dtype: np.dtype[Any], shape: tuple[int, int, int, int]
) -> np.ndarray:
    if not zfp.zfp_parameter(compression) or not zfp.supports(dtype, shape[3]):
        raise BlockFaultError(f"codec zfp, the field says {compression or 'raw'}")
    if not body:
        raise fault("zfp", body, 0)
    return zfp.decode_zfp(body, compression, dtype.name, shape[shape[0] == 1 : 3])


def _png_size(body: bytes) -> tuple[int, int] | None:
    if len(body) < 24 or body[:4] != b"\x89PNG":
        return None
    width, height = struct.unpack(">II", body[16:24])
    return width, height


def _jpeg_size(body: bytes) -> tuple[int, int] | None:
    """Find the frame header (SOF0 to SOF15 without DHT, JPG and DAC; ITU T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(body) and body[at] == 0xFF:
        marker, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", body[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def too_long(n_bytes: int) -> TooLongError:
    """Return the error for a body that holds more than a block."""
    return TooLongError(f"more than {grouped(n_bytes)} B")
