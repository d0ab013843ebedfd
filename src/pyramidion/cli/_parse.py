"""Values of options, from text; every fault names the option."""

from __future__ import annotations

import math
import re
from pathlib import Path

from pyramidion.core import UsageError, parse_count, parse_size


def parse_workers(text: str) -> int:
    """Read ``--workers``; empty means one per core."""
    if not text:
        return 0
    n_workers = parse_count(text, "--workers")
    if not 1 <= n_workers <= 1024:
        raise UsageError("--workers", "must be 1 to 1024", text, id="PYR-ALL-13")
    return n_workers


def parse_interval(text: str) -> float | None:
    """Read ``--dt`` in seconds."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(
            "--dt",
            "must be a number of seconds above 0",
            text,
            "write for example 2e-9",
            id="PYR-ALL-13",
        )
    return value


def parse_number(text: str, option: str) -> float:
    """Read a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(
            option, "must be a finite number", text, "write for example 0.01", id="PYR-GEN-08"
        )
    return value


def parse_compression(text: str, destination: Path) -> str:
    """Check ``--compression`` for the format of a destination; IDX checks its own."""
    suffix = destination.suffix.lower()
    if suffix in (".h5", ".hdf5", ".hdf"):
        from pyramidion.formats._hdf5.sink import gzip_level

        gzip_level(text)
    elif suffix == ".zarr":
        from pyramidion.shards import Codec

        Codec.parse(text)
    elif suffix != ".idx" and text not in ("", "none"):
        raise UsageError(
            "--compression",
            "is for .zarr, .idx and .h5 only",
            text,
            "leave it out",
            id="PYR-ALL-13",
        )
    return text


def parse_zarr_format(text: str, destination: Path) -> int:
    """Read ``--zarr-format`` for the format of a destination."""
    if text not in ("2", "3"):
        raise UsageError(
            "--zarr-format", "must be 2 or 3", text, "leave it out for 3", id="PYR-ALL-13"
        )
    if text == "2" and destination.suffix.lower() != ".zarr":
        raise UsageError(
            "--zarr-format", "is for .zarr only", destination, "leave it out", id="PYR-ALL-13"
        )
    return int(text)


def not_blank(text: str | None, option: str, mend: str) -> str:
    """Return an option's text, empty when it is not given.

    Raises
    ------
    UsageError
        If it is given and blank, as by a script whose variable is not set.
    """
    if text is not None and not text.strip():
        raise UsageError(option, "empty", repr(text), mend, id="PYR-ALL-13")
    return text or ""


def parse_arco(text: str) -> int | None:
    """Read ``--arco``: bytes of a block, 0 for ``modvisus``, None when it is not given."""
    if not text:
        return None
    if text.lower() == "modvisus":
        return 0
    n_bytes = parse_size(text, "--arco")
    # IDX halves blocks: what is no power of two is rounded down, and a block has two samples.
    if n_bytes < 16:
        raise UsageError("--arco", "not a size", text, "write for example 1mb", id="PYR-ALL-13")
    return n_bytes


def parse_voxel(text: str) -> tuple[tuple[float, float, float] | None, str]:
    """Read ``--voxel``: one or three numbers (z, y, x) and a unit.

    Returns
    -------
    tuple of float, or None
        When nothing is given.
    str
        The unit.
    """
    parts = re.sub(r"([0-9.])([a-zµ]+)$", r"\1 \2", text.replace(",", " ").strip()).split()
    unit = parts.pop() if parts and parts[-1].isalpha() else "um"
    unit = {
        "µm": "um",
        "micrometer": "um",
        "micron": "um",
        "nanometer": "nm",
        "millimeter": "mm",
    }.get(unit, unit)
    if not text:
        return None, unit
    numbers = [parse_number(part, "--voxel") for part in parts]
    is_size = len(numbers) in (1, 3) and all(n > 0 for n in numbers)
    if not is_size or unit not in ("um", "nm", "mm", "cm", "m", "pm"):
        raise UsageError(
            "--voxel", "not a voxel size", text, 'write for example "2 0.5 0.5 um"', id="PYR-ALL-13"
        )
    z, y, x = numbers * 3 if len(numbers) == 1 else numbers
    return (z, y, x), unit


def parse_range(text: str) -> tuple[float, float] | None:
    """Read ``--range "LO HI"``."""
    if not text:
        return None
    numbers = [parse_number(part, "--range") for part in text.replace(",", " ").split()]
    if len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise UsageError(
            "--range", "two rising numbers needed", text, 'write "0 4095"', id="PYR-BOX-05"
        )
    return numbers[0], numbers[1]


def parse_kind(text: str) -> str:
    """Read ``--as``."""
    if text not in ("", "waveform", "image"):
        raise UsageError("--as", "waveform or image", text, "leave it out", id="PYR-ALL-13")
    return text


def parse_fit(*, crop: bool, pad: bool) -> str:
    """Read ``--crop`` and ``--pad``, which exclude each other."""
    if crop and pad:
        raise UsageError("--pad", "given with --crop", mend="choose one", id="PYR-IMG-06")
    return "crop" if crop else "pad" if pad else ""


def parse_level(text: str, end_resolution: str) -> int:
    """Read ``--level``; an end resolution is the last level."""
    if text and end_resolution:
        raise UsageError("--toh", "given with --level", mend="choose one", id="PYR-BOX-07")
    if end_resolution:
        from pyramidion.workflows import LAST_LEVEL

        return LAST_LEVEL
    level = parse_count(text, "--level") if text else 0
    if level < 0:
        raise UsageError("--level", "must be at least 0", text, id="PYR-BOX-07")
    return level
