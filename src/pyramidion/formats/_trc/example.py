"""Tiny `.trc` files for the contract tests: header fields by name, the rest zero."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from pyramidion.formats._trc.fields import DESCRIPTOR_BYTES, FIELDS, TEMPLATE


def write_trc(path: Path, codes: np.ndarray, **fields: float | bytes) -> None:
    """Write a little-endian `.trc` file in sequence mode.

    Parameters
    ----------
    path : Path
        The file.
    codes : ndarray, shape (segments, samples), int16
        Triggers are 1 ms apart.
    fields
        Header fields by name, over the defaults.
    """
    n_segments = len(codes)
    values: dict[str, float | bytes] = {
        "TEMPLATE_NAME": TEMPLATE.encode(),
        "COMM_TYPE": 1,
        "COMM_ORDER": 1,
        "WAVE_DESCRIPTOR": DESCRIPTOR_BYTES,
        "TRIGTIME_ARRAY": 16 * n_segments,
        "WAVE_ARRAY_1": codes.nbytes,
        "WAVE_ARRAY_COUNT": codes.size,
        "SUBARRAY_COUNT": n_segments,
        "VERTICAL_GAIN": 1e-3,
        "HORIZ_INTERVAL": 2e-9,
        "VERTUNIT": b"V",
        "HORUNIT": b"S",
    }
    header = bytearray(DESCRIPTOR_BYTES)
    header[:8] = b"WAVEDESC"
    for name, offset, code in FIELDS:
        value = (values | fields).get(name)
        if value is not None:
            struct.pack_into("<" + code, header, offset, value)
    triggers = np.stack([np.arange(n_segments) * 1e-3, np.full(n_segments, -1e-6)], axis=1)
    path.write_bytes(header + triggers.astype("<f8").tobytes() + codes.astype("<i2").tobytes())
