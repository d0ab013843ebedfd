"""A waveform generator as it is written by hand: float64 over whole segments, then Zarr v2.

50 Hz sine of 0.1 V with time jitter of 5 % of the interval, slow drift, white noise of 10 mV, three
glitches and one event a segment, codes of 0.1 mV; chunks of 100,000 samples, Blosc zstd 5 with bit
shuffle, one overview of about 4,000 bins.
"""

import sys

import numcodecs
import numpy as np
import zarr

destination, channels, segments, samples = sys.argv[1], *map(int, sys.argv[2:5])
rng = np.random.default_rng()
interval = 2e-9
group = zarr.create_group(destination, zarr_format=2, overwrite=True)
blosc = numcodecs.Blosc("zstd", 5, numcodecs.Blosc.BITSHUFFLE)
shape = (channels, 1, segments, samples)
raw = group.create_array("raw", shape=shape, dtype="i2", chunks=(1, 1, 1, min(samples, 100_000)), compressors=blosc)  # fmt: skip
factor = max(1, samples // 4000)
bins = samples // factor
overview = group.create_group("overview").create_array("0", shape=(*shape[:3], 2, bins), dtype="i2", chunks=(1, 1, 1, 2, bins), compressors=blosc)  # fmt: skip
for c in range(channels):
    for s in range(segments):
        time = np.arange(samples) * interval
        jittered = time + rng.normal(0, 0.05 * interval, samples)
        volts = 0.1 * np.sin(2 * np.pi * 50 * jittered)
        volts += 0.01 * np.sin(2 * np.pi * 0.1 * time) + 0.005 * np.sin(2 * np.pi * 0.5 * time)
        volts += rng.normal(0, 0.01, samples)
        volts[rng.integers(0, samples, 3)] += rng.uniform(0.05, 0.15, 3)
        event = (time >= 443.5e-6) & (time < 443.75e-6)
        volts[event] -= 0.05 * np.exp(-(time[event] - 443.5e-6) / 5e-8)
        gain, offset = 1e-4 * rng.uniform(0.98, 1.02), -0.2 + rng.uniform(-0.01, 0.01)
        codes = np.clip((volts + 0.05 * c + offset) / gain, -32768, 32767).astype(np.int16)
        raw[c, 0, s] = codes
        block = codes[: bins * factor].reshape(bins, factor)
        overview[c, 0, s, 0], overview[c, 0, s, 1] = block.min(axis=1), block.max(axis=1)
group.attrs["horiz_interval"] = interval
