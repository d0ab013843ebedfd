"""Blocks that are zfp streams without a header: the parameters are in the field.

The stock decoder wants a header. The short one, 96 bits, is in front of a stream that goes on with the
next byte; so it is made for an empty block of the same shape, and put in front.
Source: zfp 1.0, "zfp_write_header": 32 bits magic, 52 bits shape and type, 12 bits mode.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

_PARAMETER = re.compile(r"zfp-[^-]+-(precision|accuracy)=([0-9.]+(?:e-?[0-9]{1,3})?)")
_HEADER_BYTES = 12
_MODE_AT = 84
_LONG_MODE = 0xFFF
_DTYPES = ("int32", "int64", "float32", "float64")


def zfp_parameter(compression: str) -> tuple[str, float] | None:
    """Return mode and value that a field is decoded with; None for one that is not supported.

    ``zfp`` alone is the reversible mode, which OpenVisus itself does not read back right.

    Examples
    --------
    >>> zfp_parameter("zfp-precision=16-precision=16"), zfp_parameter("zfp")
    (('precision', 16.0), None)
    """
    found = _PARAMETER.fullmatch(compression.lower())
    try:
        value = float(found[2]) if found else 0.0
    except ValueError:
        return None
    if found is None or not 0 < value < 1e300 or (found[1] == "precision" and value > 64):
        return None
    return found[1], value


def supports(dtype: np.dtype[Any], components: int) -> bool:
    """Tell whether blocks of a type can be zfp streams."""
    return components == 1 and dtype.name in _DTYPES


def decode_zfp(body: bytes, compression: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Decode a block.

    Parameters
    ----------
    body : bytes
        The stream.
    compression : str
        As the field says; :func:`zfp_parameter` knows it.
    dtype : str
        Type of the samples.
    shape : tuple of int
        2 or 3 axes.

    Returns
    -------
    ndarray, shape (n,)
    """
    import imagecodecs

    found = zfp_parameter(compression)
    assert found is not None
    # The decoder trusts the stream and may read on past a short one: zeros are put there.
    room = 2 * int(np.prod(shape)) * np.dtype(dtype).itemsize + 4096
    stream = _header(shape, dtype, *found) + body + bytes(max(0, room - len(body)))
    values: np.ndarray = imagecodecs.zfp_decode(stream)
    return values.reshape(-1)


@lru_cache(maxsize=16)
def _header(shape: tuple[int, ...], dtype: str, mode: str, value: float) -> bytes:
    import imagecodecs

    level: Any = int(value) if mode == "precision" else value
    stream = imagecodecs.zfp_encode(np.zeros(shape, dtype), level=level, mode=mode[0], header=True)
    header = bytes(stream[:_HEADER_BYTES])
    assert int.from_bytes(header, "little") >> _MODE_AT != _LONG_MODE
    return header
