"""Waveform stores written by zarr-python in the layouts the viewer must read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, ZstdCodec

FIRST_BIN = 64
FACTOR = 4
ENOUGH_BINS = 4000

CODECS: dict[str, list[Any]] = {
    "blosc": [BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
    "blosc-zstd": [BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()],
    "blosc-plain": [BloscCodec(cname="lz4", clevel=5, shuffle="noshuffle")],
    "zstd": [ZstdCodec(level=3), Crc32cCodec()],
    "gzip": [GzipCodec(level=1), Crc32cCodec()],
    "none": [Crc32cCodec()],
    "bare": [],
}


def bin_extremes(data: np.ndarray, factor: int, *, keep_tail: bool = True) -> np.ndarray:
    """Minima and maxima of bins along the last axis: (..., 2, bins). NaN counts only where there is nothing else."""
    samples = data.shape[-1]
    whole = samples // factor * factor
    parts = []
    if whole:
        parts.append(data[..., :whole].reshape(*data.shape[:-1], -1, factor))
    lows = [np.fmin.reduce(p, axis=-1) for p in parts]
    highs = [np.fmax.reduce(p, axis=-1) for p in parts]
    if keep_tail and whole < samples:
        tail = data[..., whole:]
        lows.append(np.fmin.reduce(tail, axis=-1)[..., None])
        highs.append(np.fmax.reduce(tail, axis=-1)[..., None])
    return np.stack([np.concatenate(lows, axis=-1), np.concatenate(highs, axis=-1)], axis=-2)


def level_factors(samples: int) -> list[int]:
    """Samples per bin of overview/0, overview/1, ...: coarsest first, the finest 64."""
    factors = [FIRST_BIN]
    while -(-samples // (factors[0] * FACTOR)) >= ENOUGH_BINS:
        factors.insert(0, factors[0] * FACTOR)
    return factors


def attributes(shape: tuple[int, ...], **more: Any) -> dict[str, Any]:
    channels, trcs = shape[:2]
    return {
        "pyramidion": {"kind": "waveform", "layout": 1, "version": "0.1.0"},
        "horiz_interval": 2e-9,
        "horiz_offset": -1e-3,
        "horiz_unit": "s",
        "vertical_gains": [[1e-3 * (c + 1)] * trcs for c in range(channels)],
        "vertical_offsets": [[0.25 * c] * trcs for c in range(channels)],
        "vertical_unit": "V",
    } | more


def write_v3(
    path: Path,
    data: np.ndarray,
    *,
    inner: tuple[int, ...] = (1, 1, 1, 65536),
    chunks_per_shard: int = 4,
    bin_chunk: int = 16384,
    codec: str = "blosc",
    index_location: str = "end",
    sharded: bool = True,
    consolidated: bool = True,
    **more: Any,
) -> Path:
    """Write (channels, trcs, segments, samples) as `raw` and all overviews in Zarr v3."""
    root = zarr.open_group(path, mode="w", zarr_format=3)
    root.attrs.update(attributes(data.shape, **more))

    def write(name: str, array: np.ndarray, chunk: tuple[int, ...], attrs: dict[str, Any]) -> None:
        options: dict[str, Any] = {"compressors": CODECS[codec] or None}
        if sharded:
            shard = (*chunk[:-1], chunk[-1] * chunks_per_shard)
            options["shards"] = shard
        if sharded and index_location == "start":
            options = {
                "chunks": shard,
                "serializer": ShardingCodec(
                    chunk_shape=chunk, codecs=[BytesCodec(), *CODECS[codec]], index_location="start"
                ),
                "compressors": None,
            }
        else:
            options["chunks"] = chunk
        made = root.create_array(
            name, shape=array.shape, dtype=array.dtype, fill_value=0, attributes=attrs, **options
        )
        made[...] = array

    write("raw", data, inner, {})
    for k, factor in enumerate(level_factors(data.shape[-1])):
        pairs = bin_extremes(data, factor)
        write(
            f"overview/{k}",
            pairs,
            (*inner[:-1], 2, bin_chunk),
            {"samples_per_bin": factor, "stat": ["min", "max"]},
        )
    if consolidated:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(path)
    return path


def write_v2(
    path: Path,
    data: np.ndarray,
    *,
    chunk: int = 100_000,
    compressor: Any = None,
    old: bool = True,
    separator: str = ".",
    **more: Any,
) -> Path:
    """Write a store as ZoomingOnline lays it out: one overview; `old` drops the samples behind its last whole bin."""
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs.update(
        {
            k: v
            for k, v in attributes(data.shape, **more).items()
            if k in ("horiz_interval", "vertical_gains", "vertical_offsets", *more)
        }
    )
    if compressor is None:
        compressor = numcodecs.Blosc(cname="zstd", clevel=3, shuffle=numcodecs.Blosc.BITSHUFFLE)
    factor = max(1, data.shape[-1] // 4000)
    pairs = bin_extremes(data, factor, keep_tail=not old)

    def write(name: str, array: np.ndarray, chunks: tuple[int, ...], attrs: dict[str, Any]) -> None:
        made = root.create_array(
            name,
            shape=array.shape,
            dtype=array.dtype,
            chunks=chunks,
            fill_value=0,
            attributes=attrs,
            compressors=None if compressor == "none" else compressor,
            chunk_key_encoding={"name": "v2", "separator": separator},
        )
        made[...] = array

    write("raw", data, (1, 1, 1, min(chunk, data.shape[-1])), {})
    write(
        "overview/0",
        pairs,
        (1, 1, 1, 2, pairs.shape[-1]),
        {} if old else {"samples_per_bin": factor},
    )
    return path


def signal(shape: tuple[int, ...], dtype: Any = np.int16, seed: int = 0) -> np.ndarray:
    """A ringing sine with noise, different in each row, filling a good part of the dtype's range."""
    rng = np.random.default_rng(seed)
    rows = int(np.prod(shape[:-1]))
    samples = shape[-1]
    x = np.arange(samples) / max(samples, 1)
    out = np.empty((rows, samples), dtype=np.float64)
    for r in range(rows):
        out[r] = np.sin(2 * np.pi * (3 + r) * x + r) * (
            0.6 + 0.3 * np.cos(2 * np.pi * 41 * x)
        ) + 0.03 * rng.standard_normal(samples)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return out.astype(kind).reshape(shape)
    scale = min(2.0 ** (8 * kind.itemsize - 1), 2.0**50) * 0.7
    centre = scale / 0.7 if kind.kind == "u" else 0.0
    return np.rint(out * scale + centre).astype(kind).reshape(shape)
