"""Which codec a stored block really has, found by its content.

Other programs judge by the length of a block, or believe the header of the dataset, and have left
datasets in which blocks of several codecs stand beside each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyramidion.formats._idx.codecs import BlockFaultError, decode_block
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.geometry import BlockPlace

_READ = ("raw", "zip", "lz4", "png", "jpg")


@dataclass(frozen=True)
class Found:
    """A block that decodes.

    Parameters
    ----------
    codec : str
        What it is stored as.
    samples : ndarray
        Its samples in the order in which they are stored.
    """

    codec: str
    samples: np.ndarray


def identify(body: bytes, declared: str, field: IdxField, place: BlockPlace) -> Found:
    """Decode a block by what it is, whatever it is said to be.

    Parameters
    ----------
    body : bytes
        As stored.
    declared : str
        The codec that header or table say.
    field : IdxField
        Type and components.
    place : BlockPlace
        The block's grid.

    Raises
    ------
    BlockFaultError
        If it is none of the codecs; the text is that of the declared one.
    """
    shape = (*place.shape, field.components)
    first: BlockFaultError | None = None
    for codec in _candidates(body, declared):
        try:
            samples = decode_block(body, codec, field.dtype, shape)
            return Found(codec, np.ascontiguousarray(samples))
        except BlockFaultError as fault:
            if codec == declared or first is None:
                first = fault
    assert first is not None
    raise first


def _candidates(body: bytes, declared: str) -> list[str]:
    """Return the codecs to try: a zlib stream says so itself, by its head and its checksum."""
    head = int.from_bytes(body[:2], "big")
    has_zlib_head = head >> 8 & 15 == 8 and head % 31 == 0
    likely = ["zip"] if has_zlib_head else []
    known = [declared] if declared in _READ else []
    return list(dict.fromkeys([*likely, *known, "raw", "lz4"]))
