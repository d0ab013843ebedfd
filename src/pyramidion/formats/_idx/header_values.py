"""The values of the header, key by key, checked before anything is allocated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from pyramidion.core import DataError
from pyramidion.formats._idx.bitmask import MAX_BITS, XYZ, Bitmask
from pyramidion.formats._idx.errors import header_error
from pyramidion.formats._idx.fields import IdxField

AXIS_LIMIT = 2**40
ARRAY_LIMIT = 2**50
BLOCK_LIMIT = 2**30
_FILE_BYTES = 2**27
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")


def default_blocks_per_file(fields: Sequence[IdxField], bitsperblock: int, n_blocks: int) -> int:
    """Return how many blocks a file has when nothing says so: about 128 MiB of all fields."""
    return max(
        1, min(n_blocks, _FILE_BYTES // (sum(f.sample_bytes for f in fields) << bitsperblock))
    )


def arco_bits(arco: int, sample_bytes: int, maxh: int) -> int:
    """Return the bits per block of an ARCO dataset, ``arco`` being the most bytes of a block.

    Parameters
    ----------
    arco : int
        At least `sample_bytes`.
    sample_bytes : int
        Bytes of a point of the largest field.
    maxh : int
        Digits of the bitmask.

    Examples
    --------
    >>> arco_bits(4 << 20, 3, 40), arco_bits(4 << 20, 1, 12)
    (20, 12)
    """
    return min(maxh, (arco // sample_bytes).bit_length() - 1)


def parse_version(text: str, where: str) -> int:
    """Read ``(version)``; IDX-03."""
    if text.strip() not in {"1", "2", "3", "4", "5", "6"}:
        raise DataError(where, "version 1 to 6 supported", text, id="PYR-IDX-03")
    return int(text)


def parse_box(text: str, where: str) -> tuple[XYZ, XYZ]:
    """Read ``x1 x2 y1 y2 ...``, both ends included; further axes must have size 1; IDX-04."""
    words = text.split()
    if not words or not all(_WHOLE.fullmatch(w) for w in words):
        raise header_error(where, "box", "whole numbers needed", text, row=4)
    if len(words) % 2 or len(words) < 4:
        raise header_error(where, "box", "two numbers per axis needed", text, row=4)
    low, high = [int(w) for w in words[::2]], [int(w) for w in words[1::2]]
    if any(b < a for a, b in zip(low, high, strict=True)):
        raise header_error(where, "box", "upper below lower", text, row=4)
    if min(low) < 0:
        raise header_error(where, "box", "must not begin below 0", text, row=4)
    if max(high) >= AXIS_LIMIT:
        raise header_error(where, "box", "over the limit of 2^40 per axis", text, row=4)
    if any(high[3:]):
        raise header_error(where, "box", "2 or 3 axes are supported", text, row=4)
    missing = [0] * (3 - len(low))
    x, y, z = (low + missing)[:3]
    x2, y2, z2 = ((b + 1) for b in (high + missing)[:3])
    return (x, y, z), (x2, y2, z2)


def parse_bitmask(text: str, p2: XYZ, where: str) -> Bitmask:
    """Read ``(bits)``, which must cover a box that ends at `p2`; IDX-05."""
    text = text.strip()
    if text.startswith("F"):
        raise header_error(
            where, "bits", "F (blocks of full resolution) is not supported", text, row=5
        )
    if not re.fullmatch("V[0-9]*", text):
        raise header_error(where, "bits", "V and digits 0 to 2 needed", text or "empty", row=5)
    if len(text) > MAX_BITS + 1:
        what = f"{len(text) - 1} digits, at most {MAX_BITS} are supported"
        raise header_error(where, "bits", what, text, row=5)
    if not re.fullmatch("V[012]*", text):
        raise header_error(where, "bits", "2 or 3 axes are supported", text, row=5)
    bitmask = Bitmask(text)
    if not bitmask.covers(p2) or bitmask.n_axes < 2:
        n_axes = 3 if p2[2] > 1 or bitmask.n_axes == 3 else 2
        sizes, dims = (" x ".join(map(str, n[:n_axes])) for n in (bitmask.size, p2))
        raise header_error(where, "bits", f"{sizes} does not cover {dims}", text, row=5)
    return bitmask


def parse_bits_per_block(
    keys: Mapping[str, str],
    bitmask: Bitmask,
    fields: Sequence[IdxField],
    arco: int,
    where: str,
) -> int:
    """Read ``(bitsperblock)``, or work it out from ``(arco)``; IDX-06."""
    largest = max(f.sample_bytes for f in fields)
    told = parse_whole(keys.get("bitsperblock", "16"), "bitsperblock", where, 1, 32, row=6)
    if arco:
        if arco < largest:
            raise header_error(where, "arco", "smaller than one point", arco, row=6)
        bits = arco_bits(arco, largest, bitmask.maxh)
    else:
        # Of a lone block the library may write more bits than there are: they count as maxh.
        bits = min(told, bitmask.maxh)
    if largest << bits > BLOCK_LIMIT:
        key = "arco" if arco else "bitsperblock"
        raise header_error(where, key, "a block is over the limit of 1 GiB", keys[key], row=6)
    return bits


def check_size(p1: XYZ, p2: XYZ, sample_bytes: int, where: str) -> None:
    """Refuse an array over the limit; IDX-04."""
    n_bytes = math.prod(b - a for a, b in zip(p1, p2, strict=True)) * sample_bytes
    if n_bytes > ARRAY_LIMIT:
        shown = " x ".join(str(b - a) for a, b in zip(p1, p2, strict=True))
        raise header_error(where, "box", "over the limit of 1 PiB", shown, row=4)


def parse_blocks_per_file(
    keys: Mapping[str, str], fields: Sequence[IdxField], bits: int, n_blocks: int, where: str
) -> int:
    """Read ``(blocksperfile)``; -1 stands for all blocks; IDX-06."""
    if "blocksperfile" not in keys:
        return default_blocks_per_file(fields, bits, n_blocks)
    found = parse_whole(keys["blocksperfile"], "blocksperfile", where, -1, 2**62, row=6)
    if found == 0:
        raise header_error(where, "blocksperfile", "must be at least 1", found, row=6)
    return n_blocks if found == -1 else found


def parse_whole(text: str, key: str, where: str, low: int, high: int, *, row: int) -> int:
    """Read a whole number between two limits, both of them included."""
    if not _WHOLE.fullmatch(text.strip()) or not low <= int(text) <= high:
        raise header_error(where, key, f"{low} to {high}", text or "empty", row=row)
    return int(text)


def parse_floats(keys: Mapping[str, str], key: str, n: int, where: str) -> tuple[float, ...] | None:
    """Read `n` finite numbers; None where the key is absent or empty; IDX-04."""
    text = keys.get(key, "").strip()
    if not text:
        return None
    try:
        values = tuple(float(word) for word in text.split())
    except ValueError:
        values = ()
    if not values or not all(map(math.isfinite, values)):
        raise header_error(where, key, "numbers needed", text, row=4)
    if key == "physic_box":
        values = values[:n]
    if len(values) != n:
        raise header_error(where, key, f"{n} numbers needed", text, row=4)
    return values
