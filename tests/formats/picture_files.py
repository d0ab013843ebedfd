"""Pictures made by independent writers, and by hand where they are wrong on purpose."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from pyramidion.core import Box, ImageSpec, image_axes
from pyramidion.formats import OpenOptions, WriteOptions, open_image

MAGIC = b"\x89PNG\r\n\x1a\n"


def save(path: Path, values) -> Path:
    """Write a picture with Pillow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values)).save(path)
    return path


def load(path: Path) -> np.ndarray:
    """Read a picture with Pillow."""
    with Image.open(path) as image:
        return np.asarray(image)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows: bytes, bits=8, color=0, interlace=0, extra=b"") -> bytes:
    """Return a PNG of filtered rows."""
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlace)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return MAGIC + chunk(b"IHDR", head) + extra + pixels + chunk(b"IEND", b"")


def grey_rows(values) -> bytes:
    """Return the rows of a picture, unfiltered."""
    stored = np.asarray(values).astype(np.asarray(values).dtype.newbyteorder(">"))
    return b"".join(b"\0" + row.tobytes() for row in stored)


def asymmetric(shape, dtype=np.uint16) -> np.ndarray:
    """Elements of which no two lie where a flip or a swap of axes would put them."""
    values = np.arange(int(np.prod(shape)), dtype=np.int64) * 7919 % 65_521
    return values.reshape(shape).astype(dtype)


def read_all(path: Path, **options) -> np.ndarray:
    """Read a whole image through the product."""
    with open_image(path, OpenOptions(**options)) as source:
        return source.read(Box.whole(source.spec.shape))


def spec_of(values, **told) -> ImageSpec:
    """Describe elements (t, c, z, y, x)."""
    return ImageSpec(image_axes(values.shape), values.dtype, **told)


def write(create, path, values, options=None, **told):
    """Write elements (t, c, z, y, x) with a format's ``create_image``; return the sink."""
    spec = told.pop("spec", None) or spec_of(values, **told)
    sink = create(path, [spec], options or WriteOptions())
    for task in range(len(sink.tasks)):
        sink.work(task, [lambda box: values[box.slices]])
    assert all(sink.is_done(task) for task in range(len(sink.tasks)))
    sink.commit()
    return sink
