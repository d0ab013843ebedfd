"""What tests do again and again, in a few independent lines of numpy."""

import hashlib
import warnings
from pathlib import Path

import numpy as np

from pyramidion.core import Closing
from pyramidion.formats import WriteOptions
from pyramidion.formats.zarr import FORMAT as ZARR
from pyramidion.workflows import stream

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]  # fmt: skip


class ArraySource(Closing):
    """An array in memory, as a source; counts what is read."""

    def __init__(self, codes, spec):
        self.codes, self.spec, self.n_read = codes.reshape(spec.shape), spec, 0

    def read(self, box):
        self.n_read += box.size
        return self.codes[box.slices]


def random_codes(rng, shape, dtype):
    """Values over the whole range of the type; floats with NaN and infinities among them."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codes = (rng.standard_normal(shape) * 1000).astype(dtype)
    codes.reshape(-1)[rng.integers(0, codes.size, max(1, codes.size // 50))] = np.nan
    codes.reshape(-1)[rng.integers(0, codes.size, 1)] = np.inf
    return codes


def expected_overview(codes, factor):
    """Minima and maxima of each bin, bin by bin; shape (..., 2, bins)."""
    n_bins = -(-codes.shape[-1] // factor)
    out = np.empty((*codes.shape[:-1], 2, n_bins), codes.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bin of nothing but NaN is NaN
        lowest, highest = (np.nanmin, np.nanmax) if codes.dtype.kind == "f" else (np.min, np.max)
        for k in range(n_bins):
            samples = codes[..., k * factor : (k + 1) * factor]
            out[..., 0, k] = lowest(samples, axis=-1)
            out[..., 1, k] = highest(samples, axis=-1)
    return out


def write_store(path: Path, codes, spec, **options):
    """Write codes to a waveform store."""
    source = ArraySource(codes, spec)
    stream(source, ZARR.create(path, spec, WriteOptions(**options)))
    return path


def tree_digest(folder: Path):
    """Map every file to the hash of its bytes."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
