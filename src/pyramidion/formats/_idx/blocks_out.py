"""Blocks cut out of an array and encoded."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from pyramidion.core import UsageError
from pyramidion.formats._idx.bitmask import XYZ
from pyramidion.formats._idx.cascade import Tile
from pyramidion.formats._idx.geometry import BlockPlace, shared_slices

CODEC_FLAGS = {"raw": 0, "zip": 3, "lz4": 7}
"""What the table of a file calls the codecs that are written."""
_ZIP_LEVEL, _ZIP_BEST = 1, 9
_ZIP_NAMES = {"zip-z_best_speed": _ZIP_LEVEL, "zip-z_best_compression": _ZIP_BEST}
Encoded = bytes | bytearray | memoryview
_LOSSY = ("zfp", "jpg", "jpeg")


@dataclass(frozen=True)
class BlockCodec:
    """How a block becomes bytes.

    Parameters
    ----------
    name : str
        ``raw``, ``zip`` or ``lz4``.
    level : int
        Of zip.
    """

    name: str = "zip"
    level: int = _ZIP_LEVEL

    @classmethod
    def parse(cls, text: str, option: str) -> BlockCodec:
        """Read what the user typed; nothing means zip.

        Parameters
        ----------
        text : str
            ``raw``, ``lz4``, ``zip``, ``zip:6``, or OpenVisus' ``zip-Z_BEST_SPEED`` and
            ``zip-Z_BEST_COMPRESSION``.
        option : str
            The option it was typed for, named in the error.

        Raises
        ------
        UsageError
            If it is anything else. OpenVisus reads further codecs, but not zstd.

        Examples
        --------
        >>> BlockCodec.parse("zip:6", "--codec"), BlockCodec.parse("lz4", "--codec").name
        (BlockCodec(name='zip', level=6), 'lz4')
        """
        word = text.strip().lower() or "zip"
        word = "raw" if word == "none" else word
        if word in _ZIP_NAMES:
            return cls("zip", _ZIP_NAMES[word])
        name, colon, level = word.partition(":")
        if name not in CODEC_FLAGS:
            raise _unknown(text, name, option)
        if colon and name != "zip":
            raise UsageError(option, "only zip has levels", text, f"write {name}", id="PYR-CMP-01")
        if colon and not (re.fullmatch("[0-9]{1,2}", level) and 1 <= int(level) <= 12):
            raise UsageError(
                option, "level must be 1 to 12", text, f"write zip:{_ZIP_LEVEL}", id="PYR-CMP-01"
            )
        return cls(name, int(level) if colon else _ZIP_LEVEL)

    @property
    def in_header(self) -> str:
        """What ``default_compression`` of a field says."""
        return "" if self.name == "raw" else self.name

    def encode(self, block: np.ndarray | bytes | memoryview) -> Encoded:
        """Encode a block.

        Parameters
        ----------
        block : contiguous array or bytes
            The samples.

        Returns
        -------
        bytes
            Never as long as the block itself unless the codec is raw: by the length alone, other
            programs take a block for one that is not compressed.
        """
        raw = np.frombuffer(block, np.uint8).data
        if self.name == "raw":
            return raw
        body = _zip(raw, self.level) if self.name == "zip" else _lz4(raw)
        if len(body) != raw.nbytes:
            return body
        return _zip_stored(raw) if self.name == "zip" else _lz4_stored(raw)


def cut_block(place: BlockPlace, samples: np.ndarray, tile: Tile, stride: XYZ) -> np.ndarray:
    """Return the samples of a block.

    Parameters
    ----------
    place : BlockPlace
        The block.
    samples : ndarray, shape (z, y, x, components)
        The lattice points of a tile.
    tile : Tile
        Where they lie.
    stride : tuple of int
        Distance of lattice points, x, y, z.

    Returns
    -------
    ndarray, shape (z, y, x, components)
        C-contiguous; zero outside of the tile.
    """
    shape = (*place.shape, samples.shape[-1])
    shared = shared_slices(place, tile.first, tile.shape, stride)
    if shared is None:
        return np.zeros(shape, samples.dtype)
    here, there = shared
    part = samples[here]
    if part.shape == shape:
        return np.ascontiguousarray(part)
    block = np.zeros(shape, samples.dtype)
    block[there] = part
    return block


def _unknown(text: str, name: str, option: str) -> UsageError:
    if name.partition("-")[0] in _LOSSY:
        return UsageError(
            f"{option} {text}",
            "is lossy",
            mend="only zip, lz4 and raw are written, which lose nothing",
            id="PYR-CMP-05",
        )
    if name == "zstd":
        return UsageError(
            option,
            "IDX has no zstd, because OpenVisus does not read it",
            text,
            "use zip, lz4 or raw",
            id="PYR-CMP-01",
        )
    return UsageError(
        option, "unknown", text, "one of zip, lz4, zstd, raw (IDX has no zstd)", id="PYR-CMP-01"
    )


def _zip(raw: memoryview, level: int) -> bytes | bytearray:
    if level == _ZIP_LEVEL:
        # Measured on noisy 16 bit: 435 MB/s a core at 58.8 %; libdeflate's 140 MB/s at 58.3 %.
        from isal import isal_zlib

        quick: bytes = isal_zlib.compress(raw, _ZIP_LEVEL)
        return quick
    import deflate

    body: bytearray = deflate.zlib_compress(raw, level)
    return body


def _zip_stored(raw: memoryview) -> bytes | bytearray:
    """Return a zlib stream that is always longer than what it holds."""
    return _zip(raw, 0)


def _lz4(raw: memoryview) -> memoryview:
    from numcodecs import lz4

    # numcodecs puts the length before the block of LZ4, in four bytes.
    return memoryview(lz4.compress(raw))[4:]


def _lz4_stored(raw: memoryview) -> bytes:
    """Return one LZ4 sequence of literals, which is always longer than what it holds."""
    n = raw.nbytes
    if n < 15:
        return bytes([n << 4]) + bytes(raw)
    more, last = divmod(n - 15, 255)
    return bytes([0xF0]) + b"\xff" * more + bytes([last]) + bytes(raw)
