"""Builds `.trc` files from literal offsets, independent of the reader under test."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

DEFAULTS = {
    # offset: (struct code, value)
    36: ("i", 346),
    156: ("f", 0.25),
    160: ("f", -1.5),
    164: ("f", 30000.0),
    168: ("f", -31000.0),
    176: ("f", 2e-9),
    180: ("d", -1e-6),
    196: ("4s", b"V"),
    244: ("4s", b"S"),
    76: ("16s", b"LECROYWR64Xi-A"),
}


def trc_bytes(
    codes: np.ndarray,
    *,
    order: str = "<",
    prefix: bytes = b"#9000001000",
    triggers: np.ndarray | None = None,
    user_text: bytes = b"",
    ris: bytes = b"",
    extra_descriptor: int = 0,
    tail: bytes = b"",
    fields: dict[int, tuple[str, object]] | None = None,
) -> bytes:
    """Return a file of `codes`, shape (segments, samples), int8 or int16."""
    times = b"" if triggers is None else triggers.astype(order + "f8").tobytes()
    data = codes.astype(codes.dtype.newbyteorder(order)).tobytes()
    values = DEFAULTS | {
        32: ("h", codes.dtype.itemsize - 1),
        34: ("h", int(order == "<")),
        36: ("i", 346 + extra_descriptor),
        40: ("i", len(user_text)),
        48: ("i", len(times)),
        52: ("i", len(ris)),
        60: ("i", len(data)),
        116: ("i", codes.size),
        144: ("i", len(codes)),
    }
    header = bytearray(346 + extra_descriptor)
    header[:8] = b"WAVEDESC"
    header[16:26] = b"LECROY_2_3"
    for offset, (code, value) in (values | (fields or {})).items():
        struct.pack_into(order + code, header, offset, value)
    return prefix + bytes(header) + user_text + times + ris + data + tail


def write_trc(path: Path, codes: np.ndarray, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(trc_bytes(codes, **more))
    return path


def ramp(segments: int = 1, samples: int = 1000, dtype: str = "i2") -> np.ndarray:
    limit = np.iinfo(dtype).max
    return (
        (np.arange(segments * samples) * 7 % (2 * limit) - limit)
        .astype(dtype)
        .reshape(segments, samples)
    )


def trigger_date(
    seconds: float, minute: int = 26, hour: int = 9, day: int = 9, month: int = 11, year: int = 2022
) -> dict[int, tuple[str, object]]:
    """Return the fields of TRIGGER_TIME."""
    return {
        296: ("d", seconds),
        304: ("B", minute),
        305: ("B", hour),
        306: ("B", day),
        307: ("B", month),
        308: ("h", year),
    }
