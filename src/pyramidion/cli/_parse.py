"""Values of options, from text; every fault names the option."""

from __future__ import annotations

import math
from pathlib import Path

from pyramidion.core import UsageError, parse_count


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


def parse_box(text: str) -> str:
    """Check ``--box`` as far as that is possible before the record is known."""
    from pyramidion.workflows._crop import parse_sample_box

    if text:
        parse_sample_box(text, n_samples=10**18)
    return text


def parse_compression(text: str, destination: Path) -> str:
    """Check ``--compression`` for the format of a destination."""
    from pyramidion.formats import format_of_destination
    from pyramidion.formats._hdf5.sink import gzip_level
    from pyramidion.shards import Codec

    written = format_of_destination(destination)
    if written.name == "hdf5":
        gzip_level(text)
    elif written.name == "zarr":
        Codec.parse(text)
    elif text not in ("", "none"):
        raise UsageError(
            "--compression", "is for .zarr and .h5 only", text, "leave it out", id="PYR-ALL-13"
        )
    return text


def parse_zarr_format(text: str, destination: Path) -> int:
    """Read ``--zarr-format`` for the format of a destination."""
    from pyramidion.formats import format_of_destination

    if text not in ("2", "3"):
        raise UsageError(
            "--zarr-format", "must be 2 or 3", text, "leave it out for 3", id="PYR-ALL-13"
        )
    if text == "2" and format_of_destination(destination).name != "zarr":
        raise UsageError(
            "--zarr-format", "is for .zarr only", destination, "leave it out", id="PYR-ALL-13"
        )
    return int(text)
