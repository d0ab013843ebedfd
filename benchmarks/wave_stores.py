"""Waveform stores for a benchmark: generated, and any length made of the chunks of a short one."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

LONG = 10**12
SHORT = 2**26  # the shortest record with a full chunk in each level up to 4096 samples a bin
CHUNK, BINS_OF_CHUNK, SHARD = 65_536, 16_384, 2**24
FIRST_BIN, FACTOR, ENOUGH_BINS = 64, 4, 4000
LINKS = 50_000  # names that one file may have, with room to spare


def make_stores(folder: Path, samples: int, *, generated: bool) -> None:
    """Make ``wave.zarr``; ``short.zarr`` as long and ``long.zarr`` of 1e12 samples, made alike."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        pattern = Path(name) / "pattern.zarr"
        generate(pattern, SHORT)
        for store, length in (("short", samples), ("long", LONG)):
            repeat(pattern, folder / f"{store}.zarr", length)
    wave = folder / "wave.zarr"
    room = shutil.disk_usage(folder).free
    if not generated:
        wave.symlink_to("short.zarr")
    elif room < 3 * samples:
        sys.exit(f"{room / 1e9:.0f} GB free: too little for --store generated; try --store made")
    else:
        generate(wave, samples)


def generate(store: Path, samples: int) -> None:
    command = [sys.executable, "-m", "pyramidion", "generate", str(store), "--seed", "1"]
    options = ["--samples", str(samples), "--channels", "1", "--segments", "1"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)


def repeat(pattern: Path, store: Path, samples: int) -> None:
    """Write a record of any length whose chunks are those of a short one, again and again.

    Equal shards are one file with many names.
    """
    root = json.loads((pattern / "zarr.json").read_text())
    known = root["consolidated_metadata"]["metadata"]
    by_factor = {
        entry["attributes"]["samples_per_bin"]: name
        for name, entry in known.items()
        if "samples_per_bin" in entry["attributes"]
    }
    raw = known["raw"]
    metadata = {"raw": resized(raw, [samples], SHARD)}
    put(store / "raw/c/0/0/0", chunk_of(pattern, "raw", raw), samples, CHUNK)
    for k, factor in enumerate(level_factors(samples)):
        like = by_factor[min(factor, FACTOR ** round(math.log(SHORT / BINS_OF_CHUNK, FACTOR)))]
        bins = -(-samples // factor)
        entry = resized(known[like], [2, bins], min(SHARD, whole(bins, BINS_OF_CHUNK)))
        entry["attributes"]["samples_per_bin"] = factor
        metadata[f"overview/{k}"] = entry
        put(
            store / f"overview/{k}/c/0/0/0/0",
            chunk_of(pattern, like, known[like]),
            bins,
            BINS_OF_CHUNK,
        )
    root["consolidated_metadata"]["metadata"] = metadata
    del root["attributes"]["multiscales"]
    (store / "zarr.json").write_text(json.dumps(root))


def level_factors(samples: int) -> list[int]:
    """Samples a bin of the levels, coarsest first."""
    factors = [FIRST_BIN]
    while -(-samples // (factors[0] * FACTOR)) >= ENOUGH_BINS:
        factors.insert(0, factors[0] * FACTOR)
    return factors


def whole(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def resized(entry: dict[str, Any], ends: list[int], shard: int) -> dict[str, Any]:
    """The metadata of an array with other last axes and another shard."""
    entry = json.loads(json.dumps(entry))
    n = len(ends)
    entry["shape"][-n:] = ends
    entry["chunk_grid"]["configuration"]["chunk_shape"][-1] = shard
    return entry


def chunk_of(store: Path, name: str, entry: dict[str, Any]) -> bytes:
    """The second chunk of an array, or its only one; its shard has its index at the end."""
    shard = (store / name / "c" / "/".join("0" * (len(entry["shape"])))).read_bytes()
    inner = entry["codecs"][0]["configuration"]["chunk_shape"][-1]
    slots = entry["chunk_grid"]["configuration"]["chunk_shape"][-1] // inner
    assert inner in (CHUNK, BINS_OF_CHUNK)
    index = np.frombuffer(shard[-16 * slots - 4 : -4], "<u8").reshape(slots, 2)
    offset, length = index[min(1, slots - 1)]
    return shard[offset : offset + length]


def put(folder: Path, chunk: bytes, length: int, unit: int) -> None:
    """Write the shards of an array, all alike."""
    slots = min(SHARD // unit, -(-length // unit))
    index = np.array([[k * len(chunk), len(chunk)] for k in range(slots)], "<u8").tobytes()
    content = chunk * slots + index + google_crc32c.value(index).to_bytes(4, "little")
    folder.mkdir(parents=True)
    for number in range(-(-length // (slots * unit))):
        place = folder / str(number)
        if number % LINKS == 0:
            place.write_bytes(content)
            first = place
        else:
            place.hardlink_to(first)
