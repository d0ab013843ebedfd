"""The plain pipeline: h5py + zarr-python + numpy, as a converter is written by hand.

One segment at a time in memory; `raw` in chunks of 10,000,000 samples with Blosc zstd 3 and bit
shuffle; then the file is read a second time for one overview of about 4,000 bins.
"""

import sys

import h5py
import numcodecs
import numpy as np
import zarr

source, destination = sys.argv[1:]
with h5py.File(source) as file:
    data = file["data"]
    channels, trcs, segments, samples = data.shape
    group = zarr.create_group(destination, zarr_format=2, overwrite=True)
    blosc = numcodecs.Blosc("zstd", 3, numcodecs.Blosc.BITSHUFFLE)
    raw = group.create_array("raw", shape=data.shape, dtype=data.dtype, chunks=(1, 1, 1, min(samples, 10_000_000)), compressors=blosc)  # fmt: skip
    for c, t, s in np.ndindex(channels, trcs, segments):
        raw[c, t, s] = data[c, t, s]
    factor = max(1, samples // 4000)
    bins = samples // factor
    overview = group.create_group("overview").create_array("0", shape=(channels, trcs, segments, 2, bins), dtype=data.dtype, chunks=(1, 1, 1, 2, bins))  # fmt: skip
    for c, t, s in np.ndindex(channels, trcs, segments):
        block = data[c, t, s, : bins * factor].reshape(bins, factor)
        overview[c, t, s, 0], overview[c, t, s, 1] = block.min(axis=1), block.max(axis=1)
    group.attrs["horiz_interval"] = 2e-9
    group.attrs["vertical_gains"] = [[1e-4] * trcs] * channels
    group.attrs["vertical_offsets"] = [[-0.2] * trcs] * channels
