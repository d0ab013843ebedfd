"""Stores of a billion samples and more that exist only as arithmetic: every shard repeats one encoded chunk."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import google_crc32c
import numcodecs
import numpy as np
from tests.browser.servers import Blob
from tests.browser.stores import attributes, level_factors

CHUNK = 65_536
BIN_CHUNK = 16_384
MISSING = b"\xff" * 16


def sealed(content: bytes) -> bytes:
    return content + int(google_crc32c.value(content)).to_bytes(4, "little")


@dataclass(frozen=True)
class RepeatedShard:
    """A shard whose first `present` chunks are all the same bytes, back to back, with its index at the end."""

    chunk: bytes
    present: int
    slots: int

    def blob(self) -> Blob:
        n = len(self.chunk)
        entries = b"".join(struct.pack("<QQ", i * n, n) for i in range(self.present))
        index = sealed(entries + MISSING * (self.slots - self.present))
        body = n * self.present

        def read(start: int, length: int) -> bytes:
            end = start + length
            out = b""
            if start < body:
                first, last = start // n, (min(end, body) - 1) // n
                out = (self.chunk * (last - first + 1))[
                    start - first * n : min(end, body) - first * n
                ]
            if end > body:
                out += index[max(0, start - body) : end - body]
            return out

        return Blob(body + len(index), read)


class VirtualWaveform:
    """A waveform store (1, 1, 1, samples) of int16 in the current layout, at most as compressible as `noise` allows."""

    def __init__(self, samples: int, *, noise: int) -> None:
        rng = np.random.default_rng(samples % 2**32)
        self.samples = samples
        wave = 8000 * np.sin(np.arange(CHUNK) / 500)
        raw = (wave + rng.integers(-noise, noise + 1, CHUNK)).clip(-32768, 32767).astype(np.int16)
        lows = rng.integers(-noise, noise + 1, BIN_CHUNK).astype(np.int16) - 8000
        pair = np.stack([lows, lows + 16000])
        codec = numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE)
        self.raw_chunk = sealed(codec.encode(raw))
        self.bin_chunk = sealed(codec.encode(pair))
        self.factors = level_factors(samples)
        self._files: dict[str, Blob] = {}
        metadata = {"raw": self._array((1, 1, 1, samples), (1, 1, 1, CHUNK), (1, 1, 1, 2**24), {})}
        self._add("raw/c/0/0/0", samples, CHUNK, 2**24 // CHUNK, self.raw_chunk)
        for k, factor in enumerate(self.factors):
            bins = -(-samples // factor)
            slots = min(2**24 // BIN_CHUNK, -(-bins // BIN_CHUNK))
            shape, shard = (1, 1, 1, 2, bins), (1, 1, 1, 2, slots * BIN_CHUNK)
            metadata[f"overview/{k}"] = self._array(
                shape, (1, 1, 1, 2, BIN_CHUNK), shard, {"samples_per_bin": factor}
            )
            self._add(f"overview/{k}/c/0/0/0/0", bins, BIN_CHUNK, slots, self.bin_chunk)
        root = {
            "zarr_format": 3, "node_type": "group", "attributes": attributes((1, 1)),
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": metadata},
        }  # fmt: skip
        text = json.dumps(root).encode()
        self._files["zarr.json"] = Blob(len(text), lambda start, n: text[start : start + n])

    def _add(self, stem: str, length: int, chunk: int, slots: int, content: bytes) -> None:
        chunks = -(-length // chunk)
        for shard in range(-(-chunks // slots)):
            self._files[f"{stem}/{shard}"] = RepeatedShard(
                content, min(slots, chunks - shard * slots), slots
            ).blob()

    @staticmethod
    def _array(
        shape: tuple[int, ...],
        chunk: tuple[int, ...],
        shard: tuple[int, ...],
        attrs: dict[str, Any],
    ) -> dict[str, Any]:
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        blosc = {
            "name": "blosc",
            "configuration": {
                "cname": "lz4",
                "clevel": 5,
                "shuffle": "bitshuffle",
                "typesize": 2,
                "blocksize": 0,
            },
        }
        sharding = {
            "chunk_shape": chunk, "codecs": [little, blosc, {"name": "crc32c"}],
            "index_codecs": [little, {"name": "crc32c"}], "index_location": "end",
        }  # fmt: skip
        return {
            "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "int16", "fill_value": 0, "attributes": attrs,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}], "storage_transformers": [],
        }  # fmt: skip

    def __call__(self, path: str) -> Blob | None:
        return self._files.get(path)
