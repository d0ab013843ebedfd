"""Values of options, from text; every fault names the option."""

from __future__ import annotations

import math

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


def parse_zarr_format(text: str) -> int:
    """Read ``--zarr-format``."""
    if text not in ("2", "3"):
        raise UsageError(
            "--zarr-format", "must be 2 or 3", text, "leave it out for 3", id="PYR-ALL-13"
        )
    return int(text)
