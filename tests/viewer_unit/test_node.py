"""Runs the viewer's own unit tests in Node, with bytes encoded by numcodecs for its decoders."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import google_crc32c
import numcodecs
import numpy as np
import pytest

HERE = Path(__file__).parent
SHUFFLES = {
    "plain": numcodecs.Blosc.NOSHUFFLE,
    "byte": numcodecs.Blosc.SHUFFLE,
    "bit": numcodecs.Blosc.BITSHUFFLE,
}


def arrays() -> dict[str, np.ndarray]:
    """Data of each element size: well and badly compressible, of lengths that fill no block."""
    rng = np.random.default_rng(5)
    wave = np.sin(np.arange(40_003) / 300) * 1000 + rng.normal(0, 3, 40_003)
    return {
        "u1": rng.integers(0, 255, 5_001, dtype=np.uint8),
        "i1": (wave / 20).astype(np.int8),
        "i2": wave.astype(np.int16),
        "i4": (wave * 1000).astype(np.int32)[:20_001],
        "f8": wave[:10_007],
        "zeros": np.zeros(30_000, np.int16),
        "short": np.arange(5, dtype=np.int16),
        "even": wave[:32_768].astype(np.int16),
    }


def encode_cases(folder: Path) -> list[dict[str, object]]:
    """Write every array in every encoding; returns what the tests need to decode them."""
    cases: list[dict[str, object]] = []
    for label, data in arrays().items():
        plain = f"{label}.plain"
        (folder / plain).write_bytes(data.tobytes())
        encodings: dict[str, tuple[bytes, list[str]]] = {
            "zstd": (numcodecs.Zstd(level=3).encode(data), ["zstd"]),
            "zstd-checked": (numcodecs.Zstd(level=1, checksum=True).encode(data), ["zstd"]),
            "gzip": (gzip.compress(data.tobytes(), 1), ["gzip"]),
            "zlib": (zlib.compress(data.tobytes(), 6), ["zlib"]),
        }
        for codec in ("lz4", "lz4hc", "zstd"):
            for shuffle, number in SHUFFLES.items():
                encodings[f"blosc-{codec}-{shuffle}"] = (
                    numcodecs.Blosc(codec, 5, number).encode(data),
                    ["blosc"],
                )
        encodings["blosc-blocks"] = (
            numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE, blocksize=2048).encode(data),
            ["blosc"],
        )
        encodings["blosc-stored"] = (numcodecs.Blosc("lz4", 0).encode(data), ["blosc"])
        for name, (content, codecs) in encodings.items():
            checked = name in ("blosc-lz4-bit", "gzip")
            encoded = bytes(content)
            if checked:
                encoded += int(google_crc32c.value(encoded)).to_bytes(4, "little")
            file = f"{name}.{label}"
            (folder / file).write_bytes(encoded)
            cases.append(
                {
                    "name": file,
                    "codecs": codecs + ["crc32c"] * checked,
                    "plain": plain,
                    "dtype": data.dtype.name,
                    "count": data.size,
                }
            )
    return cases


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of encoded bytes and a manifest."""
    folder = tmp_path_factory.mktemp("encoded")
    cases = encode_cases(folder)
    data = arrays()["i2"]
    refused = []
    for codec, says in (("blosclz", "blosclz"), ("zlib", "zlib")):
        name = f"refused.{codec}"
        (folder / name).write_bytes(numcodecs.Blosc(codec, 5).encode(data))
        refused.append({"name": name, "says": says, "size": data.nbytes})
    checksums = []
    for n in (0, 1, 7, 8, 9, 1000, 65_537):
        content = np.random.default_rng(n).bytes(n)
        (folder / f"crc.{n}").write_bytes(content)
        checksums.append({"name": f"crc.{n}", "value": google_crc32c.value(content)})
    halves = np.array([0, 1, -2.5, 65504, 6e-8, 5e-6, np.inf, -np.inf, np.nan], np.float16)
    (folder / "halves").write_bytes(halves.tobytes())
    texts = [
        {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(v), float(v)) for v in halves
    ]
    manifest = {
        "cases": cases,
        "checksums": checksums,
        "refused": refused,
        "halves": {"name": "halves", "values": texts},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_in_node(script: str, fixtures: Path) -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Node is needed to test the viewer's modules")
        pytest.skip("Node is not installed")
    done = subprocess.run(
        [node, "--test", str(HERE / script)],
        env=os.environ | {"VIEWER_FIXTURES": str(fixtures), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
