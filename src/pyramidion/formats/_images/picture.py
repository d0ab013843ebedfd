"""What a picture is, as its header says, and what is refused before any of it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import DamagedError, DataError, format_bytes
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._format import OpenOptions
from pyramidion.formats._registry import looks_like

BOMB_BYTES, BOMB_RATIO = 2**26, 500
"""Beyond 64 MiB, a picture may decode to at most 500 times its file; deflate reaches 1000 only for
a picture of one colour."""


@dataclass(frozen=True)
class Picture:
    """What the header of a picture says.

    Parameters
    ----------
    width, height : int
        Elements along x and y.
    samples : int
        1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
    dtype : numpy.dtype
        Of the decoded elements.
    bits : int
        Of the stored elements.
    remark : str
        What reading changes or leaves out; empty if nothing.
    voxel : tuple of float, or None
        Size of an element along y and x in micrometres, where the file tells it.
    is_interlaced : bool
        PNG: rows are not stored in order.
    has_palette : bool
        PNG: what is stored are numbers of colours.
    """

    width: int
    height: int
    samples: int
    dtype: np.dtype[Any]
    bits: int = 8
    remark: str = ""
    voxel: tuple[float, float] | None = None
    is_interlaced: bool = False
    has_palette: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(y, x), or (y, x, samples)."""
        plane = (self.height, self.width)
        return plane if self.samples == 1 else (*plane, self.samples)

    @property
    def n_bytes(self) -> int:
        """Bytes of the decoded elements."""
        return self.width * self.height * self.samples * self.dtype.itemsize


def check_size(file: FlatFile, picture: Picture, options: OpenOptions) -> None:
    """Refuse what is empty, too large, or far larger than its file.

    Raises
    ------
    DataError
        With the identifier of the rule that is broken.
    """
    n_pixels = picture.width * picture.height
    if not n_pixels:
        raise DataError(
            str(file.path), "empty", f"{picture.width} x {picture.height}", id="PYR-IMG-02"
        )
    is_asked = options.max_pixels != OpenOptions.max_pixels
    is_bomb = picture.n_bytes > BOMB_BYTES and picture.n_bytes > BOMB_RATIO * file.size
    if n_pixels > options.max_pixels or (is_bomb and not is_asked):
        raise DataError(
            str(file.path),
            f"{grouped(round(n_pixels / 1e6))} megapixels from {_megabytes(file.size)}: refused",
            mend=f"--max-pixels {n_pixels} if intended",
            id="PYR-IMG-03",
        )


def not_a(file: FlatFile, kind: str) -> DataError:
    """Return the error for a file that is not what its name says."""
    return DataError(
        str(file.path),
        f"not a {kind}",
        looks_like(file.path),
        "give it the ending of what it is",
        id="PYR-IMG-01",
    )


def damaged(file: FlatFile, row: int | None, picture: Picture | None) -> DamagedError:
    """Return the error for a picture that does not decode; `row` is the first bad one, if known."""
    known = row is not None and picture is not None
    where = f"row {grouped(row or 0)} of {grouped(picture.height)}" if known and picture else None
    return DamagedError(
        str(file.path), "truncated or damaged", where, "copy it again", id="PYR-IMG-02"
    )


def refused(
    file: FlatFile, what: str, mend: str = "save it again as plain grey or RGB"
) -> DataError:
    """Return the error for a kind of picture that is not read."""
    return DataError(str(file.path), f"{what} not supported", mend=mend, id="PYR-IMG-05")


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes > 50_000 else format_bytes(n_bytes)
